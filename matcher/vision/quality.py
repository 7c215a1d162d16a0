"""Measures of one face and the policy's limits on them.

| measure | unit | how | ISO/IEC 29794-5:2025 component |
|---|---|---|---|
| inter_eye_pixels | px of the upright picture | distance of the eyes | inter-eye distance (there over cos yaw) |
| sharpness | none | variance of the Laplacian of the crop's luminance | sharpness (there a trained forest) |
| yaw_ratio | half eye distance | nose tip from the eyes' midpoint along the eye axis | head pose yaw (degrees) |
| pitch_ratio | eyes to mouth | nose tip between eyes (0) and mouth (1) across that axis | head pose pitch (degrees) |
| roll_degrees | degrees | angle of the eye axis to the horizontal | head pose roll |
| brightness | 0..255 | mean luminance of the crop | luminance mean (there 0..1 of the face region) |
| contrast | 0..128 | standard deviation of the face's luminance | luminance variance (there its square, 0..1) |
| dynamic_range | bits, 0..8 | entropy of the histogram of the face's luminance | dynamic range |
| under_exposed | share | pixels of the face with luminance 0..25 | under-exposure prevention |
| over_exposed | share | pixels of the face with luminance 247..255 | over-exposure prevention |
| light_balance | share | what the histograms of the face's two halves have in common | illumination uniformity |
| completeness | share | part of the crop that lies inside the picture | cropping of the face image |
| eye_detail | of the face's | mean gradient around the eye that has less of it, over the face's | eyes visible |
| mouth_detail | of the face's | deviation of luminance around the mouth, over the face's | mouth occlusion prevention |
| feature_norm | none | length of the embedder's output before it is made a unit vector | unified quality score |

1. All but the first, the pose and the last are taken on the 112 px crop, whatever crop the embedder sees: limits mean
   the same with every model, except that on `feature_norm`. Luminance is ITU-R BT.601. The face is the ellipse around
   the landmarks of the crop, so that hair and background count for little.
2. Occlusion is measured as far as it leaves eyes or mouth without the edges that they have: the standard asks for a
   segmentation of the face, and there is no model for it here. Drawn on demo people (`tests/simulations/occluders.py`)
   dark glasses, a patch or a telephone on an eye and a hand over half of the face are told from untouched faces by
   `eye_detail` with an AUC of 0.96 or more; a mask, a scarf or a hand on the mouth by `mouth_detail` with 0.98 or more.
   Not seen: hats, bands and hair down to the brows or eyes (0.5 to 0.75), clear glasses, beards, and whatever has edges
   of its own, such as patterned cloth or reflections. A crop of one tone has neither: NaN, which no limit lets pass.
3. What covers a face shortens `feature_norm` too, as blur, pose and size do: networks trained to tell people apart by
   a softmax give short vectors to faces that they make little of (Kim, Jain, Liu 2022, "AdaFace", for image quality).
4. A limit on brightness, contrast or exposure acts on skin as well as on light: `matcher bench quality` counts whom a
   limit rejects, group by group. Look there before setting one.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from matcher.domain.face import FacePlace, QualityMeasures
from matcher.domain.model_input import SIDE
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.align import crop_corners
from matcher.vision.pixels import Pixels

DARK, LIGHT = 26, 247  # luminance below the first is under-exposed, from the second on over-exposed
_Histogram = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the policy: a measure must be at least (`least`) or at most what `name` says."""

    name: str
    measure: str
    least: bool
    reason: Reason
    words: str

    def of(self, limits: Quality) -> float | None:
        """The policy's number; None where it is off."""
        found: float | None = getattr(limits, self.name)
        return found

    def value(self, measures: QualityMeasures) -> float | None:
        """What is held against it (deviations to both sides count alike); None where it is not measured yet."""
        found: float | None = getattr(measures, self.measure)
        return abs(found) if found is not None and self.measure in SIGNED else found


SIGNED = frozenset({"yaw_ratio", "roll_degrees"})
LIMITS = (
    Limit("min_inter_eye_pixels", "inter_eye_pixels", True, Reason.FACE_TOO_SMALL, "inter-eye distance {:.1f} px"),
    Limit("max_yaw_ratio", "yaw_ratio", False, Reason.EXTREME_POSE, "yaw ratio {:.2f}"),
    Limit("max_roll_degrees", "roll_degrees", False, Reason.EXTREME_POSE, "roll {:.0f} degrees"),
    Limit("min_pitch_ratio", "pitch_ratio", True, Reason.EXTREME_POSE, "pitch ratio {:.2f}"),
    Limit("max_pitch_ratio", "pitch_ratio", False, Reason.EXTREME_POSE, "pitch ratio {:.2f}"),
    Limit("min_completeness", "completeness", True, Reason.INCOMPLETE_FACE, "{:.2f} of the face in the picture"),
    Limit("min_brightness", "brightness", True, Reason.TOO_DARK, "brightness {:.0f}"),
    Limit("max_brightness", "brightness", False, Reason.TOO_BRIGHT, "brightness {:.0f}"),
    Limit("max_under_exposed", "under_exposed", False, Reason.UNDER_EXPOSED, "{:.2f} of the face too dark"),
    Limit("max_over_exposed", "over_exposed", False, Reason.OVER_EXPOSED, "{:.2f} of the face too bright"),
    Limit("min_contrast", "contrast", True, Reason.LOW_CONTRAST, "contrast {:.1f}"),
    Limit("min_dynamic_range", "dynamic_range", True, Reason.LOW_CONTRAST, "dynamic range {:.1f} bits"),
    Limit("min_light_balance", "light_balance", True, Reason.UNEVEN_LIGHT, "light balance {:.2f}"),
    Limit("min_sharpness", "sharpness", True, Reason.BLURRED, "sharpness {:.1f}"),
    Limit("min_eye_detail", "eye_detail", True, Reason.EYES_COVERED, "eye detail {:.2f}"),
    Limit("min_mouth_detail", "mouth_detail", True, Reason.MOUTH_COVERED, "mouth detail {:.2f}"),
    Limit("min_feature_norm", "feature_norm", True, Reason.WEAK_FEATURES, "feature norm {:.2f}"),
)


def measure(place: FacePlace, aligned: Pixels, picture: tuple[int, int]) -> QualityMeasures:
    """What is measured before embedding: of one face, its crop (112, 112, 3), and the picture's height and width.

    The eyes must not coincide.
    """
    luminance = np.asarray(cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY), np.uint8)
    right, left = (_histogram(luminance, half) for half in (_RIGHT, _LEFT))
    face = (right + left) / (right + left).sum()
    levels = np.arange(256)
    mean = float(face @ levels)
    contrast = math.sqrt(max(0.0, float(face @ (levels - mean) ** 2)))
    return QualityMeasures(
        inter_eye_pixels=inter_eye(place),
        sharpness=float(cv2.meanStdDev(cv2.Laplacian(luminance, cv2.CV_16S))[1][0, 0] ** 2),
        yaw_ratio=_yaw(place),
        pitch_ratio=_pitch(place),
        roll_degrees=_roll(place),
        brightness=float(luminance.mean()),
        contrast=contrast,
        dynamic_range=_entropy(face),
        under_exposed=float(face[:DARK].sum()),
        over_exposed=float(face[LIGHT:].sum()),
        light_balance=float(np.minimum(right / right.sum(), left / left.sum()).sum()),
        completeness=_inside(place, picture),
        eye_detail=_eye_detail(luminance),
        mouth_detail=float(luminance[_MOUTH].std()) / contrast if contrast else math.nan,
        feature_norm=None,
    )


def inter_eye(place: FacePlace) -> float:
    """The distance of the eyes in px."""
    return math.dist(place.landmarks[0], place.landmarks[1])


def check(source: str, measures: QualityMeasures, limits: Quality) -> Rejected | None:
    """The first limit that is not met, with what was measured; None where all are."""
    for limit in LIMITS:
        value, bound = limit.value(measures), limit.of(limits)
        if bound is None or value is None:
            continue
        if not (value >= bound if limit.least else value <= bound):  # so written, a NaN does not pass
            side = "least" if limit.least else "most"
            return Rejected(source, limit.reason, f"{limit.words.format(value)}, {side} {bound:g}")
    return None


def _axes(place: FacePlace) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Landmarks (5, 2) from the eyes' midpoint, and the unit vector from the right eye to the left."""
    points = np.array(place.landmarks, np.float64)
    along = points[1] - points[0]
    return points - (points[0] + points[1]) / 2, along / np.linalg.norm(along)


def _yaw(place: FacePlace) -> float:
    points, along = _axes(place)
    return float(points[2] @ along) / (inter_eye(place) / 2)


def _roll(place: FacePlace) -> float:
    _, along = _axes(place)
    return math.degrees(math.atan2(along[1], along[0]))


def _pitch(place: FacePlace) -> float:
    """NaN where the mouth is on the eye axis: no limit on it is then met."""
    points, along = _axes(place)
    down = np.array([-along[1], along[0]])
    mouth = float((points[3] + points[4]) @ down) / 2
    return float(points[2] @ down) / mouth if mouth else math.nan


def _histogram(luminance: Pixels, where: Pixels) -> _Histogram:
    return cv2.calcHist([luminance], [0], where, [256], [0, 256]).ravel().astype(np.float64)


def _entropy(shares: _Histogram) -> float:
    found = shares[shares > 0]
    return max(0.0, -float(found @ np.log2(found)))


def _eye_detail(luminance: Pixels) -> float:
    # Whole numbers and one square root, each exactly rounded: the last bits of OpenCV's own `magnitude` and `mean` of
    # floats depend on where an array lies in memory.
    across, down = (cv2.Sobel(luminance, cv2.CV_16S, *order, ksize=3).astype(np.int32) for order in ((1, 0), (0, 1)))
    steps = np.sqrt(across * across + down * down)
    whole = float(steps[_FACE].mean())
    return min(float(steps[eye].mean()) for eye in _EYES) / whole if whole else math.nan


def _inside(place: FacePlace, picture: tuple[int, int]) -> float:
    height, width = picture
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    corners = crop_corners(place).astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(corners, frame)
    return min(1.0, max(0.0, float(shared) / float(cv2.contourArea(corners))))


def _halves() -> tuple[Pixels, Pixels]:
    """The right and left half of the face: an ellipse of 76 x 96 px, from the brows to the chin of the template."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    ellipse = ((columns - 56.0) / 38.0) ** 2 + ((rows - 66.0) / 48.0) ** 2 <= 1
    right, left = ellipse & (columns < SIDE // 2), ellipse & (columns >= SIDE // 2)
    return right.astype(np.uint8), left.astype(np.uint8)


_RIGHT, _LEFT = _halves()
_FACE = (_RIGHT | _LEFT) > 0
# 13 x 23 px around each eye of the aligned face, 15 x 37 around the mouth.
_EYES = (slice(46, 59), slice(27, 50)), (slice(46, 59), slice(63, 86))
_MOUTH = slice(85, 100), slice(38, 75)
