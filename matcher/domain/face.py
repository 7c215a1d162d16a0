"""What the pictures give: a face with its place, its measures and its template."""

from dataclasses import dataclass

from matcher.domain.template import Floats

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FacePlace:
    """Where a face is in its (EXIF-upright) picture, in pixels.

    `box` is x, y, width, height; `landmarks` are right eye, left eye, nose tip, right and left mouth corner (the
    subject's right eye comes first, as the detector gives them).
    """

    box: tuple[float, float, float, float]
    landmarks: tuple[Point, Point, Point, Point, Point]


NOWHERE = FacePlace((0.0, 0.0, 0.0, 0.0), ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)))  # erased


@dataclass(frozen=True, slots=True)
class QualityMeasures:
    """Named measures of one face; units and sources in `vision/quality.py`. `feature_norm` is None until embedded."""

    inter_eye_pixels: float
    sharpness: float
    yaw_ratio: float
    pitch_ratio: float
    roll_degrees: float
    brightness: float
    contrast: float
    dynamic_range: float
    under_exposed: float
    over_exposed: float
    light_balance: float
    completeness: float
    eye_detail: float
    mouth_detail: float
    feature_norm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face that became a template: float32 (d,), unit length."""

    place: FacePlace
    quality: QualityMeasures
    template: Floats


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture's bytes as they came, and what to call it in front of the person who supplied it."""

    name: str
    data: bytes
