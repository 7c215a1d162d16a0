"""Finding faces: YuNet (`yunet.py`) on the picture at one or two sizes.

YuNet was trained on faces of about 10 to 300 px. On pictures scaled so that the long side has 640 px, every demo face
tried was found with a score of at least 0.88; at 1,024 px large faces fell below 0.7 and broke into several.
Hence:

1. A picture is scaled down to 640 px (never up) and searched.
2. A larger picture is also searched at 1,280 px, for small faces alone: narrower than 100 px there, and not inside a
   face that was found before. So are, where every face is wanted or none was found yet, pictures of more than 2,560 px
   at 2,560 px and of more than 5,120 px at 5,120 px: at 1,280 px two thirds of demo faces with 20 px between the eyes,
   the default policy's least, were found in pictures of 4,000 x 3,000 px and none in 8,000 x 6,000 px, so searched all.
   It takes 4 to 6 times as long, which a probe is worth; a reference's face is large, or it is to be cropped.
3. If nothing is found, 320 px is tried, for a face that fills the frame.
4. Coordinates come back in pixels of the upright picture; the largest face is first.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from matcher.domain.face import FacePlace, Point
from matcher.domain.template import Floats
from matcher.vision.pixels import Pixels
from matcher.vision.yunet import YuNet

COARSE, FILLED = 640, 320
FINE = (1280, 2560, 5120)
SMALL = 100  # px, on a fine picture


class Detector:
    """The detection model; `find` may be called from several threads at once."""

    def __init__(self, weights: bytes) -> None:
        self._network = YuNet(weights)

    def find(self, pixels: Pixels, every: bool = False) -> list[FacePlace]:
        """The faces of a picture (h, w, 3), the largest first; with `every`, small ones in a very large picture too."""
        long_side = max(pixels.shape[:2])
        found = self._search(pixels, COARSE)
        if long_side > COARSE:
            found += self._small(pixels, FINE[0], found)
        for side in FINE[1:]:
            if long_side > side and (every or not found):
                found += self._small(pixels, side, found)
        if not found and long_side > FILLED:
            found = self._search(pixels, FILLED)
        return sorted(found, key=lambda face: (-face.box[2] * face.box[3], face.box))

    def _small(self, pixels: Pixels, side: int, found: list[FacePlace]) -> list[FacePlace]:
        limit = SMALL * max(1.0, max(pixels.shape[:2]) / side)
        return [face for face in self._search(pixels, side) if face.box[2] < limit and not _inside_any(face, found)]

    def _search(self, pixels: Pixels, long_side: int) -> list[FacePlace]:
        height, width = pixels.shape[:2]
        scale = min(1.0, long_side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = pixels if scale == 1.0 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        stretch = np.array([width / size[0], height / size[1]])
        return list(_places(self._network.rows(np.asarray(image, np.uint8)), stretch))


def _places(rows: Floats, stretch: object) -> Iterator[FacePlace]:
    """YuNet's rows: box (4), five landmarks (10), score."""
    for row in rows.astype(np.float64):
        corner, size, *points = (row[:14].reshape(7, 2) * stretch).tolist()
        right_eye, left_eye, nose, right_mouth, left_mouth = (_point(point) for point in points)
        yield FacePlace((corner[0], corner[1], size[0], size[1]), (right_eye, left_eye, nose, right_mouth, left_mouth))


def _point(pair: list[float]) -> Point:
    return pair[0], pair[1]


def _inside_any(face: FacePlace, others: list[FacePlace]) -> bool:
    x, y, width, height = face.box
    middle_x, middle_y = x + width / 2, y + height / 2
    return any(
        left <= middle_x <= left + wide and top <= middle_y <= top + high
        for left, top, wide, high in (o.box for o in others)
    )
