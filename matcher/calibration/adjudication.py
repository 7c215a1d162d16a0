"""Overlap and label noise: cohort people who look like one person, or like somebody on the list.

1. Two cohort people whose best score reaches the median mated score (of two middle ones the lower) look more alike than
   half of the pairs of pictures that are known to be of one person. Each such pair is listed until somebody has looked.
2. Until then the two are one person: independent trials are what the interval rests on. Groups of more are joined
   through their pairs (union-find).
3. The joined person keeps one trial: that of the member whose probe is first in the plan's order over all items of all
   members, which nobody can choose, with that member's own reference and labels. The joined person therefore counts in
   the groups of that member alone, also where the others declare other labels; the others are set aside, and their
   scores are shown, so that a reader sees whether a false alarm went with them.
4. An admin who looked rules `different` (not joined any more) or `same` (joined for good). Only a pair that was found
   can be ruled on, so that nobody takes people out of a test by declaring them one.
5. A cohort person whose non-mated maximum reaches the median may be on the list under another id. They are listed and
   still counted: taking them out would hide false alarms.
6. People are named by handles only (`handles.py`). Without a mated score there is no median and nothing is listed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from matcher.calibration.pairs import FoundPairs
from matcher.calibration.resolutions import Resolutions, Ruling
from matcher.calibration.trials import CohortMember, Mask, TrialPlan, TrialScores, drawn, outcomes_of
from matcher.domain.template import Millionths
from matcher.errors import BadInput

MOST_LISTED = 1_000  # open pairs, those with the highest scores; all are joined
NO_MEDIAN = "nobody in the cohort has two usable pictures: there is no mated score to compare with"


@dataclass(frozen=True, slots=True)
class Person:
    """A cohort person, as the plan has them in order: handle, and the place of their probe."""

    handle: str
    place: bytes


@dataclass(frozen=True, slots=True)
class AdjudicatedPair:
    """Two cohort people by handle (ascending), their best score, and what was ruled."""

    one: str
    other: str
    score: Millionths
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What was found. `found` pairs in all, of which `pairs` are listed; `joined` people are set aside.

    `median` is None for the reason in `reason`. `perhaps_listed` are handles of cohort people, set aside or not;
    `resolutions` is the digest of what an admin ruled.
    """

    median: Millionths | None
    reason: str | None
    found: int
    pairs: tuple[AdjudicatedPair, ...]
    joined: int
    set_aside_maxima: tuple[Millionths, ...]
    set_aside_mates: tuple[Millionths, ...]
    perhaps_listed: tuple[str, ...]
    resolutions: str | None

    def ruled(self) -> Resolutions:
        """What an admin ruled, as it was given."""
        return Resolutions({(p.one, p.other): p.ruling for p in self.pairs if p.ruling is not Ruling.OPEN})


@dataclass(frozen=True, slots=True, eq=False)
class Adjudicated:
    """The trials that are left, with their scores, and the record."""

    plan: TrialPlan
    scores: TrialScores
    record: Adjudication


def persons_of(
    cohort_digest: str, members: Iterable[CohortMember], plan: TrialPlan, handles: Sequence[str]
) -> tuple[Person, ...]:
    """One per person of the plan, in its order; `handles` are in the same order."""
    subjects = sorted(member.subject_id for member in members)
    people = zip(subjects, plan.people, handles, strict=True)
    return tuple(Person(handle, drawn(cohort_digest, who, trial.probe.digest)) for who, trial, handle in people)


def median_of(mates: Sequence[Millionths]) -> Millionths | None:
    """The median, of two middle scores the lower; None without a score."""
    return sorted(mates)[(len(mates) - 1) // 2] if len(mates) else None


def adjudicate(
    persons: Sequence[Person], plan: TrialPlan, scores: TrialScores, found: FoundPairs, ruled: Resolutions
) -> Adjudicated:
    """Joins who looks like one person. `found` are numbers of people whose best score reaches the median.

    Raises BadInput for a ruling on a pair that is not among them, and for rulings that contradict each other.
    """
    outcomes = outcomes_of(plan, scores)
    median = median_of(scores.mates.tolist())
    pairs = _pairs(persons, FoundPairs.none() if median is None else found, ruled)
    kept = _kept(persons, pairs)
    near = outcomes.completed & (outcomes.maxima >= (median if median is not None else np.iinfo(np.int32).max))
    record = Adjudication(
        median=median,
        reason=NO_MEDIAN if median is None else None,
        found=len(pairs),
        pairs=_listed(pairs),
        joined=int((~kept).sum()),
        set_aside_maxima=tuple(sorted(outcomes.maxima[~kept & outcomes.completed].tolist())),
        set_aside_mates=tuple(sorted(outcomes.mates[~kept & outcomes.mated].tolist())),
        perhaps_listed=tuple(sorted(persons[place].handle for place in np.flatnonzero(near).tolist())),
        resolutions=ruled.digest,
    )
    left = TrialScores(outcomes.maxima[kept & outcomes.completed], outcomes.mates[kept & outcomes.mated])
    return Adjudicated(TrialPlan(tuple(compress(plan.people, kept))), left, record)


def groups_of(pairs: Iterable[AdjudicatedPair]) -> tuple[frozenset[str], ...]:
    """Handles that are joined to one person each, through pairs that are not ruled different."""
    parent: dict[str, str] = {}

    def root(handle: str) -> str:
        while parent.setdefault(handle, handle) != handle:
            parent[handle] = handle = parent[parent[handle]]
        return handle

    for pair in pairs:
        if pair.ruling is not Ruling.DIFFERENT:
            one, other = sorted((root(pair.one), root(pair.other)))
            parent[other] = one
    members: dict[str, set[str]] = defaultdict(set)
    for handle in parent:
        members[root(handle)].add(handle)
    return tuple(frozenset(members[first]) for first in sorted(members))


def _pairs(persons: Sequence[Person], found: FoundPairs, ruled: Resolutions) -> tuple[AdjudicatedPair, ...]:
    """All pairs in the order of their handles, with what was ruled."""
    open_rulings = dict(ruled.rulings)
    pairs = []
    for a, b, score in zip(found.one.tolist(), found.other.tolist(), found.scores.tolist(), strict=True):
        one, other = sorted((persons[a].handle, persons[b].handle))
        pairs.append(AdjudicatedPair(one, other, score, open_rulings.pop((one, other), Ruling.OPEN)))
    for one, other in sorted(open_rulings):
        raise BadInput(f"the pair {one}, {other} is not listed for adjudication: take the handles from the report")
    same = groups_of(pair for pair in pairs if pair.ruling is Ruling.SAME)
    for pair in pairs:
        if pair.ruling is Ruling.DIFFERENT and any({pair.one, pair.other} <= group for group in same):
            raise BadInput(f"{pair.one} and {pair.other} are ruled different, and the same through others: look again")
    return tuple(sorted(pairs, key=lambda pair: (pair.one, pair.other)))


def _kept(persons: Sequence[Person], pairs: Sequence[AdjudicatedPair]) -> Mask:
    """Who of the people (people,) keeps their trial: of joined ones the member whose probe is first."""
    number = {person.handle: place for place, person in enumerate(persons)}
    kept = np.ones(len(persons), dtype=bool)
    for group in groups_of(pairs):
        places = [number[handle] for handle in group]
        kept[places] = False
        kept[min(places, key=lambda place: persons[place].place)] = True
    return kept


def _listed(pairs: Sequence[AdjudicatedPair]) -> tuple[AdjudicatedPair, ...]:
    waiting = [pair for pair in pairs if pair.ruling is Ruling.OPEN]
    highest = sorted(waiting, key=lambda pair: (-pair.score, pair.one, pair.other))[:MOST_LISTED]
    shown = {(pair.one, pair.other) for pair in highest}
    return tuple(pair for pair in pairs if pair.ruling is not Ruling.OPEN or (pair.one, pair.other) in shown)
