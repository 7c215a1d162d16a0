"""Cohort people who look like one person: joined, told by handles, ruled on."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.adjudication import Adjudicated, adjudicate, median_of, persons_of
from matcher.calibration.certified import recounted
from matcher.calibration.pairs import FoundPairs
from matcher.calibration.resolutions import Resolutions, Ruling
from matcher.calibration.trials import CohortItem, CohortMember, TrialScores, drawn, plan_trials
from matcher.errors import BadInput
from tests.calibration.cohorts import people, report_of

DIGEST = "c0" * 32
MEDIAN = 800_000


def handle(number: int) -> str:
    return f"{number:012x}"


def adjudicated(
    count: int,
    pairs: list[tuple[int, int, int]],
    ruled: dict[tuple[int, int], Ruling] | None = None,
    mated: bool = True,
) -> Adjudicated:
    """People `s00`, `s01` ..., person n with maximum 1000 n and, where mated, the mated score 800000 + n."""
    digests = [[f"{n}-1", f"{n}-2"] if mated else [f"{n}-1"] for n in range(count)]
    members = [
        CohortMember(f"s{n:02}", tuple(CohortItem(d, 2 * n + at) for at, d in enumerate(digests[n])), ())
        for n in range(count)
    ]
    plan = plan_trials(DIGEST, members, frozenset())
    maxima = np.arange(count, dtype=np.int32) * 1000
    mates = MEDIAN + np.arange(count if mated else 0, dtype=np.int32)
    persons = persons_of(DIGEST, members, plan, [handle(n) for n in range(count)])
    found = FoundPairs(*np.array(pairs, np.int32).reshape(-1, 3).T)
    rulings = {(handle(a), handle(b)): ruling for (a, b), ruling in (ruled or {}).items()}
    return adjudicate(persons, plan, TrialScores(maxima, mates), found, Resolutions(rulings))


def places(count: int) -> list[bytes]:
    return [min(drawn(DIGEST, f"s{n:02}", f"{n}-{at}") for at in (1, 2)) for n in range(count)]


def test_the_median_is_the_lower_middle_score() -> None:
    assert median_of([]) is None
    assert median_of([5]) == 5
    assert median_of([9, 1, 5, 7]) == 5


def test_a_chain_is_one_person_whose_probe_is_the_plans() -> None:
    found = adjudicated(6, [(0, 1, 850_000), (1, 4, 860_000)])
    first = min((0, 1, 4), key=lambda n: places(6)[n])
    kept = sorted({2, 3, 5, first})
    assert found.scores.maxima.tolist() == [1000 * n for n in kept]
    assert found.scores.mates.tolist() == [MEDIAN + n for n in kept]
    assert len(found.plan.people) == 4
    record = found.record
    assert (record.median, record.found, record.joined) == (800_002, 2, 2)
    aside = sorted({0, 1, 4} - {first})
    assert record.set_aside_maxima == tuple(1000 * n for n in aside)
    assert record.set_aside_mates == tuple(MEDIAN + n for n in aside)


def test_without_pairs_nothing_changes() -> None:
    found = adjudicated(4, [])
    assert len(found.plan.people) == 4
    assert (found.record.found, found.record.joined, found.record.resolutions) == (0, 0, None)


def test_whom_an_admin_ruled_different_counts_as_two() -> None:
    found = adjudicated(4, [(0, 1, 850_000), (2, 3, 850_000)], {(0, 1): Ruling.DIFFERENT})
    assert found.record.joined == 1
    assert [pair.ruling for pair in found.record.pairs] == [Ruling.DIFFERENT, Ruling.OPEN]
    assert found.record.resolutions == Resolutions({(handle(0), handle(1)): Ruling.DIFFERENT}).digest
    assert found.record.ruled().digest == found.record.resolutions
    same = adjudicated(4, [(0, 1, 850_000)], {(0, 1): Ruling.SAME})
    assert (same.record.joined, same.record.pairs[0].ruling) == (1, Ruling.SAME)


def test_only_listed_pairs_can_be_ruled_on() -> None:
    with pytest.raises(BadInput, match="is not listed"):
        adjudicated(4, [(0, 1, 850_000)], {(0, 2): Ruling.SAME})


def test_rulings_may_not_contradict_each_other() -> None:
    three = [(0, 1, 850_000), (1, 2, 850_000), (0, 2, 850_000)]
    with pytest.raises(BadInput, match="look again"):
        adjudicated(3, three, {(0, 1): Ruling.SAME, (1, 2): Ruling.SAME, (0, 2): Ruling.DIFFERENT})
    # an open pair joins what a ruling keeps apart: somebody has yet to look at it
    assert adjudicated(3, three, {(0, 2): Ruling.DIFFERENT}).record.joined == 2


def test_nobody_with_two_pictures_means_no_median() -> None:
    found = adjudicated(3, [(0, 1, 850_000)], mated=False)
    assert (found.record.median, found.record.found, found.record.joined) == (None, 0, 0)
    assert found.record.reason is not None
    assert found.record.perhaps_listed == ()


def test_people_who_may_be_listed_are_told_and_still_counted() -> None:
    near = people([100_000] * 60 + [900_000], "w", 900_000, gender="f")
    report = report_of(near, tau=950_000)
    assert report.adjudication.median == 900_000
    assert len(report.adjudication.perhaps_listed) == 1
    assert report.cohort.people == 61


edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda e: e[0] < e[1]), max_size=15)


def components(count: int, found: list[tuple[int, int]]) -> list[set[int]]:
    """The obvious way: whoever is joined to somebody of a group belongs to it, until nothing changes."""
    label = list(range(count))
    for _ in range(count):
        for a, b in found:
            label[a] = label[b] = min(label[a], label[b])
    return [{n for n in range(count) if label[n] == one} for one in set(label)]


@settings(max_examples=80, deadline=None)
@given(edges, st.randoms(use_true_random=False))
def test_groups_are_connected_components_whatever_the_order(found: list[tuple[int, int]], chance: Random) -> None:
    pairs = [(a, b, 850_000 + 12 * a + b) for a, b in sorted(set(found))]
    record = adjudicated(12, pairs).record
    turned = list(pairs)
    chance.shuffle(turned)
    assert adjudicated(12, turned).record == record
    groups = components(12, found)
    assert record.joined == 12 - len(groups)
    kept = {min(group, key=lambda n: places(12)[n]) for group in groups}
    assert record.set_aside_maxima == tuple(1000 * n for n in sorted(set(range(12)) - kept))


def test_the_joined_person_counts_in_the_groups_of_the_member_whose_probe_is_used() -> None:
    cohort = people([200_000] * 60, "f", 900_000, gender="f") + people([210_000] * 60, "m", 900_000, gender="m")
    pairs = [(n, 60 + n, 950_000) for n in range(20)]
    report = report_of(cohort, pairs=pairs)
    women, men = (next(g for g in report.groups if g.key == {"gender": label}) for label in "fm")
    assert (report.everyone.n_people, report.adjudication.joined) == (100, 20)
    assert women.n_people + men.n_people == 100
    assert 40 < women.n_people < 60  # of twenty draws neither all nor none
    assert recounted(report.canonical()) == report
