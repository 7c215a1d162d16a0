"""The whole calculation runs beside its peers, and an answer that is off by one is told."""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.bench import calibrate
from matcher.bench.cohort import MadeUp, made_up
from matcher.bench.figures import Figures, Values, differing
from matcher.bench.peers import group_rates
from matcher.bench.phases import SHARED, Phases
from matcher.errors import UsageError
from matcher.kernels.pairs import PairCounts, pair_counts
from matcher.services.calibrate import mate_scores
from tests.cli.runner import Cli

PHASES = {
    "searches",
    "adjudication",
    "bounds, threshold, likelihood ratio and its bootstrap",
    "comparisons",
    "rates and bootstrap over people",
    "permutations",
    "comparisons of groups",
}


def test_bench_calibrate(tmp_path: Path) -> None:
    result = Cli(tmp_path / "none")(
        "bench", "calibrate", "--people", "600", "--dim", "32", "--groups", "3", "--threads", "2", "--json"
    )
    assert result.code == 0, result.err
    value = result.value
    assert (value["samples"], value["people"], value["comparisons"]) == (600, 300, 300 * 299 // 2 * 4)
    assert (value["bootstrap"], value["permutations"], value["cells"]) == (2_000, 9_999, 1 + 3 + 3 + 9)
    assert set(value["phases"]) == PHASES
    assert value["seconds"] == pytest.approx(sum(phase["seconds"] for phase in value["phases"].values()), abs=1e-3)
    assert value["reaching"] > 0
    assert 30 < value["peak_rss_mb"] < 1_000
    assert value["machine"]["cores"] >= 1
    peer = value["peers"]["numpy_scipy"]
    assert (peer["same"], peer["differ"]) == (True, [])
    assert peer["ratios"][SHARED] > 0
    assert any("bootstrap" in part for part in peer["left_out"])
    assert_fairlearn(value["peers"]["fairlearn"])
    assert "matcher: permutations" in result.err


def test_it_shows_a_table(tmp_path: Path) -> None:
    result = Cli(tmp_path / "none")("bench", "calibrate", "--people", "600", "--dim", "16", "--groups", "3")
    assert result.code == 0, result.err
    assert "rates and bootstrap over people" in result.out
    assert "the same numbers" in result.out


def test_too_few_people_for_a_threshold_are_refused(tmp_path: Path) -> None:
    result = Cli(tmp_path / "none")("bench", "calibrate", "--people", "100")
    assert result.code == 8
    assert "raise --people" in result.complaint


def assert_fairlearn(peer: dict[str, Any]) -> None:
    if importlib.util.find_spec("fairlearn") is None:
        assert "pip install 'watchlist-matcher[peers]'" in peer["absent"]
    else:
        assert peer["same"]


@pytest.fixture(scope="module")
def cohort() -> MadeUp:
    return made_up(200, 3, 24, 4)


def benchmark(cohort: MadeUp) -> dict[str, Any]:
    return calibrate.benchmark(cohort, 1, lambda _: None)


def test_the_numbers_do_not_depend_on_threads(cohort: MadeUp) -> None:
    one, three = (
        calibrate.figures_of(calibrate.calculated(cohort, threads, Phases("", lambda _: None))) for threads in (1, 3)
    )
    assert differing(one, dataclasses.replace(three, nulls=one.nulls), np.empty((0, 0))) == ["permutations"]
    for name, counted in one.counts.items():
        np.testing.assert_array_equal(counted, three.counts[name])
    np.testing.assert_array_equal(one.nulls, three.nulls)


def test_one_comparison_too_many_is_told(cohort: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more(*arrays: Any, threads: int | None) -> PairCounts:
        counts = pair_counts(*arrays, threads=threads).counts.copy()
        counts[0, 1_000] += 1
        return PairCounts(1_000, counts)

    monkeypatch.setattr(calibrate, "pair_counts", one_more)
    peer = benchmark(cohort)["peers"]["numpy_scipy"]
    assert (peer["same"], peer["differ"], peer["ratios"]) == (False, ["histograms"], None)


def test_one_score_that_is_off_is_told(cohort: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(*given: Any) -> Any:
        scores = mate_scores(*given).copy()
        scores[5] += 1
        return scores

    monkeypatch.setattr(calibrate, "mate_scores", off)
    peer = benchmark(cohort)["peers"]["numpy_scipy"]
    assert not peer["same"]
    assert "mates" in peer["differ"]


def figures() -> Figures:
    return Figures(
        counts={"k": np.array([3, 9])},
        rates={"bound": np.array([0.25, np.nan])},
        fitted={"lines": np.array([[1.0, 2.0]])},
        nulls=np.array([[0.5, 0.95, 0.3]]),
    )


def changed(name: str, part: str, by: float) -> Callable[[], Figures]:
    def make() -> Figures:
        found = getattr(figures(), part)[name]
        values: dict[str, Any] = {part: {name: found + found.dtype.type(by)}}
        return dataclasses.replace(figures(), **values)

    return make


UNIFORM: Values = np.linspace(0, 1, 9_999)[np.newaxis]


def test_equal_figures_are_the_same() -> None:
    assert differing(figures(), figures(), UNIFORM) == []
    assert differing(figures(), changed("bound", "rates", 1e-10)(), UNIFORM) == []
    assert differing(figures(), changed("lines", "fitted", 1e-6)(), UNIFORM) == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (changed("k", "counts", 1), "k"),
        (changed("bound", "rates", 1e-7), "bound"),
        (changed("lines", "fitted", 1e-4), "lines"),
        (lambda: dataclasses.replace(figures(), counts={}), "k"),
        (lambda: dataclasses.replace(figures(), rates={"bound": np.array([0.25, 0.0])}), "bound"),
        (lambda: dataclasses.replace(figures(), rates={"bound": np.array([0.25])}), "bound"),
        (lambda: dataclasses.replace(figures(), nulls=np.array([[0.5, 0.95, 0.4]])), "permutations"),
        (lambda: dataclasses.replace(figures(), nulls=np.array([[0.5, 0.95, np.nan]])), "permutations"),
    ],
)
def test_what_differs_is_named(other: Callable[[], Figures], told: str) -> None:
    assert differing(figures(), other(), UNIFORM) == [told]


@pytest.mark.parametrize("median", [0.4, 0.6, np.inf])
def test_another_median_of_permutations_is_told(median: float) -> None:
    ours = dataclasses.replace(figures(), nulls=np.array([[median, 0.95, 0.3]]))
    assert differing(ours, figures(), UNIFORM) == ["permutations"]


def test_permutations_that_are_missing_are_told() -> None:
    assert differing(figures(), figures(), UNIFORM[:0]) == ["permutations"]


def test_an_absent_fairlearn_says_how_to_install_it(cohort: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Any:
        raise UsageError("fairlearn is not installed")

    monkeypatch.setattr(group_rates, "fairlearn_metrics", absent)
    assert benchmark(cohort)["peers"]["fairlearn"] == {"absent": "fairlearn is not installed"}
