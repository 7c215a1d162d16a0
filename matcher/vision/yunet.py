"""YuNet's network: faces of one picture at the size it has, as rows of box (4), five landmarks (10) and score.

The network gives three maps, one for each stride (8, 16, 32), of 16 channels: two logits, the box, five landmarks
(`models/heads.py`). What is made of them is what OpenCV's `FaceDetectorYN` makes of the published outputs; a test holds
both to each other:

1. The picture is fed as it is (0..255, blue green red), with black to the right and below up to a multiple of 32 px.
2. The score is the geometric mean of both logits' sigmoids. It cannot reach `MIN_SCORE` where one of them is below
   its square: of the places where neither is, a few in ten thousand, the rest is computed.
3. Centre and landmarks count in strides from the place in the map, width and height are powers of e times the stride.
4. Of faces that overlap by more than `MAX_OVERLAP` the one of the highest score stays; overlaps are taken on boxes
   whose numbers are cut to whole pixels, as OpenCV does.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.vision.pixels import Pixels
from matcher.vision.session import open_session

# The zoo's own demo asks for 0.9, which loses faces in profile. In enrolment a face too many is a counted rejection and
# in a probe one more search; a face lost is neither seen nor counted.
MIN_SCORE = 0.6
MAX_OVERLAP = 0.3  # intersection over union, as the zoo has it
MAX_FACES = 5000
STRIDES = (8, 16, 32)
CHANNELS = 16
# A hair below the logit of MIN_SCORE squared: rounding must not decide what is left to be computed.
_LEAST_LOGIT = math.log(MIN_SCORE**2 / (1 - MIN_SCORE**2)) - 0.001


class YuNet:
    """The network in memory; `rows` may be called from several threads at once."""

    def __init__(self, weights: bytes) -> None:
        self._session = open_session(weights, "detector")
        maps = [output.shape[1] for output in self._session.get_outputs()]
        if maps != [CHANNELS] * len(STRIDES):
            raise BadInput(f"the detector gives maps of {maps} channels, not three of {CHANNELS}")
        self._input = self._session.get_inputs()[0].name

    def rows(self, image: Pixels) -> Floats:
        """Faces of a picture (h, w, 3), in its pixels: float32 (n, 15), the highest score first."""
        maps = self._session.run(None, {self._input: _padded(image)})
        found = _faces([part[0] for part in maps])
        return found[_apart(found)] if len(found) > 1 else found


def _padded(image: Pixels) -> Floats:
    height, width = image.shape[:2]
    # Only the margin is written twice: `np.zeros` would have the system hand out fresh memory at every picture.
    blob = np.empty((1, 3, height + -height % 32, width + -width % 32), np.float32)
    blob[..., height:, :] = blob[..., width:] = 0
    for channel, plane in enumerate(cv2.split(image)):  # a tenth of the time of OpenCV's `blobFromImage`
        blob[0, channel, :height, :width] = plane
    return blob


def _faces(maps: Sequence[Floats]) -> Floats:
    """What the maps (16, h, w) hold: float32 (n, 15)."""
    likely = np.concatenate([_likely(features, stride) for features, stride in zip(maps, STRIDES, strict=True)])
    place, stride, values = likely[:, :2], likely[:, 2:3], likely[:, 3:]
    score = np.sqrt(np.prod(1 / (1 + np.exp(-values[:, :2])), axis=1))
    centre = (place + values[:, 2:4]) * stride
    with np.errstate(over="ignore"):  # an infinite size is no face, see below
        size = np.exp(values[:, 4:6]) * stride
    points = (np.tile(place, 5) + values[:, 6:]) * stride
    found = np.concatenate([centre - size / 2, size, points, score[:, np.newaxis]], axis=1)
    return np.asarray(found[(score >= MIN_SCORE) & np.isfinite(found).all(axis=1)], np.float32)


def _likely(features: Floats, stride: int) -> Floats:
    """The places of one map whose score may be high enough: column, row, stride and channels, float32 (n, 19)."""
    row, column = np.nonzero(features[:2].min(axis=0) > _LEAST_LOGIT)
    found = np.empty((len(row), 3 + CHANNELS), np.float32)
    found[:, 0], found[:, 1], found[:, 2] = column, row, stride
    found[:, 3:] = features[:, row, column].T
    return found


def _apart(found: Floats) -> npt.NDArray[np.intp]:
    """Which faces stay, the highest score first."""
    boxes, scores = found[:, :4].astype(int).tolist(), found[:, 14].tolist()
    kept = cv2.dnn.NMSBoxes(boxes, scores, MIN_SCORE, MAX_OVERLAP, top_k=MAX_FACES)
    return np.asarray(kept, np.intp)
