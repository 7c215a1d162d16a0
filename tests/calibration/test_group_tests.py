import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from matcher.calibration.group_count import GroupCount
from matcher.calibration.group_tests import Event, compare_groups, fisher_two_sided, holm
from matcher.errors import BadInput


def group(label: str, k: int, n: int, column: str = "gender") -> GroupCount:
    return GroupCount(column, label, k, n)


DARK, LIGHT = group("dark", 11, 107, "tone"), group("light", 17, 428, "tone")


def test_golden_eleven_of_107_against_17_of_428() -> None:
    assert round(fisher_two_sided(DARK, LIGHT), 3) == 0.014
    assert fisher_two_sided(DARK, LIGHT) == pytest.approx(
        fisher_exact(np.array([[11, 96], [17, 411]])).pvalue, abs=1e-9
    )


def test_the_sentence_and_that_two_groups_are_one_test() -> None:
    found = compare_groups([DARK, LIGHT], [])
    assert (found.tests, [entry.more_often for entry in found.entries]) == (1, [True, False])
    assert found.entries[0].p == found.entries[1].p == found.entries[0].adjusted == found.entries[1].adjusted
    assert found.sentences == (
        "Group tone dark is raised more often than the others: 11 of 107 against 17 of 428 "
        "(Fisher's exact test, p = 0.014; adjusted by Holm for 1 comparison, p = 0.014).",
    )


def test_the_family_is_every_group_of_every_column_and_both_errors() -> None:
    sites = [group("north", 9, 180, "site"), group("south", 9, 180, "site"), group("west", 10, 175, "site")]
    missed = [group("dark", 60, 100, "tone"), group("light", 90, 400, "tone")]
    found = compare_groups([DARK, LIGHT, *sites], missed)
    assert found.tests == 1 + 3 + 1
    assert found.entries[0].adjusted == pytest.approx(4 * 0.01417783362, abs=1e-9)
    assert not found.entries[0].more_often
    assert found.sentences == (
        "Group tone dark is missed more often than the others: 60 of 100 against 90 of 400 "
        "(Fisher's exact test, p < 0.001; adjusted by Holm for 5 comparisons, p < 0.001).",
    )


def test_that_nothing_is_shown_is_no_evidence_of_equality() -> None:
    found = compare_groups([group("female", 3, 300), group("male", 4, 300)], [])
    assert found.sentences == (
        "No group is shown to be raised or missed more often than the others (1 comparison at 5 %, adjusted by Holm); "
        "this is not evidence that groups are equal.",
    )


def test_a_group_that_is_raised_less_often_is_not_named() -> None:
    found = compare_groups([group("a", 0, 300), group("b", 40, 300), group("c", 38, 300)], [])
    low = found.entries[0]
    assert low.adjusted is not None
    assert low.adjusted < 0.05
    assert not low.more_often
    assert all("Group gender a" not in sentence for sentence in found.sentences)


def test_zero_errors_everywhere_show_nothing() -> None:
    found = compare_groups([group("a", 0, 10), group("b", 0, 20), group("c", 0, 30)], [])
    assert [entry.p for entry in found.entries] == [1, 1, 1]
    assert not any(entry.more_often for entry in found.entries)


def test_an_empty_group_is_undefined_and_costs_no_test() -> None:
    found = compare_groups([DARK, LIGHT, group("none", 0, 0, "tone")], [])
    assert found.tests == 1
    empty = found.entries[2]
    assert (empty.p, empty.adjusted, empty.more_often, empty.reason) == (None, None, False, "group tone none: 0/0")
    assert found.entries[0].more_often


def test_a_single_group_has_nobody_to_be_compared_with() -> None:
    found = compare_groups([group("only", 3, 9)], [])
    assert found.tests == 0
    assert found.entries[0].reason == "group gender others: 0/0"
    assert found.sentences == ("No group could be compared with others: nobody else was searched.",)


def test_the_result_is_json_as_it_stands() -> None:
    text = json.dumps(dataclasses.asdict(compare_groups([DARK, LIGHT], [])), allow_nan=False, sort_keys=True)
    assert json.loads(text)["entries"][0]["event"] == "raised"


counts = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_fisher_against_scipy(one: tuple[int, int], other: tuple[int, int]) -> None:
    (k, n), (j, m) = one, other
    expected = fisher_exact(np.array([[k, n - k], [j, m - j]])).pvalue
    assert fisher_two_sided(group("a", k, n), group("b", j, m)) == pytest.approx(expected, abs=1e-9)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02), abs=1e-9)
    assert holm([0.6, 0.7]) == (1, 1)
    assert holm([]) == ()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(BadInput):
        holm([0.5, p])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_monotone_and_between_p_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, up in zip(p_values, adjusted, strict=True):
        assert p - 1e-9 <= up <= min(1, len(p_values) * p) + 1e-9
    ranked = sorted(zip(p_values, adjusted, strict=True))
    assert all(one[1] <= other[1] for one, other in pairwise(ranked))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.data())
def test_holm_does_not_depend_on_the_order(p_values: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(p_values))))
    adjusted = holm(p_values)
    assert holm([p_values[place] for place in order]) == tuple(adjusted[place] for place in order)


@settings(max_examples=60)
@given(st.lists(counts, min_size=2, max_size=5), st.data())
def test_relabelling_groups_permutes_the_comparisons(drawn: list[tuple[int, int]], data: st.DataObject) -> None:
    groups = [group(f"g{place}", *one) for place, one in enumerate(drawn)]
    order = data.draw(st.permutations(range(len(groups))))
    once = compare_groups(groups, groups)
    again = compare_groups([groups[place] for place in order], groups)
    key = {(entry.event, entry.group.label): entry for entry in again.entries}
    assert all(key[entry.event, entry.group.label] == entry for entry in once.entries)
    assert {entry.event for entry in once.entries} == {Event.RAISED, Event.MISSED}
