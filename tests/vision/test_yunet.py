"""What our reading of YuNet's network finds is what OpenCV's `FaceDetectorYN` finds."""

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import BadInput
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.pixels import Pixels
from matcher.vision.weights import read_weights
from matcher.vision.yunet import MAX_FACES, MAX_OVERLAP, MIN_SCORE, YuNet, _apart, _faces

LFW = Path(__file__).resolve().parents[3] / "shared" / "data" / "lfw" / "images"
PIXELS, SCORE = 0.001, 1e-5  # boxes and landmarks; measured on all demo pictures: 0.0001 px and 1e-6
Search = Callable[[Pixels], np.ndarray]


@pytest.fixture(scope="module")
def ours(models_folder: Path) -> YuNet:
    return YuNet(read_weights(verify(default("detector"), models_folder)))


@pytest.fixture(scope="module")
def theirs(models_folder: Path) -> Search:
    published = np.frombuffer(verify(default("detector"), models_folder).published.read_bytes(), np.uint8)
    network = cv2.FaceDetectorYN.create(
        "onnx", published, np.zeros(0, np.uint8), (320, 320), MIN_SCORE, MAX_OVERLAP, MAX_FACES
    )

    def search(image: Pixels) -> np.ndarray:
        network.setInputSize((image.shape[1], image.shape[0]))
        _, rows = network.detect(image)
        return np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows)

    return search


def assert_same(found: np.ndarray, expected: np.ndarray, picture: object) -> None:
    assert found.shape == expected.shape, picture
    np.testing.assert_allclose(found[:, :14], expected[:, :14], rtol=0, atol=PIXELS, err_msg=str(picture))
    np.testing.assert_allclose(found[:, 14], expected[:, 14], rtol=0, atol=SCORE, err_msg=str(picture))


def read(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)


def test_the_demo_s_faces_are_those_of_opencv(ours: YuNet, theirs: Search, demo: Path) -> None:
    paths = sorted(demo.rglob("*.jpg"))
    chosen = [*paths[::10], *(demo / "probes").glob("*.jpg")]
    found = 0
    for path in chosen:
        rows = ours.rows(read(path))
        assert_same(rows, theirs(read(path)), path)
        found += len(rows)
    assert found > len(chosen) * 0.9


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW lies outside the project and is never part of it")
def test_the_faces_of_photographs_are_those_of_opencv(ours: YuNet, theirs: Search) -> None:
    paths = sorted(LFW.rglob("*.jpg"))
    assert paths
    for path in paths[::4]:
        assert_same(ours.rows(read(path)), theirs(read(path)), path)


@pytest.mark.parametrize("size", [(640, 480), (1280, 961), (333, 1001)])
def test_many_faces_in_a_crowd_are_those_of_opencv(
    ours: YuNet, theirs: Search, demo: Path, size: tuple[int, int]
) -> None:
    """Demo faces of 40 to 150 px side by side and over one another, so that overlaps decide."""
    random = np.random.default_rng(size[0])
    width, height = size
    crowd = random.integers(90, 110, (height, width, 3), dtype=np.uint8)
    faces = sorted((demo / "list").glob("*.jpg"))[:40]
    for path in faces:
        side = int(random.integers(40, 150))
        left, top = int(random.integers(0, width - side)), int(random.integers(0, height - side))
        crowd[top : top + side, left : left + side] = cv2.resize(read(path), (side, side), interpolation=cv2.INTER_AREA)
    expected = theirs(crowd)
    assert len(expected) > 10
    assert_same(ours.rows(crowd), expected, size)


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    seed=st.integers(0, 99),
)
def test_any_small_picture_gives_what_opencv_gives(
    ours: YuNet, theirs: Search, demo: Path, height: int, width: int, seed: int
) -> None:
    face = read(sorted((demo / "list").glob("*.jpg"))[seed % 40])
    image = np.asarray(cv2.resize(face, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    assert_same(ours.rows(image), theirs(image), (height, width, seed))


def test_a_part_of_a_picture_and_read_only_memory_make_no_difference(ours: YuNet, demo: Path) -> None:
    image = read(sorted((demo / "list").glob("*.jpg"))[0])
    wide = np.zeros((image.shape[0], image.shape[1] + 9, 3), np.uint8)
    wide[:, 4:-5] = image
    wide.flags.writeable = False
    assert np.array_equal(ours.rows(wide[:, 4:-5]), ours.rows(image))


def test_threads_beside_each_other_make_no_difference(ours: YuNet, demo: Path) -> None:
    images = [read(path)[: 200 + 7 * at] for at, path in enumerate(sorted((demo / "list").glob("*.jpg"))[:12])]
    alone = [ours.rows(image).tobytes() for image in images]
    together: dict[int, list[bytes]] = {}

    def run(number: int) -> None:
        together[number] = [ours.rows(image).tobytes() for image in images]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(4)] == [alone] * 4


EMPTY = np.full((16, 1, 1), -9, np.float32)


def test_a_place_of_the_map_becomes_a_face() -> None:
    features = np.full((16, 4, 5), -9, np.float32)
    features[:, 3, 2] = [2, 1, 0.25, -0.5, 0, np.log(2), *np.arange(10) / 10]
    features[:, 0, 0] = [9, np.log(0.36 / 0.64) - 0.1, *np.zeros(14)]  # one of both alone is below the least score
    (row,) = _faces([EMPTY, features, EMPTY])
    assert row[:4] == pytest.approx([16 * 2.25 - 8, 16 * 2.5 - 16, 16, 32])
    assert row[4:14] == pytest.approx((np.tile([2, 3], 5) + np.arange(10) / 10) * 16)
    assert row[14] == pytest.approx(np.sqrt(1 / (1 + np.exp(-2)) / (1 + np.exp(-1))))


def test_what_is_no_number_is_no_face() -> None:
    features = np.full((16, 1, 4), 3, np.float32)
    features[4, 0, 0] = 1e4  # e to that power is infinite
    features[9, 0, 1] = np.nan
    features[0, 0, 2] = np.nan
    assert len(_faces([features, EMPTY, EMPTY])) == 1


@given(
    corners=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=20),
    seed=st.integers(0, 999),
)
def test_faces_that_stay_are_apart_and_every_other_has_a_better_one_near(
    corners: list[tuple[int, int]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    rows = np.zeros((len(corners), 15), np.float32)
    rows[:, :2] = corners
    rows[:, 2:4] = random.integers(5, 40, (len(corners), 2))
    rows[:, 14] = random.permutation(np.linspace(0.61, 0.99, len(corners)))

    def overlap(one: np.ndarray, other: np.ndarray) -> float:
        low, high = np.maximum(one[:2], other[:2]), np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
        shared = float(np.prod(np.clip(high - low, 0, None)))
        return shared / (float(np.prod(one[2:4])) + float(np.prod(other[2:4])) - shared)

    kept = list(_apart(rows))
    assert list(rows[kept, 14]) == sorted(rows[kept, 14], reverse=True)
    for at, row in enumerate(rows):
        better = [other for other in kept if rows[other, 14] > row[14]]
        near = any(overlap(row, rows[other]) > MAX_OVERLAP + 1e-6 for other in better)
        assert (at in kept) == (not near) or abs(max(overlap(row, rows[o]) for o in better) - MAX_OVERLAP) < 1e-5


def test_another_network_is_bad_input(models_folder: Path) -> None:
    with pytest.raises(BadInput, match=r"maps of .* channels"):
        YuNet(verify(default("detector"), models_folder).published.read_bytes())
