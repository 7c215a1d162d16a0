import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.group_count import GroupCount, others_of
from matcher.calibration.intervals import lower_bound, upper_bound
from matcher.calibration.ratios import rate_ratio, widest_ratio
from matcher.errors import BadInput


def group(label: str, k: int, n: int, column: str = "gender") -> GroupCount:
    return GroupCount(column, label, k, n)


def test_the_bounds_are_quotients_of_exact_bounds() -> None:
    found = rate_ratio(group("female", 60, 400), group("male", 10, 500))
    assert found.ratio == pytest.approx(7.5, abs=1e-9)
    assert found.lower == pytest.approx(lower_bound(60, 400, 0.025) / upper_bound(10, 500, 0.025), rel=1e-9)
    assert found.upper == pytest.approx(upper_bound(60, 400, 0.025) / lower_bound(10, 500, 0.025), rel=1e-9)
    assert (found.spent, found.present, found.reason) == (0.025, True, None)
    assert found.text == (
        "A differential is present: the rate of group gender female (60 of 400) is at least 3.19 times that of "
        "group gender male (10 of 500), with 95 % confidence."
    )


def test_a_bound_that_does_not_exceed_one_shows_nothing() -> None:
    # Fisher's exact p is 0.014 here (test_comparisons.py): conservative bounds ask for more.
    found = rate_ratio(group("dark", 11, 107), group("light", 17, 428))
    assert found.ratio == pytest.approx(11 * 428 / (107 * 17), abs=1e-9)
    assert found.lower == pytest.approx(0.8346857961, abs=1e-9)
    assert not found.present
    assert found.text == (
        "No differential is shown between group gender dark (11 of 107) and group gender light (17 of 428); "
        "this is not evidence that the rates are equal."
    )


def test_division_by_a_rate_of_zero_leaves_the_lower_bound() -> None:
    found = rate_ratio(group("female", 60, 400), group("male", 0, 412))
    assert (found.ratio, found.upper, found.reason) == (None, None, "group gender male: 0/412")
    assert found.lower == pytest.approx(lower_bound(60, 400, 0.025) / upper_bound(0, 412, 0.025), rel=1e-9)
    assert found.present


def test_nobody_searched_is_undefined_and_present_nowhere() -> None:
    found = rate_ratio(group("female", 0, 0), group("male", 3, 412))
    assert (found.ratio, found.lower, found.upper, found.present) == (None, None, None, False)
    assert found.reason == "group gender female: 0/0"


def test_zero_errors_everywhere_show_nothing() -> None:
    found = widest_ratio([group("female", 0, 400), group("male", 0, 412)])
    assert found is not None
    assert (found.ratio, found.lower, found.upper, found.present) == (None, 0, None, False)


def test_the_others_are_pooled_within_the_column() -> None:
    groups = [group("a", 1, 10), group("b", 2, 20), group("c", 4, 40), group("x", 9, 9, "site")]
    assert others_of(groups[0], groups) == group("others", 6, 60)


def test_the_widest_pair_has_evidence_and_not_just_a_high_rate() -> None:
    lonely, many, few = group("lonely", 1, 1), group("many", 80, 400), group("few", 2, 400)
    found = widest_ratio([lonely, few, many])
    assert found is not None
    assert (found.above, found.below) == (many, few)
    assert found.spent == pytest.approx(0.05 / 6)
    assert found.present


def test_fewer_than_two_searched_groups_make_no_pair() -> None:
    assert widest_ratio([group("a", 1, 10)]) is None
    assert widest_ratio([group("a", 1, 10), group("b", 0, 0)]) is None
    assert widest_ratio([]) is None


def test_groups_of_two_columns_are_refused() -> None:
    with pytest.raises(BadInput):
        widest_ratio([group("a", 1, 10), group("b", 1, 10, "site")])


@pytest.mark.parametrize("delta", [0.0, 1.0])
def test_an_impossible_delta_is_refused(delta: float) -> None:
    with pytest.raises(BadInput):
        rate_ratio(group("a", 1, 10), group("b", 1, 10), delta)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(BadInput):
        group("a", 3, 2)


def test_the_result_is_json_as_it_stands() -> None:
    found = rate_ratio(group("female", 60, 400), group("male", 0, 412))
    assert json.loads(json.dumps(dataclasses.asdict(found), allow_nan=False))["below"]["n"] == 412


counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.integers(1, 8), st.integers(1, 8))
def test_bounds_of_equal_rates_contain_one(one: tuple[int, int], times: int, other: int) -> None:
    k, n = one
    found = rate_ratio(group("a", k * times, n * times), group("b", k * other, n * other))
    assert found.lower is not None
    assert found.lower <= 1
    assert found.upper is None or found.upper >= 1
    assert not found.present


@given(counts, counts)
def test_the_bounds_enclose_the_ratio_and_swap_with_the_groups(one: tuple[int, int], other: tuple[int, int]) -> None:
    there, back = rate_ratio(group("a", *one), group("b", *other)), rate_ratio(group("b", *other), group("a", *one))
    if there.ratio is not None:
        assert there.lower is not None
        assert there.upper is not None
        assert there.lower <= there.ratio <= there.upper
    if there.upper is not None and back.lower:
        assert there.upper * back.lower == pytest.approx(1, rel=1e-8)


@settings(max_examples=40)
@given(st.lists(counts, min_size=2, max_size=5))
def test_the_widest_pair_does_not_depend_on_the_order_of_groups(drawn: list[tuple[int, int]]) -> None:
    groups = [group(f"g{place}", *one) for place, one in enumerate(drawn)]
    assert widest_ratio(groups) == widest_ratio(groups[::-1])


def test_equal_groups_seldom_show_a_differential() -> None:
    """Ten groups, one rate: the chosen pair is wrong in at most 5 %; with delta / 2 in each bound it would be more."""
    chance = np.random.default_rng(12)
    sizes = chance.integers(50, 400, 10)
    wrong = uncorrected = 0
    runs = 400
    for _ in range(runs):
        groups = [group(f"g{place}", int(chance.binomial(n, 0.2)), int(n)) for place, n in enumerate(sizes)]
        found = widest_ratio(groups)
        assert found is not None
        wrong += found.present
        uncorrected += rate_ratio(found.above, found.below).present
    assert wrong <= 0.05 * runs
    assert uncorrected >= wrong
