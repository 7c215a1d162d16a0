import dataclasses
import json
from fractions import Fraction
from math import comb
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.differentials import (
    ColumnOutcomes,
    Differentials,
    Measure,
    column_outcomes,
    differentials,
)
from matcher.calibration.measures import OF_BOTH, OF_ONE_RATE, Rates, Statistic
from matcher.calibration.permutation import in_canonical_order, permuted_errors
from matcher.calibration.trials import Outcomes
from matcher.errors import BadInput

Person = tuple[int, int, int]  # group (-1: undeclared), false alarm and miss (0 not tested, 1 right, 2 wrong)


def outcomes(people: list[Person], labels: tuple[str, ...] = ("female", "male")) -> ColumnOutcomes:
    group, alarm, miss = (np.array(part, dtype=np.int64) for part in zip(*people, strict=True))
    return ColumnOutcomes("gender", labels, group, alarm > 0, alarm == 2, miss > 0, miss == 2)


def counted(*groups: tuple[int, int, int, int], labels: tuple[str, ...] = ("female", "male")) -> ColumnOutcomes:
    """Groups of (false alarms, searches, misses, mated searches), the mated among the searched."""
    people = [
        (place, 2 if number < k else 1, 0 if number >= mated else 2 if number < missed else 1)
        for place, (k, n, missed, mated) in enumerate(groups)
        for number in range(n)
    ]
    return outcomes(people, labels)


def measure(found: Differentials, statistic: Statistic, rates: Rates) -> Measure:
    return next(one for one in found.measures if (one.statistic, one.rates) == (statistic, rates))


def test_every_measure_once_and_apart() -> None:
    found = differentials(counted((3, 400, 20, 300), (9, 500, 10, 250)), 1, 99)
    assert [(one.statistic, one.rates) for one in found.measures] == [
        *((stat, rate) for rate in (Rates.FPIR, Rates.FNIR) for stat in OF_ONE_RATE),
        *((stat, Rates.BOTH) for stat in OF_BOTH),
    ]
    assert measure(found, Statistic.MAX_MIN, Rates.FPIR).value == pytest.approx(9 / 500 / (3 / 400), abs=1e-9)
    assert measure(found, Statistic.MAX_MIN, Rates.FNIR).value == pytest.approx(20 / 300 / (10 / 250), abs=1e-9)
    assert measure(found, Statistic.IR, Rates.BOTH).value == pytest.approx((2.4 * 5 / 3) ** 0.5, abs=1e-9)
    assert measure(found, Statistic.FDR, Rates.BOTH).value == pytest.approx(
        1 - (0.018 - 0.0075 + 1 / 15 - 0.04) / 2, abs=1e-9
    )


def test_the_p_value_of_two_groups_is_that_of_the_hypergeometric() -> None:
    # 6 of 10 against 1 of 14: the difference is at least as large with 6 or 7 of the 7 errors in the first group,
    # or 0 in it (7/14 = 0.5 is below 0.6 - 1/14 = 0.529, so that end does not count).
    found = differentials(counted((6, 10, 1, 10), (1, 14, 1, 14)), 3)
    null = measure(found, Statistic.RANGE, Rates.FPIR).null
    assert null is not None
    exact = sum(comb(10, k) * comb(14, 7 - k) for k in (6, 7)) / comb(24, 7)
    assert null.p == pytest.approx(exact, abs=5 * (exact / 9999) ** 0.5)
    assert null.permutations == 9999


@pytest.mark.parametrize(("times", "median", "limit95"), [(19, 10, 19), (100, 50, 95), (3999, 2000, 3800)])
def test_the_null_against_exact_fractions(times: int, median: int, limit95: int) -> None:
    """Ties are many with few errors, and sums of floats in another order would miss some of them."""
    made = counted((2, 25, 0, 0), (2, 10, 0, 0), (1, 19, 0, 0), (3, 23, 0, 0), labels=("a", "b", "c", "d"))
    table = in_canonical_order(made.table())
    alarms, _ = permuted_errors(table, times, 6)
    sizes = table[3:].sum(axis=0).tolist()

    def gini(errors: list[int]) -> Fraction:
        rates = [Fraction(k, n) for k, n in zip(errors, sizes, strict=True)]
        return sum((abs(one - other) for one in rates for other in rates), Fraction(0)) / (6 * sum(rates))

    seen = gini(table[6:].sum(axis=0).tolist())
    drawn = sorted(gini(errors) for errors in alarms.T.tolist())
    null = measure(differentials(made, 6, times), Statistic.GINI, Rates.FPIR).null
    assert null is not None
    assert null.median == pytest.approx(float(drawn[median - 1]), abs=1e-9)
    assert null.limit95 == pytest.approx(float(drawn[limit95 - 1]), abs=1e-9)
    assert null.p == pytest.approx((1 + sum(one >= seen for one in drawn)) / (1 + times), abs=1e-9)


def test_without_a_difference_the_p_value_is_one() -> None:
    found = differentials(counted((5, 100, 4, 80), (5, 100, 4, 80)), 3, 199)
    for one in found.measures:
        assert one.null is not None
        assert one.null.p == 1
    assert measure(found, Statistic.FDR, Rates.BOTH).value == 1


def test_a_gross_difference_is_beyond_the_null() -> None:
    found = differentials(counted((40, 400, 90, 300), (4, 400, 10, 300)), 3)
    for one in found.measures:
        assert one.null is not None
        assert one.value is not None
        assert one.null.median is not None
        assert one.null.limit95 is not None
        assert one.null.p == pytest.approx(1e-4)
        fdr = one.statistic is Statistic.FDR
        assert (one.value < one.null.limit95 < one.null.median) if fdr else (one.value > one.null.limit95)
        assert fdr or one.null.limit95 > one.null.median


def test_small_groups_look_unequal_by_chance() -> None:
    """Why the null stands beside the value: everybody alike, ten groups of thirty, one false alarm in fifty."""
    chance = np.random.default_rng(8)
    people = [(place % 10, 2 if chance.random() < 0.02 else 1, 0) for place in range(300)]
    found = differentials(outcomes(people, tuple(f"g{place}" for place in range(10))), 1, 999)
    gini = measure(found, Statistic.GINI, Rates.FPIR)
    assert gini.value is not None
    assert gini.value > 0.4
    assert gini.null is not None
    assert gini.null.p is not None
    assert gini.null.p > 0.05


def test_a_group_without_an_error_is_undefined_with_its_counts() -> None:
    found = differentials(counted((0, 412, 2, 300), (9, 500, 10, 250)), 1, 499)
    one = measure(found, Statistic.MAX_GEOMEAN, Rates.FPIR)
    assert (one.value, one.reason) == (None, "group gender female: 0/412")
    assert one.null is not None
    assert one.null.p is None
    both = measure(found, Statistic.IR, Rates.BOTH)
    assert (both.value, both.reason) == (None, "FPIR: group gender female: 0/412")
    assert measure(found, Statistic.GINI, Rates.FPIR).value == 1
    assert measure(found, Statistic.MAX_MIN, Rates.FNIR).value is not None


def test_undefined_permutations_are_counted_and_count_as_more_unequal() -> None:
    # Two errors among 20 people, one in each half: half of all permutations put both on one side.
    found = differentials(counted((1, 10, 0, 0), (1, 10, 0, 0)), 4)
    null = measure(found, Statistic.MAX_MIN, Rates.FPIR).null
    assert null is not None
    assert null.undefined == pytest.approx(9999 * 9 / 19, abs=5 * (9999 / 4) ** 0.5)
    assert (null.median, null.limit95, null.p) == (1, None, 1)
    # Three among 30: with five errors in one, three permutations in four have no value, so the median has none either.
    rare = measure(differentials(counted((1, 3, 0, 0), (1, 30, 0, 0)), 4), Statistic.MAX_MIN, Rates.FPIR)
    assert rare.value == 10
    assert rare.null is not None
    assert rare.null.median is None
    assert rare.null.p == 1


def test_nobody_with_a_mate_leaves_the_false_alarms() -> None:
    found = differentials(counted((3, 400, 0, 0), (9, 500, 0, 0)), 1, 99)
    miss = measure(found, Statistic.RANGE, Rates.FNIR)
    assert (miss.value, miss.null) == (None, None)
    assert miss.reason == "group gender female: 0/0; group gender male: 0/0"
    assert measure(found, Statistic.GARBE, Rates.BOTH).reason == f"FNIR: {miss.reason}"
    assert measure(found, Statistic.GARBE, Rates.BOTH).null is None
    assert measure(found, Statistic.GINI, Rates.FPIR).value is not None


def test_zero_errors_everywhere() -> None:
    found = differentials(counted((0, 40, 0, 30), (0, 50, 0, 20)), 1, 99)
    for one in found.measures:
        if one.statistic in (Statistic.RANGE, Statistic.FDR):
            assert one.value == (1 if one.statistic is Statistic.FDR else 0)
            assert one.null is not None
            assert (one.null.p, one.null.undefined) == (1, 0)
        else:
            assert one.value is None
            assert one.reason is not None
            assert one.null is not None
            assert (one.null.median, one.null.p, one.null.undefined) == (None, None, 99)


def test_one_group_and_none() -> None:
    one = differentials(counted((3, 10, 1, 5), labels=("female",)), 1, 99)
    assert {(found.value, found.null) for found in one.measures} == {(None, None)}
    assert one.measures[0].reason == "one group only: group gender female: 3/10"
    none = differentials(outcomes([(-1, 2, 1), (-1, 1, 0)], ()), 1, 99)
    assert {(found.value, found.null) for found in none.measures} == {(None, None)}
    assert (none.measures[0].reason, none.undeclared) == ("no group", 2)


def test_a_required_group_that_nobody_declares() -> None:
    people = Outcomes(
        completed=np.array([True, True, False, True]),
        maxima=np.array([500, 400, 999, 499], dtype=np.int32),
        pairs=np.array([True, True, True, False]),
        mated=np.array([True, True, False, False]),
        mates=np.array([500, 499, 0, 0], dtype=np.int32),
        same_session=np.zeros(4, dtype=bool),
    )
    found = column_outcomes("gender", ["m", "f", "f", "undeclared"], people, 500, required=("x",))
    assert [(group.label, group.k, group.n) for group in found.false_alarms()] == [
        ("f", 0, 1),
        ("m", 1, 1),
        ("x", 0, 0),
    ]
    assert [(group.label, group.k, group.n) for group in found.misses()] == [("f", 1, 1), ("m", 0, 1), ("x", 0, 0)]
    measured = differentials(found, 1, 9)
    assert measured.undeclared == 1
    assert {one.value for one in measured.measures} == {None}
    assert measured.measures[0].reason == "group gender x: 0/0"


def test_arrays_of_other_lengths_are_refused() -> None:
    yes = np.ones(3, dtype=bool)
    with pytest.raises(BadInput):
        ColumnOutcomes("gender", ("f",), np.zeros(2, dtype=np.int64), yes, yes, yes, yes)


def test_the_result_is_canonical_json_as_it_stands() -> None:
    found = differentials(counted((0, 40, 2, 30), (3, 50, 0, 20)), 2**48 - 1, 99)
    plain = dataclasses.asdict(found)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert json.loads(text) == json.loads(json.dumps(plain))
    assert '"reason":"group gender female: 0/40"' in text


people = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)
THREE = ("a", "b", "c")


@settings(max_examples=60, deadline=None)
@given(people, st.data())
def test_the_order_of_people_changes_nothing(drawn: list[Person], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(drawn))
    assert differentials(outcomes(drawn, THREE), 11, 49) == differentials(outcomes(mixed, THREE), 11, 49)


@settings(max_examples=60, deadline=None)
@given(people, st.permutations(range(3)))
def test_other_names_of_the_groups_change_nothing_but_names(drawn: list[Person], names: list[int]) -> None:
    renamed = [(names[group] if group >= 0 else -1, alarm, miss) for group, alarm, miss in drawn]
    first, second = (differentials(outcomes(one, THREE), 11, 49) for one in (drawn, renamed))
    assert [(one.value, one.null) for one in first.measures] == [(one.value, one.null) for one in second.measures]
    by_name = {group.label: (group.k, group.n) for group in second.false_alarms}
    assert [(group.k, group.n) for group in first.false_alarms] == [by_name[THREE[names[place]]] for place in range(3)]


@settings(max_examples=60, deadline=None)
@given(people)
def test_a_value_or_a_reason_and_honest_counts(drawn: list[Person]) -> None:
    for one in differentials(outcomes(drawn, THREE), 5, 39).measures:
        assert (one.value is None) != (one.reason is None)
        if one.null is not None:
            assert 0 <= one.null.undefined <= 39
            assert (one.null.p is None) == (one.value is None)
            assert one.null.p is None or one.null.p >= (1 + one.null.undefined) / 40 - 1e-9


def test_fast_enough_for_a_full_cohort() -> None:
    """3,300 people in 10 groups, every second mated person missed (the worst case): about 0.4 s on one core."""
    chance = np.random.default_rng(0)
    drawn = [
        (int(g), 2 if a < 0.01 else 1, 2 if m < 0.5 else 1)
        for g, a, m in zip(chance.integers(0, 10, 3300), chance.random(3300), chance.random(3300), strict=True)
    ]
    made = outcomes(drawn, tuple(f"g{place}" for place in range(10)))
    started = perf_counter()
    differentials(made, 1)
    assert perf_counter() - started < 3
