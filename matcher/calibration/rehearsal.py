"""A rehearsal: listed people searched against each other, before anybody else's picture was collected.

1. It certifies nothing. Nobody who is not on the list was searched, so how often a stranger is flagged stays unknown.
2. One picture per person is searched, the first in the order of a calibration (`trials.drawn`), against the pictures of
   everybody else; and, where a person has several, against the person's own other ones: the likely misses.
3. For each tier the threshold is the one that a calibration would select from these maxima, by the same rule, with what
   the list's next attempt may spend. Groups are declared attributes of the list; a person with two labels in a column
   declares none there, and a column of more than 50 labels is left out and named.
4. Where too few people are listed to select one, the threshold shown is just above the highest maximum there is. It is
   rough: a calibration's is likely to be higher, and the stricter the tier the higher.
5. Listed people may resemble each other more than strangers do (one source, one camera, relatives, one person under two
   ids): then the threshold is too high. Pictures of one person may resemble each other more than a probe will: then the
   misses are too few.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.calibration.calibrate import missed
from matcher.calibration.groups import Cell, CellEvidence, Level, cells_with_people
from matcher.calibration.intervals import Estimate, estimate, people_needed
from matcher.calibration.report import Key
from matcher.calibration.threshold import false_alarms, just_above, select
from matcher.calibration.trials import Mask, drawn
from matcher.calibration.verdict import delta_at
from matcher.domain.revision import Item, Pairs
from matcher.domain.template import MILLION, Millionths, Scores
from matcher.errors import BadInput, InsufficientEvidence

MOST_LABELS = 50
WHY_NOTHING = (
    "This is a rehearsal and proves nothing: listed people were searched against each other, and nobody who is not on "
    "the list was. How often a stranger is flagged, only a cohort of such people shows."
)
WHICH_WAY = (
    "The threshold is likely too high where listed people look more alike than strangers (one source, one camera, "
    "relatives, one person under two ids). The misses are likely too few: pictures of one person that come together "
    "look more alike than a probe will."
)


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """Somebody with a template: declared labels, and template rows in the order of drawing; the first is the probe."""

    labels: Pairs
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ListedScores:
    """Millionths, int32: `maxima` (people,) against everybody else, `own` (people with two or more pictures,)."""

    maxima: Scores
    own: Scores


@dataclass(frozen=True, slots=True)
class RehearsedGroup:
    """One cell at a threshold: people flagged as somebody else; own pictures missed, None where nobody has two."""

    key: Key
    level: Level
    n_people: int
    flagged: Estimate
    missed: Estimate | None

    @property
    def cell(self) -> Cell:
        """The cell of this row."""
        return Cell(tuple(sorted(self.key.items())), self.level)


@dataclass(frozen=True, slots=True)
class RehearsedTier:
    """The likely threshold of a tier, the group that set it, and every cell at it.

    `rough`: fewer people are listed than the `people_needed` in a group, so no group set it.
    """

    tier: str
    alpha: float
    tau: Millionths
    rough: bool
    set_by: Key | None
    people_needed: int
    groups: tuple[RehearsedGroup, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal found, strictest tier first. `left_out` are columns of too many labels."""

    people: int
    with_several: int
    attempt: int
    delta_j: float
    left_out: tuple[str, ...]
    tiers: tuple[RehearsedTier, ...]


def listed_people(list_digest: str, items: Iterable[Item]) -> tuple[tuple[str, ListedPerson], ...]:
    """The people of a list with a template, by subject id."""
    by_subject: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.row is not None:
            by_subject[item.subject_id].append(item)
    return tuple((subject, _person(list_digest, subject, by_subject[subject])) for subject in sorted(by_subject))


def rehearse(people: Sequence[ListedPerson], scores: ListedScores, delta: float, attempt: int) -> Rehearsal:
    """The rehearsal. Raises InsufficientEvidence with fewer than two people, BadInput for scores that do not fit."""
    from matcher.domain.policy import TIER_LIMITS

    if len(people) < 2:
        raise InsufficientEvidence("a rehearsal searches listed people against each other: load at least two")
    several = np.array([len(person.rows) > 1 for person in people], dtype=bool)
    if scores.maxima.shape != (len(people),) or scores.own.shape != (int(several.sum()),):
        raise BadInput("a rehearsal has one best score for each person, and one more for each with several pictures")
    columns, left_out = _columns(people)
    cells = cells_with_people([person.labels for person in people], columns, {})
    spent = delta_at(delta, attempt)
    made = [_Row(cell, mask, _sorted(scores.maxima[mask]), _sorted(scores.own[mask[several]])) for cell, mask in cells]
    tiers = tuple(_tier(tier.value, limit, spent, made) for tier, limit in TIER_LIMITS)
    return Rehearsal(len(people), int(several.sum()), attempt, spent, left_out, tiers)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    cell: Cell
    mask: Mask
    maxima: tuple[Millionths, ...]
    own: tuple[Millionths, ...]


def _person(list_digest: str, subject: str, items: Sequence[Item]) -> ListedPerson:
    labels: dict[str, set[str]] = defaultdict(set)
    for item in items:
        for column, label in item.attributes:
            labels[column] |= {label} if label else set()
    declared = tuple((column, min(found)) for column, found in sorted(labels.items()) if len(found) == 1)
    ordered = sorted(items, key=lambda item: drawn(list_digest, subject, item.digest))
    return ListedPerson(declared, tuple(item.row for item in ordered if item.row is not None))


def _columns(people: Sequence[ListedPerson]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns to count in, and those of too many labels."""
    labels: dict[str, set[str]] = defaultdict(set)
    for person in people:
        for column, label in person.labels:
            labels[column].add(label)
    few = tuple(sorted(column for column, found in labels.items() if len(found) <= MOST_LABELS))
    return few, tuple(sorted(labels.keys() - set(few)))


def _tier(tier: str, alpha: float, delta: float, rows: Sequence[_Row]) -> RehearsedTier:
    evidence = [CellEvidence(row.cell, len(row.maxima), row.maxima) for row in rows]
    selection = select([item for item in evidence if item.gates(alpha, delta)], alpha, delta)
    selected, set_by = selection.threshold.tau, selection.set_by
    tau = min(MILLION, just_above(max(row.maxima[-1] for row in rows if row.maxima))) if selected is None else selected
    return RehearsedTier(
        tier=tier,
        alpha=alpha,
        tau=tau,
        rough=selected is None,
        set_by=None if set_by is None else dict(set_by.key),
        people_needed=people_needed(alpha, 0, delta=delta),
        groups=tuple(_group(row, tau) for row in rows),
    )


def _group(row: _Row, tau: Millionths) -> RehearsedGroup:
    return RehearsedGroup(
        key=dict(row.cell.key),
        level=row.cell.level,
        n_people=len(row.maxima),
        flagged=estimate(false_alarms(row.maxima, tau), len(row.maxima)),
        missed=estimate(missed(row.own, tau), len(row.own)) if row.own else None,
    )


def _sorted(scores: Scores) -> tuple[Millionths, ...]:
    return tuple(np.sort(scores).tolist())
