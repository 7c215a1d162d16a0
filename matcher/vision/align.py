"""A face turned to the position that the embedder was trained on: 112 x 112 px unless its manifest says otherwise.

The least-squares similarity (scale, rotation, shift; no reflection) of the five landmarks onto the ArcFace template or
the manifest's:
Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", as in OpenCV's
`FaceRecognizerSF.alignCrop`, to which a test holds it. Written out because OpenCV's needs the recognition model loaded.

A face four or more times as large as the crop is first shrunk by a whole number, each pixel the mean of those that it
stands for, so that the crop is at least a third of what is then warped. Warping alone reads 4 of them and lets their
noise through: with noise of 12 grey levels on enlarged demo pictures, templates scored 0.95 with the original's in the
mean instead of 0.90.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from matcher.domain.face import FacePlace
from matcher.domain.model_input import ARCFACE, SIDE, EmbedderInput
from matcher.vision.pixels import Pixels

TEMPLATE = np.array(ARCFACE, np.float64)
TEMPLATE.flags.writeable = False
Points = npt.NDArray[np.float64]  # (n, 2) in px, or a matrix (2, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """Where a face comes to lie: `template` holds the five landmarks in px of a crop of `height` x `width`."""

    height: int
    width: int
    template: Points


STANDARD = Crop(SIDE, SIDE, TEMPLATE)


def crop_of(fed: EmbedderInput) -> Crop:
    """The crop of an embedder; `STANDARD` itself where it is the one that quality is measured on."""
    if fed.size == (SIDE, SIDE) and fed.points == ARCFACE:
        return STANDARD
    return Crop(*fed.size, np.array(fed.points, np.float64))


def align(pixels: Pixels, place: FacePlace, crop: Crop = STANDARD) -> Pixels:
    """The aligned crop (height, width, 3). Landmarks must not all coincide; what lies outside the picture is black."""
    points = np.array(place.landmarks, np.float64)
    matrix = _similarity(points, crop.template)
    times = int(0.5 / math.hypot(matrix[0, 0], matrix[1, 0]))
    if times >= 2:
        pixels, points = _shrunk(pixels, points, _taken_back(matrix, crop), times)
        matrix = _similarity(points, crop.template)
    warped = cv2.warpAffine(pixels, matrix, (crop.width, crop.height), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def crop_corners(place: FacePlace) -> Points:
    """Where the corners of the standard crop lie in the picture, in px (4, 2)."""
    return _taken_back(_similarity(np.array(place.landmarks, np.float64), TEMPLATE), STANDARD)


def _taken_back(matrix: Points, crop: Crop) -> Points:
    right, bottom = crop.width - 0.5, crop.height - 0.5
    corners = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
    return np.asarray(np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T)


def _shrunk(pixels: Pixels, points: Points, corners: Points, times: int) -> tuple[Pixels, Points]:
    """The part of a picture between these corners, in blocks of `times` x `times` px, and the landmarks in it.

    Only whole blocks inside the picture: less than one block of a few pixels is lost at its edge.
    """
    height, width = pixels.shape[:2]
    low_x, low_y = (max(0, int(least) // times * times - times) for least in corners.min(axis=0))
    high_x, high_y = (int(most) // times * times + 2 * times for most in corners.max(axis=0))
    right, bottom = min(high_x, width // times * times), min(high_y, height // times * times)
    if right <= low_x or bottom <= low_y:
        return pixels, points
    size = (right - low_x) // times, (bottom - low_y) // times
    part = cv2.resize(pixels[low_y:bottom, low_x:right], size, interpolation=cv2.INTER_AREA)
    # A block's centre is the mean of its pixels' centres: (times - 1) / 2 from its first one.
    return np.asarray(part, np.uint8), (points - (low_x, low_y) - (times - 1) / 2) / times


def _similarity(points: Points, template: Points) -> Points:
    """The 2 x 3 matrix that takes points (5, 2) nearest to the template."""
    from_centre, to_centre = points.mean(axis=0), template.mean(axis=0)
    # In the plane a turn with a scale is a product of complex numbers, and Umeyama's answer the quotient of two sums:
    # here its real and imaginary part.
    (x, y), (to_x, to_y) = (points - from_centre).T, (template - to_centre).T
    spread = x @ x + y @ y
    along, across = (x @ to_x + y @ to_y) / spread, (x @ to_y - y @ to_x) / spread
    matrix = np.array([[along, -across, 0.0], [across, along, 0.0]])
    matrix[:, 2] = to_centre - matrix[:, :2] @ from_centre
    return matrix
