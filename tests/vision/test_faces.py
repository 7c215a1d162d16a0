"""Detection, alignment and quality on the synthetic demo people."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.face import FacePlace, Picture, QualityMeasures
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.errors import BadInput
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.align import SIDE, TEMPLATE, align
from matcher.vision.decode import decode
from matcher.vision.detect import Detector
from matcher.vision.files import read_picture_file
from matcher.vision.pixels import Pixels
from matcher.vision.quality import check, measure
from matcher.vision.session import Embedder
from matcher.vision.weights import read_weights
from tests.vision.pictures import ONE_FACE

GOOD = QualityMeasures(inter_eye_pixels=60, sharpness=100, yaw_ratio=0.1, roll_degrees=3, brightness=120)


@pytest.fixture(scope="module")
def detector(models_folder: Path) -> Detector:
    return Detector(read_weights(verify(default("detector"), models_folder)))


def pixels_of(path: Path) -> Pixels:
    picture = read_picture_file(path)
    assert isinstance(picture, Picture)
    pixels = decode(picture)
    assert not isinstance(pixels, Rejected)
    return pixels


def test_landmarks_come_in_the_order_of_the_domain(detector: Detector) -> None:
    (place,) = detector.find(pixels_of(ONE_FACE))
    right_eye, left_eye, nose, right_mouth, left_mouth = place.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_a_large_picture_gives_the_same_place(detector: Detector) -> None:
    pixels = pixels_of(ONE_FACE)
    found = {}
    for factor in (1, 2, 4, 9):
        (place,) = detector.find(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR))
        found[factor] = np.array(place.landmarks) / factor
    eye_distance = np.linalg.norm(found[1][0] - found[1][1])
    assert np.abs(found[2] - found[1]).max() < eye_distance / 10  # the detector itself, at two sizes
    assert np.abs(found[4] - found[2]).max() < 0.5  # ours: both are searched at one size and scaled back
    assert np.abs(found[9] - found[2]).max() < 0.5


def test_small_faces_in_a_large_picture_are_found(detector: Detector) -> None:
    pixels = pixels_of(ONE_FACE)
    wide = np.full((1600, 2400, 3), 127, np.uint8)
    wide[200:840, 200:840] = cv2.resize(pixels, (640, 640))
    wide[1400:1500, 2200:2300] = cv2.resize(pixels, (100, 100), interpolation=cv2.INTER_AREA)
    large, small = detector.find(wide)
    assert large.box[2] > 200
    assert 2200 < small.landmarks[2][0] < 2300
    assert 1400 < small.landmarks[2][1] < 1500


@pytest.mark.parametrize("size", [(1, 1), (3, 3000), (16, 16), (31, 33)])
def test_tiny_and_thin_pictures_have_no_face(detector: Detector, size: tuple[int, int]) -> None:
    assert detector.find(np.full((*size, 3), 127, np.uint8)) == []


def test_a_picture_before_does_not_change_the_result(detector: Detector, demo: Path) -> None:
    first = detector.find(pixels_of(ONE_FACE))
    detector.find(pixels_of(demo / "cohort" / "C000df_0.jpg"))
    assert detector.find(pixels_of(ONE_FACE)) == first


def test_our_alignment_is_that_of_opencv(detector: Detector, demo: Path, models_folder: Path) -> None:
    recognizer = cv2.FaceRecognizerSF.create(str(verify(default("embedder"), models_folder).published), "")
    paths = sorted((demo / "list").glob("*.jpg"))[:20] + sorted((demo / "cohort").glob("*.jpg"))[:20]
    for path in paths:
        pixels = pixels_of(path)
        for place in detector.find(pixels):
            row = np.array([*place.box, *np.ravel(place.landmarks), 1.0], np.float32)
            theirs = recognizer.alignCrop(pixels, row).astype(int)
            assert np.abs(align(pixels, place).astype(int) - theirs).max() <= 1


def place_of(points: np.ndarray) -> FacePlace:
    return FacePlace((0.0, 0.0, 1.0, 1.0), tuple((float(x), float(y)) for x, y in points))  # type: ignore[arg-type]


@given(scale=st.floats(0.6, 3.0), angle=st.floats(-math.pi, math.pi), x=st.floats(-50, 50), y=st.floats(-50, 50))
def test_alignment_undoes_any_similarity(scale: float, angle: float, x: float, y: float) -> None:
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (TEMPLATE - TEMPLATE.mean(axis=0)) @ turn.T + np.array([450 + x, 350 + y])
    picture = np.zeros((700, 900, 3), np.uint8)
    for px, py in points:
        cv2.circle(picture, (round(px), round(py)), max(2, round(3 * scale)), (255, 255, 255), -1)
    crop = align(picture, place_of(points))
    assert crop.shape == (SIDE, SIDE, 3)
    for px, py in TEMPLATE:
        assert crop[round(py), round(px)].min() > 100


def test_measures_of_a_known_face() -> None:
    points = np.array([[10, 50], [50, 50], [40, 70], [15, 90], [45, 90]], float)
    flat = np.full((SIDE, SIDE, 3), 80, np.uint8)
    measures = measure(place_of(points), flat)
    assert measures == QualityMeasures(40.0, 0.0, 0.5, 0.0, 80.0)
    turned = points @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert measure(place_of(turned), flat).roll_degrees == pytest.approx(90)
    assert measure(place_of(turned), flat).yaw_ratio == pytest.approx(0.5)


def test_a_blurred_crop_is_less_sharp() -> None:
    sharp = np.asarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)), np.uint8)
    place = place_of(TEMPLATE)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    assert measure(place, blurred).sharpness < measure(place, sharp).sharpness / 10


@pytest.mark.parametrize(
    ("measure_name", "value", "reason"),
    [
        ("inter_eye_pixels", 19.9, Reason.FACE_TOO_SMALL),
        ("sharpness", 7.9, Reason.BLURRED),
        ("yaw_ratio", -0.91, Reason.EXTREME_POSE),
        ("yaw_ratio", 0.91, Reason.EXTREME_POSE),
        ("roll_degrees", -46.0, Reason.EXTREME_POSE),
        ("brightness", 9.9, Reason.TOO_DARK),
        ("brightness", 235.1, Reason.TOO_BRIGHT),
        ("sharpness", math.nan, Reason.BLURRED),
    ],
)
def test_each_limit_rejects_with_what_was_measured(measure_name: str, value: float, reason: Reason) -> None:
    assert check("a", GOOD, Quality()) is None
    wrong = check("a", replace(GOOD, **{measure_name: value}), Quality())
    assert wrong is not None
    assert (wrong.source, wrong.reason) == ("a", reason)
    assert wrong.detail


def test_a_limit_itself_is_allowed_and_zero_is_a_limit() -> None:
    limits = Quality(min_sharpness=0, min_brightness=0)
    assert check("a", replace(GOOD, inter_eye_pixels=20.0, sharpness=0.0, brightness=0.0), limits) is None


def test_what_is_not_a_model_is_bad_input() -> None:
    with pytest.raises(BadInput, match="detector cannot be loaded"):
        Detector(b"junk")
    with pytest.raises(BadInput, match="embedder cannot be loaded"):
        Embedder(b"junk", 128)


def test_an_embedder_of_another_width_is_bad_input(models_folder: Path) -> None:
    weights = read_weights(verify(default("embedder"), models_folder))
    with pytest.raises(BadInput, match="its manifest says 512"):
        Embedder(weights, 512)
