"""Where a face lies on screen: crops of two pictures with level eyes, the eyes at the same places in both.

A similarity transform (rotation, one scale, shift) per picture; the shape of a face is never changed. All faces of one
view share the distance between the eyes: the largest at which every face box with its margin fits, times the zoom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.domain.face import FacePlace

MARGIN = 1.16  # the box of the detector ends at chin and brow; hair, ears and neck help a comparison
LEAST_EYE_SHARE = 0.2  # of the box width: below it (a profile) the eyes say nothing about scale
USUAL_EYE_SHARE = 0.42

Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """How one picture is drawn.

    `matrix` (a, b, c, d, e, f) takes picture pixels to view pixels by x' = ax + by + c, y' = dx + ey + f.
    `face_share` is the visible height of the face box as a share of the view's height. `middle` (the middle of the
    eyes) and `distance` (of the eyes) are in view pixels and the same for all faces of one view.
    """

    matrix: Matrix
    face_share: float
    middle: tuple[float, float]
    distance: float

    @property
    def scale(self) -> float:
        """View pixels per picture pixel."""
        return math.hypot(self.matrix[0], self.matrix[3])


@dataclass(frozen=True, slots=True)
class _Face:
    """A face in units of its eye distance, from the middle of the eyes, eyes level."""

    middle: tuple[float, float]
    cos: float
    sin: float
    eyes: float
    centre: tuple[float, float]
    half: tuple[float, float]


def place_faces(
    places: Sequence[FacePlace], width: float, height: float, zoom: float = 1.0, mirrored: Sequence[bool] = ()
) -> tuple[Placement, ...]:
    """One placement per face for views of `width` x `height` pixels (square pixels); `zoom` 1 shows the whole face."""
    faces = [_measured(place) for place in places]
    above = max(face.half[1] * MARGIN - face.centre[1] for face in faces)
    below = max(face.half[1] * MARGIN + face.centre[1] for face in faces)
    aside = max(face.half[0] * MARGIN + abs(face.centre[0]) for face in faces)
    distance = zoom * min(height / (above + below), width / (2 * aside))
    anchor = (width / 2, height * above / (above + below))
    flips = [*mirrored, *[False] * len(faces)]
    return tuple(_placed(face, distance, anchor, (width, height), flips[at]) for at, face in enumerate(faces))


def inverse(matrix: Matrix) -> Matrix:
    """The matrix that takes view pixels back to picture pixels."""
    a, b, c, d, e, f = matrix
    det = a * e - b * d
    return e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det


def apply(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """A picture point in view pixels."""
    a, b, c, d, e, f = matrix
    return a * x + b * y + c, d * x + e * y + f


def _measured(place: FacePlace) -> _Face:
    (right_x, right_y), (left_x, left_y) = place.landmarks[:2]
    x, y, wide, high = place.box
    wide, high = max(wide, 1.0), max(high, 1.0)
    eyes = math.hypot(left_x - right_x, left_y - right_y)
    middle = ((right_x + left_x) / 2, (right_y + left_y) / 2)
    turn = math.atan2(left_y - right_y, left_x - right_x)
    if eyes < LEAST_EYE_SHARE * wide:
        eyes, turn, middle = USUAL_EYE_SHARE * wide, 0.0, (x + wide / 2, y + 0.4 * high)
    cos, sin = math.cos(-turn), math.sin(-turn)
    off_x, off_y = x + wide / 2 - middle[0], y + high / 2 - middle[1]
    centre = ((cos * off_x - sin * off_y) / eyes, (sin * off_x + cos * off_y) / eyes)
    return _Face(middle, cos, sin, eyes, centre, (wide / 2 / eyes, high / 2 / eyes))


def _placed(
    face: _Face, distance: float, anchor: tuple[float, float], view: tuple[float, float], mirrored: bool
) -> Placement:
    scale = distance / face.eyes
    a, b, d, e = scale * face.cos, -scale * face.sin, scale * face.sin, scale * face.cos
    c = anchor[0] - a * face.middle[0] - b * face.middle[1]
    f = anchor[1] - d * face.middle[0] - e * face.middle[1]
    if mirrored:
        a, b, c = -a, -b, view[0] - c
    top = anchor[1] + distance * (face.centre[1] - face.half[1])
    bottom = anchor[1] + distance * (face.centre[1] + face.half[1])
    visible = max(0.0, min(bottom, view[1]) - max(top, 0.0))
    return Placement((a, b, c, d, e, f), visible / view[1], anchor, distance)
