"""Vigilance: alerts whose answer is known, what reviewers said of them, and the right to judge.

1. A known-answer item is an alert made of cohort people who consented to it: mated, where the probe and one candidate
   show one person, or non-mated, where nobody does. It is queued, claimed and judged as every alert is.
2. Nothing is ever concluded from one: it has no lead, no rejection and no place in a count of searches (the database
   refuses all three).
3. An item is one trial, however many candidates it has. *same* means: of a mated item, that the mate and nobody else
   was called the same; of a non-mated one, that anybody was. *undecided* makes no lead, so it is neither a hit nor a
   false confirm; it is counted beside them.
4. A reviewer's result is entered when their blind judgement can change no more, and they are told the truth then.
5. Who falls below a floor of the policy judges nothing more until an admin restores them: whoever misses too many would
   go on to reject, whoever confirms too many to confirm. What they said before stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from matcher.domain.case import Outcome, ReviewFile, Verdict
from matcher.domain.records import AlertRecord
from matcher.domain.revision import PictureRef

KNOWN_CASE = "known-answer item"
SAME_PERSON, ANOTHER_PERSON = "the same person", "another person"


@dataclass(frozen=True, slots=True)
class Answer:
    """The truth of an item: the candidate who is the probe's person, None for nobody; sealed in the store.

    `person` is the cohort subject of the probe; `references` are what is shown of each candidate.
    """

    mate: str | None
    person: str
    references: tuple[tuple[str, tuple[PictureRef, ...]], ...]

    def shown(self, candidate_id: str) -> tuple[PictureRef, ...]:
        """The pictures of one candidate."""
        return dict(self.references)[candidate_id]


@dataclass(frozen=True, slots=True, eq=False)
class KnownItem:
    """An item as it is made: the alert that reviewers see, the cohort revision it comes from, and its answer."""

    alert: AlertRecord
    cohort_revision_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Result:
    """What one reviewer said of one item (rule 3); `number` counts their results from 1."""

    reviewer: str
    number: int
    alert_id: str
    mate: str | None
    said: Verdict
    judged_at: datetime

    @property
    def mated(self) -> bool:
        """Whether somebody was to be found."""
        return self.mate is not None


@dataclass(frozen=True, slots=True)
class Right:
    """A change of somebody's right to judge: taken by the count (`by` is None) or given back by an admin.

    `results` is how many results the reviewer had then: only later ones count against a floor.
    """

    reviewer: str
    number: int
    suspended: bool
    by: str | None
    reason: str
    results: int
    at: datetime


def said_of(mate: str | None, verdicts: Mapping[str, Verdict]) -> Verdict:
    """What a reviewer's blind verdicts by candidate say of an item (rule 3)."""
    same = {candidate for candidate, verdict in verdicts.items() if verdict is Verdict.SAME}
    if mate is None:
        if same:
            return Verdict.SAME
        return Verdict.UNDECIDED if Verdict.UNDECIDED in verdicts.values() else Verdict.DIFFERENT
    if same - {mate}:
        return Verdict.DIFFERENT
    return verdicts[mate]


def unconcluded(candidates: Sequence[str], files: Sequence[ReviewFile], quorum: int) -> tuple[tuple[str, Outcome], ...]:
    """Where an item stands: it waits for as many reviewers as every alert, and then nothing follows from it."""
    done = sum(file.finished for file in files) >= quorum
    return tuple((candidate, Outcome.INCONCLUSIVE if done else Outcome.PENDING) for candidate in candidates)


def truth_text(mate: str | None, candidate_id: str) -> str:
    """What a reviewer is told of a candidate once their judgement stands."""
    return SAME_PERSON if candidate_id == mate else ANOTHER_PERSON
