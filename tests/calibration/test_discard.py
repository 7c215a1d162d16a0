"""Error against reject, on figures that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.discard import SHARES, Compared, limit_effect, rejected_unevenly
from matcher.domain.revision import Pairs

TAU = 500_000


def people(count: int, missed: set[int], labels: list[Pairs] | None = None) -> Compared:
    """People with samples 2i (probe) and 2i + 1 (reference)."""
    scores = np.array([400_000 if i in missed else 600_000 for i in range(count)], np.int32)
    probes = 2 * np.arange(count, dtype=np.intp)
    return Compared(tuple(labels or [()] * count), probes, probes + 1, scores)


def test_a_measure_that_tells_misses_apart_takes_them_away_first() -> None:
    values = np.repeat(np.arange(100.0), 2)
    effect = limit_effect(("min_x", True), values, people(100, set(range(10))), TAU, None)
    assert (effect.before.k, effect.before.n) == (10, 100)
    found = {point.wanted: point for point in effect.curve}
    told = [(found[share].rejected.k, found[share].fnmr.k, found[share].fnmr.n) for share in (0.01, 0.05, 0.1, 0.2)]
    assert told == [(1, 9, 99), (5, 5, 95), (10, 0, 90), (20, 0, 80)]
    assert found[0.1].bound == 10
    assert effect.correlation is not None
    assert effect.correlation > 0.5


def test_a_measure_that_is_better_small_is_turned_round() -> None:
    values = np.repeat(100 - np.arange(100.0), 2)
    effect = limit_effect(("max_x", False), values, people(100, set(range(10))), TAU, 90.0)
    assert effect.policy is not None
    assert (effect.policy.rejected.k, effect.policy.fnmr.k) == (10, 0)
    point = next(point for point in effect.curve if point.wanted == 0.1)
    assert (point.bound, point.rejected.k) == (90, 10)
    assert effect.correlation is not None
    assert effect.correlation > 0.5


def test_equal_values_are_rejected_together_or_not_at_all() -> None:
    values = np.repeat(np.array([1.0] * 50 + [2.0] * 50), 2)
    effect = limit_effect(("min_x", True), values, people(100, set()), TAU, None)
    assert {point.wanted: point.rejected.k for point in effect.curve} == dict.fromkeys(SHARES, 0) | {0.5: 50}


def test_a_bad_reference_takes_the_comparison_away_but_not_the_probe() -> None:
    effect = limit_effect(("min_x", True), np.array([5.0, 1.0, 5.0, 5.0]), people(2, set()), TAU, 2.0)
    assert effect.policy is not None
    assert (effect.policy.rejected.k, effect.policy.fnmr.n) == (0, 1)


def test_without_a_mate_nothing_is_compared_and_nothing_is_a_rate() -> None:
    compared = Compared(((),), np.array([0]), np.array([-1]), np.array([0], np.int32))
    effect = limit_effect(("min_x", True), np.array([1.0]), compared, TAU, 0.0)
    assert (effect.before.n, effect.before.rate) == (0, None)
    assert (effect.correlation, effect.reason) == (None, "0 mated comparisons")
    flat = limit_effect(("min_x", True), np.ones(20), people(10, {1}), TAU, None)
    assert (flat.correlation, flat.reason) == (None, "all values are equal")


def test_what_is_not_a_number_is_rejected_by_every_limit() -> None:
    values = np.repeat(np.array([np.nan, *np.arange(99.0)]), 2)
    for least in (True, False):
        effect = limit_effect(("x", least), values, people(100, set()), TAU, -1e9 if least else 1e9)
        assert effect.policy is not None
        assert effect.policy.rejected.k == 1


def test_a_limit_that_rejects_one_group_is_seen_and_a_fair_one_is_not() -> None:
    labels: list[Pairs] = [(("tone", "darker" if i < 50 else "lighter"),) for i in range(100)]
    compared = people(100, set(), labels)
    dark = limit_effect(("dark", True), np.repeat(np.arange(100.0), 2), compared, TAU, None)
    fair = limit_effect(("fair", True), np.repeat(np.arange(100.0) % 50, 2), compared, TAU, None)
    tests = rejected_unevenly([dark, fair])
    assert {(one.limit, one.group.label) for one in tests if one.more_often} == {("dark", "darker")}
    first = next(one for one in tests if one.limit == "dark" and one.group.label == "darker")
    assert (first.group.k, first.group.n, first.others.k, first.others.n) == (10, 50, 0, 50)
    # two limits, one column of two groups each: a family of two
    assert first.adjusted == pytest.approx(2 * first.p)


PEOPLE = st.lists(st.tuples(st.floats(-5, 5), st.booleans(), st.sampled_from("ab")), min_size=1, max_size=60)


@given(PEOPLE, st.booleans())
def test_counts_fall_as_more_is_rejected_and_groups_add_up(rows: list[tuple[float, bool, str]], least: bool) -> None:
    labels: list[Pairs] = [(("g", label),) for _, _, label in rows]
    compared = people(len(rows), {i for i, (_, missed, _) in enumerate(rows) if missed}, labels)
    effect = limit_effect(("x", least), np.repeat([value for value, _, _ in rows], 2), compared, TAU, None)
    for point in effect.curve:
        assert point.rejected.k is not None
        assert point.wanted is not None
        assert point.rejected.k <= point.wanted * len(rows)
        assert point.rejected.k == sum(one.rejected.k or 0 for one in point.groups)
        assert point.fnmr.n == sum(one.fnmr.n for one in point.groups) == len(rows) - point.rejected.k
    kept = [point.fnmr.n for point in effect.curve]
    assert kept == sorted(kept, reverse=True)
