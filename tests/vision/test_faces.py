"""Detection, alignment and quality on the synthetic demo people."""

import math
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.face import Face, FacePlace, Picture, QualityMeasures
from matcher.domain.model_input import SIDE
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.errors import BadInput
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.align import TEMPLATE, align
from matcher.vision.decode import decode
from matcher.vision.detect import Detector
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline
from matcher.vision.pixels import Pixels
from matcher.vision.quality import LIMITS, check, inter_eye, measure
from matcher.vision.session import Embedder
from matcher.vision.weights import read_weights
from tests.vision.pictures import ONE_FACE

GOOD = QualityMeasures(
    inter_eye_pixels=60,
    sharpness=100,
    yaw_ratio=0.1,
    pitch_ratio=0.5,
    roll_degrees=3,
    brightness=120,
    contrast=40,
    dynamic_range=7,
    under_exposed=0.01,
    over_exposed=0.01,
    light_balance=0.8,
    completeness=1,
    eye_detail=1.5,
    mouth_detail=0.8,
    feature_norm=10,
)
ALL_ON = Quality(
    min_pitch_ratio=0.2,
    max_pitch_ratio=0.8,
    min_contrast=10,
    min_dynamic_range=4,
    max_under_exposed=0.3,
    max_over_exposed=0.3,
    min_light_balance=0.2,
    min_completeness=0.7,
    min_eye_detail=0.6,
    min_mouth_detail=0.4,
    min_feature_norm=5,
)


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


def test_the_least_face_of_the_policy_is_found_in_a_photograph(detector: Detector) -> None:
    pixels = pixels_of(ONE_FACE)
    (place,) = detector.find(pixels)
    factor = Quality().min_inter_eye_pixels / inter_eye(place)
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    wide = np.full((3600, 5300, 3), 127, np.uint8)
    wide[3400 : 3400 + len(small), 5000 : 5000 + small.shape[1]] = small
    for every in (True, False):  # nothing else is there, so a reference is sought as thoroughly
        (found,) = detector.find(wide, every)
        assert 5000 < found.landmarks[2][0] < 5000 + small.shape[1]
        assert 3400 < found.landmarks[2][1] < 3400 + len(small)
    wide[200:1480, 200:1480] = cv2.resize(pixels, (1280, 1280))
    assert len(detector.find(wide, every=True)) == 2
    assert len(detector.find(wide)) == 1


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


def test_large_noise_is_averaged_away() -> None:
    """A face eight times too large is shrunk pixel by pixel: what is left of its noise is what means of 64 leave."""
    grey = np.random.default_rng(0).normal(128, 20, (1000, 1000, 1))
    pixels = np.repeat(np.clip(grey, 0, 255).astype(np.uint8), 3, axis=2)
    crop = align(pixels, place_of(TEMPLATE * 8 + 20))
    assert crop.std() < 20 / 4
    assert align(pixels, place_of(TEMPLATE * 1.2 + 20)).std() > 20 / 3


@pytest.mark.parametrize("factor", [4.0, 5.5, 8.0])
@pytest.mark.parametrize("shift", [(-30.0, -60.0), (3.0, 17.0), (55.0, 20.0)])
def test_a_shrunk_face_lies_where_warping_alone_puts_it(factor: float, shift: tuple[float, float]) -> None:
    smooth = np.add.outer(np.linspace(0, 120, 1000), np.linspace(0, 120, 1100))
    pixels = np.repeat(smooth[..., np.newaxis], 3, axis=2).astype(np.uint8)
    place = place_of(TEMPLATE * factor + shift)
    matrix = np.array([[1 / factor, 0, -shift[0] / factor], [0, 1 / factor, -shift[1] / factor]])
    warped = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR).astype(int)
    away = np.abs(align(pixels, place).astype(int) - warped)
    assert np.percentile(away, 90) <= 1


def test_a_face_of_which_the_picture_shows_nothing_is_black() -> None:
    pixels = np.full((700, 700, 3), 200, np.uint8)
    assert not align(pixels, place_of(TEMPLATE * 8 + 5000)).any()
    assert not align(pixels, place_of(TEMPLATE * 8 - 5000)).any()


def test_measures_of_a_known_face() -> None:
    points = np.array([[10, 50], [50, 50], [40, 70], [15, 90], [45, 90]], float)
    flat = np.full((SIDE, SIDE, 3), 80, np.uint8)
    measures = measure(place_of(points), flat, (200, 200))
    assert math.isnan(measures.eye_detail)  # of one tone: there is nothing to compare with
    assert math.isnan(measures.mouth_detail)
    known = replace(measures, completeness=0.0, eye_detail=0.0, mouth_detail=0.0)
    assert known == QualityMeasures(40.0, 0.0, 0.5, 0.5, 0.0, 80.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, None)
    turned = points @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert measure(place_of(turned), flat, (200, 200)).roll_degrees == pytest.approx(90)
    assert measure(place_of(turned), flat, (200, 200)).yaw_ratio == pytest.approx(0.5)
    assert measure(place_of(turned), flat, (200, 200)).pitch_ratio == pytest.approx(0.5)
    chin_up = points + np.array([[0, 0], [0, 0], [0, -10], [0, 0], [0, 0]])
    assert measure(place_of(chin_up), flat, (200, 200)).pitch_ratio == pytest.approx(0.25)


def test_a_mouth_on_the_eye_axis_has_no_pitch_and_passes_no_limit() -> None:
    points = np.array([[10, 50], [50, 50], [30, 70], [15, 50], [45, 50]], float)
    measures = measure(place_of(points), np.full((SIDE, SIDE, 3), 80, np.uint8), (200, 200))
    assert math.isnan(measures.pitch_ratio)
    assert check("a", replace(GOOD, pitch_ratio=math.nan), Quality()) is None
    assert check("a", replace(GOOD, pitch_ratio=math.nan), ALL_ON) is not None


def test_light_on_one_half_exposure_and_contrast_are_shares_of_the_face() -> None:
    crop = np.zeros((SIDE, SIDE, 3), np.uint8)
    crop[:, SIDE // 2 :] = 255
    measures = measure(place_of(TEMPLATE), crop, (SIDE, SIDE))
    assert measures.under_exposed == pytest.approx(0.5, abs=0.02)
    assert measures.under_exposed + measures.over_exposed == pytest.approx(1)
    assert measures.contrast == pytest.approx(127.5, abs=0.5)
    assert measures.dynamic_range == pytest.approx(1, abs=0.01)
    assert measures.light_balance == 0
    crop[:] = 25
    assert measure(place_of(TEMPLATE), crop, (SIDE, SIDE)).under_exposed == 1
    crop[:] = 26
    assert measure(place_of(TEMPLATE), crop, (SIDE, SIDE)).under_exposed == 0
    crop[:] = 246
    assert measure(place_of(TEMPLATE), crop, (SIDE, SIDE)).over_exposed == 0
    crop[:] = 247
    assert measure(place_of(TEMPLATE), crop, (SIDE, SIDE)).over_exposed == 1


def test_a_face_that_is_covered_has_less_detail_there_and_elsewhere_more(detector: Detector) -> None:
    bare = decode(Picture("one", ONE_FACE.read_bytes()))
    assert not isinstance(bare, Rejected)
    crop = align(bare, detector.find(bare)[0])
    place, size = place_of(TEMPLATE), (SIDE, SIDE)
    whole = measure(place, crop, size)
    for points, eyes_too in ((TEMPLATE[:1], True), (TEMPLATE[1:2], True), (TEMPLATE[3:].mean(axis=0)[None], False)):
        covered = np.array(crop)
        for x, y in points.astype(int):
            covered[y - 11 : y + 12, x - 22 : x + 23] = 40
        found = measure(place, np.asarray(covered, np.uint8), size)
        assert (found.eye_detail < 0.6 < whole.eye_detail) is eyes_too
        assert (found.mouth_detail < 0.4 < whole.mouth_detail) is not eyes_too


def test_what_surrounds_the_face_is_not_its_exposure() -> None:
    crop = np.full((SIDE, SIDE, 3), 128, np.uint8)
    crop[:12] = crop[:, :12] = crop[:, -12:] = 0
    measures = measure(place_of(TEMPLATE), crop, (SIDE, SIDE))
    assert (measures.under_exposed, measures.contrast) == (0, 0)


@given(st.integers(0, 2**32 - 1))
def test_measures_stay_in_their_ranges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crop = np.clip(rng.normal(rng.uniform(0, 255), rng.uniform(0, 120), (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    place = place_of(TEMPLATE * rng.uniform(0.1, 9) + rng.uniform(-300, 300, 2))
    found = measure(place, crop, (int(rng.integers(1, 900)), int(rng.integers(1, 900))))
    for name in ("under_exposed", "over_exposed", "light_balance", "completeness"):
        assert -1e-12 <= getattr(found, name) <= 1 + 1e-12
    assert 0 <= found.contrast <= 127.5 + 1e-9
    assert 0 <= found.dynamic_range <= 8


@pytest.mark.parametrize(("shift", "share"), [((0, 0), 1.0), ((-56, 0), 0.5), ((0, 28), 0.75), ((500, 0), 0.0)])
def test_completeness_is_the_part_of_the_crop_inside_the_picture(shift: tuple[int, int], share: float) -> None:
    flat = np.full((SIDE, SIDE, 3), 80, np.uint8)
    for scale in (0.5, 1.0, 4.0):
        place = place_of((TEMPLATE + np.array(shift)) * scale + (scale - 1) / 2)
        found = measure(place, flat, (int(SIDE * scale), int(SIDE * scale)))
        assert found.completeness == pytest.approx(share, abs=1e-3)


def test_a_blurred_crop_is_less_sharp() -> None:
    sharp = np.asarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)), np.uint8)
    place = place_of(TEMPLATE)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    size = SIDE, SIDE
    assert measure(place, blurred, size).sharpness < measure(place, sharp, size).sharpness / 10


@pytest.mark.parametrize(
    ("measure_name", "value", "reason"),
    [
        ("inter_eye_pixels", 19.9, Reason.FACE_TOO_SMALL),
        ("sharpness", 7.9, Reason.BLURRED),
        ("yaw_ratio", -0.91, Reason.EXTREME_POSE),
        ("yaw_ratio", 0.91, Reason.EXTREME_POSE),
        ("pitch_ratio", 0.19, Reason.EXTREME_POSE),
        ("pitch_ratio", 0.81, Reason.EXTREME_POSE),
        ("roll_degrees", -46.0, Reason.EXTREME_POSE),
        ("brightness", 9.9, Reason.TOO_DARK),
        ("brightness", 235.1, Reason.TOO_BRIGHT),
        ("sharpness", math.nan, Reason.BLURRED),
        ("contrast", 9.9, Reason.LOW_CONTRAST),
        ("dynamic_range", 3.9, Reason.LOW_CONTRAST),
        ("under_exposed", 0.31, Reason.UNDER_EXPOSED),
        ("over_exposed", 0.31, Reason.OVER_EXPOSED),
        ("light_balance", 0.19, Reason.UNEVEN_LIGHT),
        ("completeness", 0.69, Reason.INCOMPLETE_FACE),
        ("eye_detail", 0.59, Reason.EYES_COVERED),
        ("eye_detail", math.nan, Reason.EYES_COVERED),
        ("mouth_detail", 0.39, Reason.MOUTH_COVERED),
        ("feature_norm", 4.9, Reason.WEAK_FEATURES),
    ],
)
def test_each_limit_rejects_with_what_was_measured(measure_name: str, value: float, reason: Reason) -> None:
    assert check("a", GOOD, ALL_ON) is None
    wrong = check("a", replace(GOOD, **{measure_name: value}), ALL_ON)
    assert wrong is not None
    assert (wrong.source, wrong.reason) == ("a", reason)
    assert wrong.detail


def test_every_limit_of_the_policy_is_one_that_is_checked() -> None:
    numbers = {name for name in Quality.model_fields if name.startswith(("min_", "max_"))}
    assert {limit.name for limit in LIMITS} == numbers
    assert {limit.measure for limit in LIMITS} == {field.name for field in fields(QualityMeasures)}


def test_a_limit_itself_is_allowed_and_zero_is_a_limit() -> None:
    limits = Quality(min_sharpness=0, min_brightness=0, max_under_exposed=0)
    good = replace(GOOD, inter_eye_pixels=20.0, sharpness=0.0, brightness=0.0, under_exposed=0.0)
    assert check("a", good, limits) is None
    assert check("a", replace(good, under_exposed=0.001), limits) is not None


def test_what_covers_a_face_shortens_its_features(pipeline: FacePipeline, demo: Path) -> None:
    shorter = []
    for path in sorted((demo / "list").glob("*_0.jpg"))[:12]:
        pixels = pixels_of(path)
        (bare,) = pipeline.faces(Picture("bare", cv2.imencode(".png", pixels)[1].tobytes()), Quality())
        assert isinstance(bare, Face)
        covered = np.array(pixels)
        mouth = np.array(bare.place.landmarks)[2:]
        wide = inter_eye(bare.place)
        (left, top), (right, bottom) = mouth.min(axis=0) - wide / 2, mouth.max(axis=0) + wide / 2
        covered[max(0, int(top)) : int(bottom), max(0, int(left)) : int(right)] = 128
        aligned = align(np.asarray(covered, np.uint8), bare.place)
        length = float(np.linalg.norm(pipeline._embedder.embed(aligned[np.newaxis])))
        assert bare.quality.feature_norm is not None
        shorter.append(length < bare.quality.feature_norm)
    assert sum(shorter) >= 10, shorter


def test_what_is_not_a_model_is_bad_input() -> None:
    with pytest.raises(BadInput, match="detector cannot be loaded"):
        Detector(b"junk")
    with pytest.raises(BadInput, match="embedder cannot be loaded"):
        Embedder(b"junk", 128)


def test_an_embedder_of_another_width_is_bad_input(models_folder: Path) -> None:
    weights = read_weights(verify(default("embedder"), models_folder))
    with pytest.raises(BadInput, match="its manifest says 512"):
        Embedder(weights, 512)
