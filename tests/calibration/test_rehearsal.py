"""A rehearsal: the same rule as a calibration, on listed people, and nothing that certifies."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.groups import Cell, CellEvidence, Level
from matcher.calibration.rehearsal import ListedPerson, ListedScores, Rehearsal, listed_people, rehearse
from matcher.calibration.threshold import select
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, Pairs
from matcher.errors import BadInput, InsufficientEvidence


def rehearsed(
    maxima: list[int], own: dict[int, int] | None = None, labels: list[Pairs] | None = None, attempt: int = 1
) -> Rehearsal:
    """People with these best scores against others; `own` are the scores with their own other picture."""
    several = own or {}
    declared = labels or [()] * len(maxima)
    rows = iter(range(2 * len(maxima)))
    people = [
        ListedPerson(declared[number], (next(rows), next(rows)) if number in several else (next(rows),))
        for number in range(len(maxima))
    ]
    scores = ListedScores(np.array(maxima, np.int32), np.array([several[n] for n in sorted(several)], np.int32))
    return rehearse(people, scores, 0.05, attempt)


def test_the_threshold_is_the_one_a_calibration_would_select() -> None:
    maxima = [400_000 + 100 * number for number in range(400)]
    found = rehearsed(maxima)
    evidence = CellEvidence(Cell((), Level.ALL), 400, tuple(maxima))
    for tier in found.tiers[1:]:
        assert tier.tau == select([evidence], tier.alpha, 0.05).threshold.tau
    assert [(tier.tier, tier.rough) for tier in found.tiers] == [
        ("certified", True),
        ("provisional", False),
        ("pilot", False),
    ]
    assert found.tiers[0].tau == 440_000  # just above the highest, 439,900: nobody knows how far above it should be
    assert [tier.people_needed for tier in found.tiers] == [2995, 299, 59]


def test_misses_are_counted_at_each_threshold() -> None:
    maxima = [400_000] * 58 + [500_000, 600_000]
    found = rehearsed(maxima, own={0: 600_000, 1: 600_100, 2: 900_000})
    pilot, certified = found.tiers[2].groups[0], found.tiers[0].groups[0]
    assert found.tiers[2].tau == 600_100  # 60 people: not one may be flagged
    assert pilot.missed is not None
    assert (pilot.missed.k, pilot.missed.n) == (1, 3)
    assert (pilot.flagged.k, pilot.flagged.n) == (0, 60)
    assert certified.missed == pilot.missed
    assert found.tiers[0].set_by is None
    assert rehearsed(maxima).tiers[2].groups[0].missed is None
    assert (found.people, found.with_several) == (60, 3)


def test_declared_attributes_are_groups_and_the_one_that_set_it_is_named() -> None:
    labels: list[Pairs] = [(("g", "a" if number < 60 else "b"),) for number in range(120)]
    found = rehearsed([300_000] * 60 + [700_000] * 60, own={0: 100_000, 61: 900_000}, labels=labels)
    pilot = found.tiers[2]
    assert (pilot.tau, pilot.set_by) == (700_100, {"g": "b"})
    by_label = {group.cell.label: group for group in pilot.groups}
    assert set(by_label) == {"everyone", "g a", "g b"}
    for label, k in (("g a", 1), ("g b", 0), ("everyone", 1)):
        missed = by_label[label].missed
        assert missed is not None
        assert missed.k == k


def test_later_attempts_are_rehearsed_with_what_they_may_spend() -> None:
    maxima = list(range(0, 60_000, 1000))
    assert not rehearsed(maxima).tiers[2].rough
    second = rehearsed(maxima, attempt=2)
    assert second.tiers[2].rough
    assert second.tiers[2].people_needed > 59
    assert second.attempt == 2
    assert second.delta_j == pytest.approx(6 * 0.05 / (np.pi**2 * 4))


def test_columns_of_many_labels_are_left_out_and_named() -> None:
    labels: list[Pairs] = [(("taken", str(n)), ("g", "a")) for n in range(60)]
    found = rehearsed([0] * 60, labels=labels)
    assert found.left_out == ("taken",)
    assert {group.cell.label for group in found.tiers[0].groups} == {"everyone", "g a"}


def test_too_few_people_and_scores_that_do_not_fit() -> None:
    with pytest.raises(InsufficientEvidence, match="at least two"):
        rehearsed([1])
    with pytest.raises(BadInput):
        rehearse([ListedPerson((), (0,))] * 2, ListedScores(np.zeros(3, np.int32), np.zeros(0, np.int32)), 0.05, 1)
    with pytest.raises(BadInput):
        rehearse([ListedPerson((), (0,))] * 2, ListedScores(np.zeros(2, np.int32), np.zeros(1, np.int32)), 0.05, 1)


def item(subject: str, digest: str, row: int | None, attributes: Pairs = ()) -> Item:
    return Item(subject, digest, (), attributes, None, row, None if row is not None else Reason.NO_FACE, None)


def test_who_is_searched_with_which_picture() -> None:
    items = [
        item("B", "b1", 0, (("g", "x"), ("year", "1"))),
        item("B", "b2", 1, (("g", "x"), ("year", "2"))),
        item("B", "b3", None, (("g", "x"),)),
        item("A", "a1", 2, (("g", ""),)),
        item("C", "c1", None),
    ]
    people = dict(listed_people("d" * 64, items))
    assert list(people) == ["A", "B"]  # nobody could use the only picture of C
    assert sorted(people["B"].rows) == [0, 1]
    assert people["B"].labels == (("g", "x"),)  # two years: that column says nothing of the person
    assert people["A"].labels == ()
    assert dict(listed_people("d" * 64, list(reversed(items)))) == people
    orders = {dict(listed_people(f"{n:064x}", items))["B"].rows for n in range(20)}
    assert orders == {(0, 1), (1, 0)}  # drawn by the list's digest: nobody chooses the probe


@given(st.lists(st.integers(-1_000_000, 1_000_000), min_size=60, max_size=200), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_few_are_flagged(maxima: list[int], random: Random) -> None:
    found = rehearsed(maxima)
    shuffled = maxima[:]
    random.shuffle(shuffled)
    assert rehearsed(shuffled) == found
    for tier in found.tiers:
        if max(maxima) < 1_000_000:
            assert (tier.groups[0].flagged.k or 0) <= tier.alpha * len(maxima)
