"""Accuracy, FMR and FNMR of pairs: the arithmetic against counting by hand, the file's rules, and the command."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.bench.accuracy import (
    GRID,
    Compared,
    Taking,
    Which,
    accuracy,
    acquire,
    at_threshold,
    benchmark,
    best_threshold,
    compare,
)
from matcher.bench.accuracy import failures as failures_of
from matcher.bench.pairs_file import ImagePair, read_pairs
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.vision.pipeline import FacePipeline
from tests.cli.runner import Cli

LFW = Path(__file__).resolve().parents[3] / "shared" / "data" / "lfw"
PAIRS = st.lists(st.tuples(st.integers(-1_000_000, 1_000_000), st.booleans()), min_size=1, max_size=20)


def compared(
    pairs: list[tuple[int, bool]], folds: list[str] | None = None, groups: list[str] | None = None
) -> Compared:
    nothing = (None,) * len(pairs)
    return Compared(
        np.array([score for score, _ in pairs], np.int32),
        np.array([same for _, same in pairs], bool),
        nothing if folds is None else tuple(folds),
        nothing if groups is None else tuple(groups),
    )


@given(PAIRS)
def test_no_threshold_is_better_than_the_best(pairs: list[tuple[int, bool]]) -> None:
    told = compared(pairs)
    right = [int(((told.scores >= threshold) == told.same).sum()) for threshold in GRID[::97]]
    best = best_threshold(told.scores, told.same)
    assert best % 100 == 0
    assert int(((told.scores >= best) == told.same).sum()) >= max(right)


def test_the_middle_of_equally_good_thresholds_is_taken() -> None:
    told = compared([(200_000, False), (400_000, True)])
    assert best_threshold(told.scores, told.same) == 300_100  # of 200,100 to 400,000


def test_one_fold_is_overall_and_says_that_this_flatters() -> None:
    value = accuracy(compared([(100, True), (300, False), (500, True)], ["1"] * 3))
    assert "flatters" in value["method"]
    assert (value["k"], value["n"], value["folds"]) == (2, 3, [])


def test_a_fold_is_judged_by_the_threshold_of_the_others() -> None:
    # The others of fold a part at 0.5, where a's own mated pair (0.3) is missed; its own best would be 0.2.
    pairs = [(300_000, True), (100_000, False), (700_000, True), (300_000, False)]
    value = accuracy(compared(pairs, ["a", "a", "b", "b"]))
    first, second = value["folds"]
    assert (first["threshold"], first["k"], first["n"]) == (0.5001, 1, 2)
    assert (second["threshold"], second["k"]) == (0.2001, 1)
    assert (value["k"], value["n"], value["rate"], value["mean_of_folds"]) == (2, 4, 0.5, 0.5)
    assert value["standard_error"] == 0
    assert value["method"].startswith("2-fold")


def test_rates_of_all_and_of_groups() -> None:
    pairs = [(500, True), (100, True), (500, False), (200, False), (300, False)]
    value = at_threshold(compared(pairs, groups=["x", "x", "x", "y", "y"]), 300)
    assert (value["fmr"]["k"], value["fmr"]["n"], value["fnmr"]["k"], value["fnmr"]["n"]) == (2, 3, 1, 2)
    of_y = value["groups"]["y"]
    assert (of_y["fmr"]["k"], of_y["fmr"]["n"]) == (1, 2)
    assert of_y["fnmr"] == {"k": 0, "n": 0, "rate": None, "cp95": None, "reason": "no trials"}
    low, high = value["fmr"]["cp95"]
    assert 0 < low < 2 / 3 < high < 1


def test_failures_are_counted_beside_and_their_pairs_are_not_compared() -> None:
    row = np.array([1, 0], np.float32)
    pairs = [ImagePair("a", "b", True, None, "x"), ImagePair("a", "c", False, None, "y")]
    found: dict[str, Floats | Rejected] = {"a": row, "b": row, "c": Rejected("c", Reason.NO_FACE)}
    assert compare(pairs, found).scores.tolist() == [1_000_000]
    counted = failures_of(pairs, found)
    assert (counted["images"]["k"], counted["images"]["n"], counted["reasons"]) == (1, 3, {"no face": 1})
    assert (counted["groups"]["x"]["k"], counted["groups"]["y"]["k"]) == (0, 1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("image_a,same\na,1\n", "no column image_b"),
        ("image_a,image_b,same\n", "holds no pair"),
        ("image_a,image_b,same\na,b,yes\n", "line 2: same must be 1 or 0"),
        ("image_a,image_b,same\na,b\n", "line 2: has another number of cells"),
        ("image_a,image_b,same\na,b,1,2\n", "line 2: has another number of cells"),
        ("image_a,image_b,same\na,../b,1\n", "line 2: ../b leaves the folder"),
        ("image_a,image_b,same\n/a,b,1\n", "line 2: /a leaves the folder"),
        ("image_a,image_b,same,fold\na,b,1,\n", "line 2: column fold is empty"),
    ],
)
def test_a_wrong_file_names_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(BadInput, match=wrong):
        read_pairs(tmp_path / "pairs.csv", None)


def test_a_group_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("image_a,image_b,same\na,b,1\n")
    with pytest.raises(BadInput, match="no column sex"):
        read_pairs(tmp_path / "pairs.csv", "sex")


def test_bench_accuracy(tmp_path: Path, demo: Path, models_folder: Path) -> None:
    with (demo / "cohort.csv").open(encoding="utf-8") as file:
        names = [Path(row["image"]).name for row in csv.DictReader(file)][:8]
    lines = ["image_a,image_b,same,fold,tone"]
    for at in range(0, 8, 2):
        lines.append(f"{names[at]},{names[at + 1]},1,{at // 4},x")
        lines.append(f"{names[at]},{names[(at + 3) % 8]},0,{at // 4},y")
    lines.append(f"{names[0]},gone.jpg,1,0,y")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(lines))
    given = ("--pairs", pairs, "--images", demo / "cohort", "--group", "tone", "--at", "0.363", "--at", "1")
    result = Cli(tmp_path / "none")("bench", "accuracy", *given, "--json")
    assert result.code == 0, result.err
    value = result.value
    assert (value["pairs"], value["compared"], value["face"]) == (9, 8, "largest")
    assert value["limits"]["min_sharpness"] == 8
    assert value["accuracy"]["method"].startswith("2-fold")
    assert value["accuracy"]["n"] == 8
    assert [one["threshold"] for one in value["at"]] == [0.363, 1.0]
    assert value["at"][1]["fnmr"]["rate"] == 1
    assert value["at"][1]["groups"]["y"]["fmr"]["n"] == 4
    assert value["failures_to_acquire"]["reasons"] == {"missing file": 1}
    assert "pictures: 9 of 9" in result.err


def test_central_and_largest_face_of_a_picture_with_two(tmp_path: Path, demo: Path, pipeline: FacePipeline) -> None:
    import cv2

    large, small = (cv2.imread(str(path)) for path in sorted((demo / "list").glob("*.jpg"))[:5:4])
    assert large is not None
    assert small is not None
    picture = np.full((400, 1200, 3), 127, np.uint8)
    picture[0:400, 0:400] = cv2.resize(large, (400, 400))
    picture[100:300, 500:700] = cv2.resize(small, (200, 200))
    cv2.imwrite(str(tmp_path / "two.png"), picture)
    pairs = [ImagePair("two.png", "two.png", True, None, None)]
    both: tuple[Which, Which] = ("largest", "central")
    rows = [acquire(pipeline, tmp_path, pairs, Taking(which, Quality()), lambda *_: None)["two.png"] for which in both]
    assert not isinstance(rows[0], Rejected)
    assert not isinstance(rows[1], Rejected)
    assert float(rows[0] @ rows[1]) < 0.6


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW lies outside the project and is never part of it")
@pytest.mark.parametrize(("limits", "least"), [(Quality(), 580), (Quality.loosest(), 590)])
def test_lfw_fold_one(pipeline: FacePipeline, limits: Quality, least: int) -> None:
    pairs = read_pairs(LFW / "pairs_fold1.csv", None)
    found = acquire(pipeline, LFW / "images", pairs, Taking("central", limits), lambda *_: None)
    value = benchmark(pipeline, pairs, found, [363_000])
    assert value["accuracy"]["rate"] >= 0.994
    assert value["compared"] >= least
