import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from matcher.calibration.trials import (
    CohortItem,
    CohortMember,
    TrialPlan,
    TrialScores,
    members_of,
    outcomes_of,
    plan_trials,
)
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, Pairs
from matcher.errors import BadInput


def member(subject: str, *rows: int | None) -> CohortMember:
    return CohortMember(subject, tuple(CohortItem(f"{subject}{n}", row) for n, row in enumerate(rows)), ())


def planned(*members: CohortMember) -> TrialPlan:
    return plan_trials("digest", members, frozenset())


def test_the_probe_is_the_smallest_hash_and_the_reference_the_next() -> None:
    person = member("s", 0, 1, 2, 3)
    ordered = sorted(person.items, key=lambda item: hashlib.sha256(f"digest\0s\0{item.digest}".encode()).digest())
    trial = planned(person).people[0]
    assert (trial.probe, trial.reference) == (ordered[0], ordered[1])


def test_a_rejected_item_can_be_the_probe() -> None:
    usable = planned(member("s", 0, 1)).people[0]
    first = usable.probe.row
    rejected = planned(member("s", *(None if row == first else row for row in (0, 1))))
    assert rejected.people[0].probe.row is None
    assert rejected.probe_rows() == ()
    assert rejected.mated_rows() == ()


def test_the_same_item_twice_is_one_item() -> None:
    twice = CohortMember("s", (CohortItem("d", 0), CohortItem("d", 1)), ())
    assert planned(twice).people[0].reference is None


@pytest.mark.parametrize(
    ("members", "listed"),
    [
        ((member("a", 0), member("a", 1)), ()),
        ((member("a", 0),), ("a",)),
        ((CohortMember("a", (CohortItem("d", 0),), ()), CohortMember("b", (CohortItem("d", 1),), ())), ()),
        ((CohortMember("a", (), ()),), ()),
    ],
)
def test_people_who_are_not_independent_are_refused(members: tuple[CohortMember, ...], listed: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        plan_trials("digest", members, frozenset(listed))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a", "a", True), ("a", "b", False), (None, "b", True), ("a", None, True), ("", "b", True)],
)
def test_equal_or_missing_sessions_are_the_same_session(one: str | None, other: str | None, same: bool) -> None:
    items = (CohortItem("x", 0, one), CohortItem("y", 1, other))
    assert planned(CohortMember("s", items, ())).people[0].same_session is same


@pytest.mark.parametrize(
    "maxima",
    [
        np.array([np.nan, 0.1]),
        np.array([0.5, 0.1], np.float32),
        np.array([1], np.int32),
        np.array([1, 1_000_001], np.int32),
        np.array([-1_000_001, 1], np.int32),
    ],
)
def test_scores_that_cannot_be_counted_are_refused(maxima: np.ndarray) -> None:
    plan = planned(member("a", 0), member("b", 1))
    with pytest.raises(BadInput):
        outcomes_of(plan, TrialScores(maxima, np.array([], np.int32)))


def test_scores_go_back_to_their_people() -> None:
    plan = planned(member("a", None), member("b", 0), member("c", 1))
    outcomes = outcomes_of(plan, TrialScores(np.array([5, 7], np.int32), np.array([], np.int32)))
    assert outcomes.completed.tolist() == [False, True, True]
    assert outcomes.maxima.tolist() == [0, 5, 7]


def item(subject: str, digest: str, attributes: Pairs, row: int | None = 0) -> Item:
    return Item(subject, digest, (), attributes, None, row, None if row is not None else Reason.NO_FACE, None)


def test_members_join_the_labels_of_their_items() -> None:
    found = members_of([item("s", "1", (("gender", "f"),)), item("s", "2", (("gender", ""),), None)])
    assert [(m.subject_id, m.labels, [i.row for i in m.items]) for m in found] == [("s", (("gender", "f"),), [0, None])]
    with pytest.raises(BadInput, match="two labels"):
        members_of([item("s", "1", (("gender", "f"),)), item("s", "2", (("gender", "m"),))])


def test_order_of_people_and_items_does_not_matter(
    shuffled: Callable[[list[CohortMember]], list[CohortMember]],
) -> None:
    members = [member(f"s{n}", 3 * n, 3 * n + 1, 3 * n + 2) for n in range(20)]
    assert planned(*members) == planned(*shuffled(members))


@pytest.fixture
def shuffled() -> Callable[[list[CohortMember]], list[CohortMember]]:
    def shuffle(members: list[CohortMember]) -> list[CohortMember]:
        turned = [CohortMember(m.subject_id, m.items[::-1], m.labels) for m in members]
        return turned[::-1]

    return shuffle
