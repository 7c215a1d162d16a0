"""A face turned to the position that the embedder was trained on: 112 x 112 px, eyes level.

The least-squares similarity (scale, rotation, shift; no reflection) of the five landmarks onto the ArcFace template:
Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", as in OpenCV's
`FaceRecognizerSF.alignCrop`, to which a test holds it. Written out because OpenCV's needs the recognition model loaded.
"""

import cv2
import numpy as np

from matcher.domain.face import FacePlace
from matcher.vision.pixels import Pixels

SIDE = 112
# Right eye, left eye, nose tip, right and left mouth corner of the ArcFace template (Deng and others 2019), in px.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
TEMPLATE.flags.writeable = False


def align(pixels: Pixels, place: FacePlace) -> Pixels:
    """The aligned crop (112, 112, 3). Landmarks must not all coincide; what lies outside the picture is black."""
    matrix = _similarity(np.array(place.landmarks, np.float64))
    crop = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)


def _similarity(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The 2 x 3 matrix that takes points (5, 2) nearest to the template."""
    from_centre, to_centre = points.mean(axis=0), TEMPLATE.mean(axis=0)
    centred = points - from_centre
    left, singular, right = np.linalg.svd((TEMPLATE - to_centre).T @ centred / len(points))
    signs = np.array([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) > 0 else -1.0])
    rotation = left @ np.diag(signs) @ right
    scale = (singular * signs).sum() / (centred**2).sum(axis=1).mean()
    matrix = np.empty((2, 3), np.float64)
    matrix[:, :2] = scale * rotation
    matrix[:, 2] = to_centre - matrix[:, :2] @ from_centre
    return matrix
