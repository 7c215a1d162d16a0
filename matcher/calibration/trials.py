"""Which comparisons a calibration makes, and what came of them for each person.

1. Everything is about people: one probe per person, so that given the list the searches are independent trials.
2. The probe is argmin of sha256(cohort digest, subject, item digest) over *all* items of the person, those without a
   template included: no seed to choose, and taken before quality is known.
3. A probe without a template is a failure to acquire: it is not in FPIR's n, it is counted beside it (FTA).
4. Mated searches: people with two or more different items; the reference is the next item in the same order. The list
   is the real one with this one reference added (N + 1), so the best non-mate is the person's own non-mated maximum.
5. The same item twice is one item; the same item under two people is refused (they would count as independent).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, Pairs
from matcher.domain.template import MILLION, Scores
from matcher.errors import BadInput

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CohortItem:
    """One sample: its digest, the number of its template (None when rejected for `reason`) and its capture session."""

    digest: str
    row: int | None
    session: str | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class CohortMember:
    """One person of the cohort; `labels` are declared (column, label) pairs, never inferred."""

    subject_id: str
    items: tuple[CohortItem, ...]
    labels: Pairs


@dataclass(frozen=True, slots=True)
class PersonTrial:
    """One person's searches. `reference` is None without a second item; `rows` are all of the person's templates.

    `lost`: the different reasons for which items of the person were rejected.
    """

    labels: Pairs
    probe: CohortItem
    reference: CohortItem | None
    rows: tuple[int, ...] = ()
    lost: tuple[Reason, ...] = ()

    @property
    def mated(self) -> bool:
        """True where the mated search can be completed."""
        return self.reference is not None and self.reference.row is not None and self.probe.row is not None

    @property
    def same_session(self) -> bool:
        """True where the two samples may come from one session (equal or missing): an optimistic comparison."""
        if self.reference is None:
            return False
        sessions = {self.probe.session, self.reference.session}
        return len(sessions) == 1 or not all(sessions)


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """Every search to make, people in order of their subject id."""

    people: tuple[PersonTrial, ...]

    def probe_rows(self) -> tuple[int, ...]:
        """Template rows to search the exact list with: the order of `TrialScores.maxima`."""
        return tuple(person.probe.row for person in self.people if person.probe.row is not None)

    def template_rows(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows of all templates, and for each the number of its person in `people`."""
        pairs = [(row, number) for number, person in enumerate(self.people) for row in person.rows]
        return tuple(row for row, _ in pairs), tuple(number for _, number in pairs)

    def mated_rows(self) -> tuple[tuple[int, int], ...]:
        """(probe, reference) template rows to compare: the order of `TrialScores.mates`."""
        pairs = ((p.probe.row, p.reference.row) for p in self.people if p.reference is not None)
        return tuple((probe, reference) for probe, reference in pairs if probe is not None and reference is not None)


@dataclass(frozen=True, slots=True, eq=False)
class TrialScores:
    """Scores in millionths, int32: `maxima` (completed searches,) best score against the list, `mates` (mated,)."""

    maxima: Scores
    mates: Scores


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """One entry per person, all of shape (people,).

    `maxima` holds where `completed`, `mates` where `mated`; `pairs` marks people with a second item, whether or not
    both became templates.
    """

    completed: Mask
    maxima: Scores
    pairs: Mask
    mated: Mask
    mates: Scores
    same_session: Mask


def members_of(items: Iterable[Item]) -> tuple[CohortMember, ...]:
    """The people of a cohort revision. Raises BadInput when one person has two labels in a column."""
    by_subject: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_subject[item.subject_id].append(item)
    return tuple(_member(subject, by_subject[subject]) for subject in sorted(by_subject))


def plan_trials(cohort_digest: str, members: Iterable[CohortMember], listed: frozenset[str]) -> TrialPlan:
    """The searches of a cohort; `listed` are the subject ids of the list.

    Raises BadInput when a person is in the cohort twice or also on the list, or one item belongs to two people.
    """
    people = sorted(members, key=lambda member: member.subject_id)
    _check_people(people, listed)
    return TrialPlan(tuple(_trial(cohort_digest, member) for member in people))


def outcomes_of(plan: TrialPlan, scores: TrialScores) -> Outcomes:
    """Scores put back to their people. Raises BadInput for the wrong count, kind (NaN included) or range."""
    completed = np.array([person.probe.row is not None for person in plan.people], dtype=bool)
    mated = np.array([person.mated for person in plan.people], dtype=bool)
    return Outcomes(
        completed,
        _spread(scores.maxima, completed, "non-mated maxima"),
        np.array([person.reference is not None for person in plan.people], dtype=bool),
        mated,
        _spread(scores.mates, mated, "mate scores"),
        np.array([person.same_session for person in plan.people], dtype=bool),
    )


def _member(subject: str, items: list[Item]) -> CohortMember:
    labels: dict[str, str] = {}
    for item in items:
        for column, label in item.attributes:
            if label and labels.setdefault(column, label) != label:
                raise BadInput(f"a person has two labels in column {column}: keep one label for each person")
    samples = tuple(CohortItem(item.digest, item.row, item.session, item.reason) for item in items)
    return CohortMember(subject, samples, tuple(sorted(labels.items())))


def _check_people(people: list[CohortMember], listed: frozenset[str]) -> None:
    subjects = {member.subject_id for member in people}
    if len(subjects) < len(people):
        raise BadInput("a person is in the cohort twice: give each person one subject id")
    if both := len(subjects & listed):
        raise BadInput(f"{both} people of the cohort are also on the list: test on people who are not on it")
    if any(not member.items for member in people):
        raise BadInput("a person of the cohort has no item: load it again")
    distinct = [{item.digest for item in member.items} for member in people]
    if len(set().union(*distinct)) < sum(map(len, distinct)):
        raise BadInput("the same picture belongs to two people of the cohort: remove it or join the two")


def reason_of(item: CohortItem) -> Reason:
    """Why an item has no template."""
    return Reason.NO_TEMPLATE if item.reason is None else item.reason


def drawn(collection_digest: str, subject_id: str, item_digest: str) -> bytes:
    """Where a person's item stands in the order in which their items are taken; rule 2."""
    return hashlib.sha256("\0".join((collection_digest, subject_id, item_digest)).encode()).digest()


def _trial(cohort_digest: str, member: CohortMember) -> PersonTrial:
    def place(item: CohortItem) -> bytes:
        return drawn(cohort_digest, member.subject_id, item.digest)

    def preference(item: CohortItem) -> tuple[bool, str, int]:
        return item.row is None, "" if item.session is None else item.session, -1 if item.row is None else item.row

    distinct = {item.digest: item for item in sorted(member.items, key=preference, reverse=True)}
    ordered = sorted(distinct.values(), key=place)
    rows = tuple(item.row for item in ordered if item.row is not None)
    lost = tuple(sorted({reason_of(item) for item in ordered if item.row is None}))
    return PersonTrial(member.labels, ordered[0], ordered[1] if len(ordered) > 1 else None, rows, lost)


def _spread(scores: Scores, where: Mask, what: str) -> Scores:
    if not np.issubdtype(scores.dtype, np.integer):
        raise BadInput(f"{what} must be whole millionths: a score that is not a number cannot be counted")
    if scores.shape != (int(where.sum()),):
        raise BadInput(f"{what}: {scores.shape} scores for {int(where.sum())} searches")
    if scores.size and max(abs(int(scores.min())), abs(int(scores.max()))) > MILLION:
        raise BadInput(f"{what} must lie between -1 and 1")
    spread = np.zeros(where.shape, dtype=np.int32)
    spread[where] = scores
    spread.setflags(write=False)
    return spread
