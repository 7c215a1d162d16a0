import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.elub import elub


def test_n_people_without_a_false_alarm_support_less_than_n_plus_one() -> None:
    bounds = elub(np.full(99, 5.0), np.full(412, -5.0))
    # one misleading mate in 100, one false alarm in 413: 0.01 + t / 413 <= 1
    assert bounds.upper == pytest.approx(math.log10(413 * 0.99), abs=1e-9)
    assert bounds.lower == pytest.approx(-math.log10(100 * (1 - 1 / 413)), abs=1e-9)


def test_one_false_alarm_halves_it() -> None:
    bounds = elub(np.full(99, 5.0), np.array([*[-5.0] * 411, 5.0]))
    assert bounds.upper == pytest.approx(math.log10(413 / 2 * 0.99), abs=1e-9)


def test_ratios_that_never_reach_it_are_their_own_bound() -> None:
    assert elub(np.full(99, 1.0), np.full(412, -1.0)).upper == 1.0


def test_ratios_that_mislead_give_nothing() -> None:
    assert elub(np.full(9, -2.0), np.full(9, 2.0)) == elub(np.zeros(9), np.zeros(9))
    assert elub(np.full(9, -2.0), np.full(9, 2.0)).upper == 0.0


ratios = st.lists(st.integers(-30, 30), min_size=1, max_size=12)


@given(ratios, ratios)
def test_the_bounds_are_the_nearest_thresholds_at_which_knowing_nothing_costs_less(
    mates: list[int], others: list[int]
) -> None:
    mated, nonmated = np.array(mates) / 10, np.array(others) / 10
    bounds = elub(mated, nonmated)

    def helps(log10_threshold: float) -> bool:
        misses = ((mated < log10_threshold).sum() + 1) / (len(mated) + 1)
        alarms = ((nonmated >= log10_threshold).sum() + 1) / (len(nonmated) + 1)
        threshold = 10**log10_threshold
        return bool(misses + threshold * alarms <= min(1, threshold) + 1e-12)

    steps = np.arange(1, 3200) / 1000 + 0.0003  # never on a ratio
    above = next((step for step in steps if not helps(step)), math.inf)
    below = next((-step for step in steps if not helps(-step)), -math.inf)
    assert above - 0.002 <= bounds.upper <= above
    assert below <= bounds.lower <= below + 0.002


@given(ratios, ratios, st.integers(0, 11))
def test_a_false_alarm_more_never_raises_the_upper_bound(mates: list[int], others: list[int], which: int) -> None:
    worse = list(others)
    worse[which % len(worse)] = 31
    mated = np.array(mates) / 10
    assert elub(mated, np.array(worse) / 10).upper <= elub(mated, np.array(others) / 10).upper
