"""A face turned to the position that the embedder was trained on: 112 x 112 px, eyes level.

The least-squares similarity (scale, rotation, shift; no reflection) of the five landmarks onto the ArcFace template:
Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", as in OpenCV's
`FaceRecognizerSF.alignCrop`, to which a test holds it. Written out because OpenCV's needs the recognition model loaded.

A face four or more times as large as the crop is first shrunk by a whole number, each pixel the mean of those that it
stands for, so that the crop is at least a third of what is then warped. Warping alone reads 4 of them and lets their
noise through: with noise of 12 grey levels on enlarged demo pictures, templates scored 0.95 with the original's in the
mean instead of 0.90.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from matcher.domain.face import FacePlace
from matcher.vision.pixels import Pixels

SIDE = 112
# Right eye, left eye, nose tip, right and left mouth corner of the ArcFace template (Deng and others 2019), in px.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
TEMPLATE.flags.writeable = False
_TO_CENTRE = TEMPLATE.mean(axis=0)
Points = npt.NDArray[np.float64]  # (n, 2) in px, or a matrix (2, 3)


def align(pixels: Pixels, place: FacePlace) -> Pixels:
    """The aligned crop (112, 112, 3). Landmarks must not all coincide; what lies outside the picture is black."""
    points = np.array(place.landmarks, np.float64)
    matrix = _similarity(points)
    times = int(0.5 / math.hypot(matrix[0, 0], matrix[1, 0]))
    if times >= 2:
        pixels, points = _shrunk(pixels, points, matrix, times)
        matrix = _similarity(points)
    crop = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)


def crop_corners(place: FacePlace) -> Points:
    """Where the corners of the aligned crop lie in the picture, in px (4, 2)."""
    return _taken_back(_similarity(np.array(place.landmarks, np.float64)))


def _taken_back(matrix: Points) -> Points:
    corners = np.array([[-0.5, -0.5], [SIDE - 0.5, -0.5], [SIDE - 0.5, SIDE - 0.5], [-0.5, SIDE - 0.5]])
    return np.asarray(np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T)


def _shrunk(pixels: Pixels, points: Points, matrix: Points, times: int) -> tuple[Pixels, Points]:
    """The part of a picture that the crop shows, in blocks of `times` x `times` px, and the landmarks in it.

    Only whole blocks inside the picture: less than one block of a few pixels is lost at its edge.
    """
    corners = _taken_back(matrix)
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


def _similarity(points: Points) -> Points:
    """The 2 x 3 matrix that takes points (5, 2) nearest to the template."""
    from_centre = points.mean(axis=0)
    # In the plane a turn with a scale is a product of complex numbers, and Umeyama's answer the quotient of two sums:
    # here its real and imaginary part.
    (x, y), (to_x, to_y) = (points - from_centre).T, (TEMPLATE - _TO_CENTRE).T
    spread = x @ x + y @ y
    along, across = (x @ to_x + y @ to_y) / spread, (x @ to_y - y @ to_x) / spread
    matrix = np.array([[along, -across, 0.0], [across, along, 0.0]])
    matrix[:, 2] = _TO_CENTRE - matrix[:, :2] @ from_centre
    return matrix
