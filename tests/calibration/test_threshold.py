"""V9 (Learn-then-Test) and V5 (ties), by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.groups import Cell, CellEvidence, Level
from matcher.calibration.threshold import false_alarms, just_above, select
from matcher.calibration.threshold import given as given_beforehand
from matcher.errors import BadInput

# V5: rows are searches, the first four mated with the column of their number; candidate iff score >= t.
V5 = [
    [900, 300, 200, 100],
    [500, 500, 100, 200],
    [700, 200, 600, 100],
    [100, 200, 300, 490],
    [500, 200, 100, 300],
    [400, 450, 100, 300],
    [800, 750, 100, 600],
    [100, 100, 100, 100],
]


def evidence(name: str, maxima: list[int]) -> CellEvidence:
    return CellEvidence(Cell((("g", name),), Level.GROUP), len(maxima), tuple(sorted(maxima)))


def with_top(n: int, *top: int) -> list[int]:
    return [*(1000 * score for score in top), *range(100_000, 100_000 + 100 * (n - len(top)), 100)]


def test_v9_selects_just_above_the_allowed_false_alarm() -> None:
    cells = [
        evidence("A", with_top(100, 660, 610)),
        evidence("B", with_top(60, 590)),
        evidence("C", with_top(160, 760, 720, 660, 660, 610)),
    ]
    chosen = select(cells, 0.05, 0.05)
    assert chosen.threshold.tau == 660_100
    assert chosen.set_by == cells[2].cell
    assert select(cells[:1], 0.05, 0.05).threshold.tau == 610_100
    # B's 60 people could never certify with delta split over three groups.
    assert select(cells[1:2], 0.05, 0.05 / 3).threshold.tau is None


@pytest.mark.parametrize(("tau", "fpir"), [(450, 3), (500, 2), (501, 1), (600, 1)])
def test_v5_false_alarms_count_ties_at_the_threshold(tau: int, fpir: int) -> None:
    assert false_alarms(sorted(max(row) for row in V5[4:]), tau) == fpir


@pytest.mark.parametrize(
    ("score", "tau"), [(660_000, 660_100), (660_001, 660_100), (660_099, 660_100), (-1, 0), (0, 100), (-100, 0)]
)
def test_just_above_is_strict(score: int, tau: int) -> None:
    assert just_above(score) == tau


def test_perfect_non_mated_scores_are_not_hidden() -> None:
    chosen = select([evidence("A", [1_000_000] * 60)], 0.05, 0.05)
    assert chosen.threshold.tau == 1_000_000


@pytest.mark.parametrize("tau", [1_000_100, -1_000_100, 12_345])
def test_thresholds_given_must_be_on_the_grid(tau: int) -> None:
    with pytest.raises(BadInput):
        given_beforehand(tau)


def test_a_threshold_of_zero_is_a_threshold() -> None:
    assert given_beforehand(0).threshold.tau == 0


@given(st.lists(st.integers(-1_000_000, 1_000_000), min_size=1, max_size=50), st.data())
def test_raising_the_threshold_never_raises_the_count(maxima: list[int], data: st.DataObject) -> None:
    low = data.draw(st.integers(-1_000_000, 1_000_000))
    high = data.draw(st.integers(low, 1_000_000))
    maxima.sort()
    assert false_alarms(maxima, high) <= false_alarms(maxima, low)
    assert false_alarms(maxima, low) == sum(score >= low for score in maxima)
