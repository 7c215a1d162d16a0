"""Measures of one face and the policy's limits on them.

| measure | unit | how | ISO/IEC 29794-5 component |
|---|---|---|---|
| inter_eye_pixels | px of the upright picture | distance of the eyes | inter-eye distance (there over cos yaw) |
| sharpness | none | variance of the Laplacian of the aligned crop's luminance | sharpness (there a trained forest) |
| yaw_ratio | half eye distance | nose tip from the eyes' midpoint along the eye axis | head pose yaw (degrees) |
| roll_degrees | degrees | angle of the eye axis to the horizontal | head pose roll |
| brightness | 0..255 | mean luminance of the aligned crop | luminance mean (there 0..1 of the face region) |

Sharpness and brightness are taken on the 112 px crop: that is what the embedder sees. Luminance is ITU-R BT.601.
A brightness limit acts on skin as well as on light: look at the rejections by group before setting one.
"""

import math

import cv2

from matcher.domain.face import FacePlace, QualityMeasures
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.pixels import Pixels


def measure(place: FacePlace, aligned: Pixels) -> QualityMeasures:
    """The measures of one face and its aligned crop (112, 112, 3). The eyes must not coincide."""
    luminance = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY)
    distance, yaw, roll = _pose(place)
    return QualityMeasures(
        inter_eye_pixels=distance,
        sharpness=float(cv2.Laplacian(luminance, cv2.CV_64F).var()),
        yaw_ratio=yaw,
        roll_degrees=roll,
        brightness=float(luminance.mean()),
    )


def inter_eye(place: FacePlace) -> float:
    """The distance of the eyes in px."""
    return math.dist(place.landmarks[0], place.landmarks[1])


def check(source: str, measures: QualityMeasures, limits: Quality) -> Rejected | None:
    """The first limit that is not met, with what was measured; None where all are."""
    yaw, roll = abs(measures.yaw_ratio), abs(measures.roll_degrees)
    rules = (
        (
            Reason.FACE_TOO_SMALL,
            "inter-eye distance {:.1f} px, least {:g}",
            measures.inter_eye_pixels,
            limits.min_inter_eye_pixels,
            1,
        ),
        (Reason.EXTREME_POSE, "yaw ratio {:.2f}, most {:g}", yaw, limits.max_yaw_ratio, -1),
        (Reason.EXTREME_POSE, "roll {:.0f} degrees, most {:g}", roll, limits.max_roll_degrees, -1),
        (Reason.TOO_DARK, "brightness {:.0f}, least {:g}", measures.brightness, limits.min_brightness, 1),
        (Reason.TOO_BRIGHT, "brightness {:.0f}, most {:g}", measures.brightness, limits.max_brightness, -1),
        (Reason.BLURRED, "sharpness {:.1f}, least {:g}", measures.sharpness, limits.min_sharpness, 1),
    )
    for reason, words, value, limit, direction in rules:
        if not (value - limit) * direction >= 0:  # so written, a NaN does not pass
            return Rejected(source, reason, words.format(value, limit))
    return None


def _pose(place: FacePlace) -> tuple[float, float, float]:
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y), *_ = place.landmarks
    distance = inter_eye(place)
    along = (left_x - right_x) / distance, (left_y - right_y) / distance
    offset = (nose_x - (right_x + left_x) / 2) * along[0] + (nose_y - (right_y + left_y) / 2) * along[1]
    return distance, offset / (distance / 2), math.degrees(math.atan2(along[1], along[0]))
