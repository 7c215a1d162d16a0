import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.group_count import GroupCount
from matcher.calibration.measures import OF_BOTH, OF_ONE_RATE, Statistic, inequality, reason_undefined, shown

# V1: rates of four groups, and every measure of them at a = 0.5.
V1_ALARMS = (0.001, 0.002, 0.004, 0.008)
V1_MISSES = (0.01, 0.02, 0.02, 0.05)
V1_OF_ALARMS = {
    Statistic.GINI: 0.5111111111111111,
    Statistic.MAX_MIN: 8.0,
    Statistic.RANGE: 0.007,
    Statistic.MAX_GEOMEAN: 2.8284271247461916,
    Statistic.MAX_MEAN: 2.1333333333333333,
}
V1_OF_MISSES = {
    Statistic.GINI: 0.39999999999999997,
    Statistic.MAX_MIN: 5.0,
    Statistic.RANGE: 0.04,
    Statistic.MAX_GEOMEAN: 2.3643540225079387,
    Statistic.MAX_MEAN: 2.0,
}
V1_OF_BOTH = {Statistic.GARBE: 0.4555555555555555, Statistic.IR: 6.324555320336759, Statistic.FDR: 0.9765}
# V2: rates, as counts, and which measures have no value there.
V2_GINI = [((0, 1), 1.0), ((0, 0, 0, 1), 1.0), ((300, 300, 300), 0.0)]


def column(*rates: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[rate] for rate in rates])


def groups(*counts: tuple[int, int]) -> tuple[GroupCount, ...]:
    return tuple(GroupCount("site", f"s{place}", k, n) for place, (k, n) in enumerate(counts))


def value(statistic: Statistic, *rates: tuple[float, ...]) -> float:
    return shown(float(inequality(statistic, [column(*one) for one in rates])[0]), statistic)


def test_v1_measures_of_one_rate() -> None:
    assert {stat: value(stat, V1_ALARMS) for stat in OF_ONE_RATE} == pytest.approx(V1_OF_ALARMS, abs=1e-9)
    assert {stat: value(stat, V1_MISSES) for stat in OF_ONE_RATE} == pytest.approx(V1_OF_MISSES, abs=1e-9)


def test_v1_measures_of_both_rates() -> None:
    assert {stat: value(stat, V1_ALARMS, V1_MISSES) for stat in OF_BOTH} == pytest.approx(V1_OF_BOTH, abs=1e-9)


@pytest.mark.parametrize(("counts", "gini"), V2_GINI)
def test_v2_gini_at_its_ends(counts: tuple[int, ...], gini: float) -> None:
    assert value(Statistic.GINI, tuple(count / 1000 for count in counts)) == pytest.approx(gini, abs=1e-9)
    assert reason_undefined(Statistic.GINI, groups(*((count, 1000) for count in counts))) is None


def test_v2_one_group_without_an_error_leaves_no_ratio() -> None:
    counts = groups((0, 412), (1, 1000))
    for statistic in (Statistic.MAX_MIN, Statistic.MAX_GEOMEAN, Statistic.IR):
        assert reason_undefined(statistic, counts) == "group site s0: 0/412"
    for statistic in (Statistic.GINI, Statistic.MAX_MEAN, Statistic.RANGE, Statistic.GARBE, Statistic.FDR):
        assert reason_undefined(statistic, counts) is None


def test_v2_no_error_anywhere_leaves_only_the_difference() -> None:
    counts = groups((0, 10), (0, 20), (0, 30))
    for statistic in (*OF_ONE_RATE, *OF_BOTH):
        defined = statistic in (Statistic.RANGE, Statistic.FDR)
        expected = None if defined else "group site s0: 0/10; group site s1: 0/20; group site s2: 0/30"
        assert reason_undefined(statistic, counts) == expected
    assert value(Statistic.FDR, (0, 0, 0), (0, 0, 0)) == 1.0


def test_v2_one_group_is_compared_with_nobody() -> None:
    for statistic in (*OF_ONE_RATE, *OF_BOTH):
        assert reason_undefined(statistic, groups((3, 10))) == "one group only: group site s0: 3/10"
        assert reason_undefined(statistic, ()) == "no group"


def test_a_group_without_a_search_undoes_every_measure() -> None:
    for statistic in (*OF_ONE_RATE, *OF_BOTH):
        assert reason_undefined(statistic, groups((3, 10), (0, 0), (1, 5))) == "group site s1: 0/0"


def test_a_long_reason_names_five_groups() -> None:
    reason = reason_undefined(Statistic.MAX_MIN, groups(*([(0, 7)] * 8), (1, 2)))
    assert reason is not None
    assert reason.endswith("group site s4: 0/7; and 3 more")


counted = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=8
)


@given(counted)
def test_a_reason_stands_exactly_where_there_is_no_value(counts: list[tuple[int, int]]) -> None:
    rates = tuple(k / n for k, n in counts)
    for statistic in OF_ONE_RATE:
        infinite = bool(np.isinf(inequality(statistic, [column(*rates)])[0]))
        assert infinite == (reason_undefined(statistic, groups(*counts)) is not None)
    for statistic in OF_BOTH:
        infinite = bool(np.isinf(inequality(statistic, [column(*rates), column(*rates)])[0]))
        assert infinite == (reason_undefined(statistic, groups(*counts)) is not None)


@given(counted, st.data())
def test_the_order_of_groups_does_not_matter(counts: list[tuple[int, int]], data: st.DataObject) -> None:
    rates = [k / n for k, n in counts]
    mixed = data.draw(st.permutations(rates))
    for statistic in OF_ONE_RATE:
        once, again = (inequality(statistic, [column(*order)])[0] for order in (rates, mixed))
        assert again == pytest.approx(once, rel=1e-12)


@given(st.lists(st.floats(1e-4, 1), min_size=2, max_size=8))
def test_gini_against_its_definition(rates: list[float]) -> None:
    size, mean = len(rates), sum(rates) / len(rates)
    spread = sum(abs(one - other) for one in rates for other in rates)
    expected = size / (size - 1) * spread / (2 * size**2 * mean)
    assert value(Statistic.GINI, tuple(rates)) == pytest.approx(expected, abs=1e-9)
    assert -1e-9 <= expected <= 1 + 1e-9
