"""How many people known not to be on a list it would flag at its threshold, group by group.

1. One probe per person and the best score against the whole list, as in a calibration. A picture nobody could use is a
   failure to acquire: it is counted beside n, never in it.
2. Every cell has its exact interval (Clopper-Pearson). Wilson's (1927, no continuity correction) stands beside it
   because published counts carry it; nothing is decided on it.
3. Each group against everyone outside it: Fisher's exact test, two-sided (all tables as probable as this one or less).
   Beside it Holm's adjustment (1979) over the different questions of one count: two groups that are each other's rest
   ask one question. A large p is no evidence that groups are treated alike.
4. Undefined is None and says why. Nothing here certifies a list or suspends one.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from matcher.calibration.group_count import OTHERS, GroupCount
from matcher.calibration.group_tests import fisher_two_sided, holm
from matcher.calibration.groups import Cell, Level, cells_with_people
from matcher.calibration.intervals import Estimate, estimate, refutes
from matcher.calibration.report import Key
from matcher.calibration.trials import Mask, TrialPlan, TrialScores, outcomes_of
from matcher.calibration.wilson import wilson
from matcher.domain.template import Millionths, Scores

_UNTESTED = {
    Level.ALL: "everyone has no rest",
    Level.GROUP: "nobody was searched in this group, or nobody outside it",
    Level.INTERSECTION: "two-way groups are counted, not tested",
    Level.UNDECLARED: "people who declare nothing are no group",
}


@dataclass(frozen=True, slots=True)
class FisherTest:
    """A group against its rest (k of n flagged there): `p` two-sided, `holm` adjusted for the count's other tests."""

    rest_k: int
    rest_n: int
    p: float
    holm: float


@dataclass(frozen=True, slots=True)
class FlaggedGroup:
    """One cell: how many of its people would be flagged.

    `above_alpha`: the one-sided 95 % lower bound is above what was certified. `fisher` is None for `fisher_reason`.
    """

    key: Key
    level: Level
    n_people: int
    flagged: Estimate
    wilson95: tuple[float, float] | None
    fta: Estimate
    above_alpha: bool
    fisher: FisherTest | None
    fisher_reason: str | None

    @property
    def cell(self) -> Cell:
        """The cell of this row."""
        return Cell(tuple(sorted(self.key.items())), self.level)


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    """Who was searched, and who of them flagged; both (people,)."""

    completed: Mask
    flags: Mask

    def count(self, mask: Mask) -> tuple[int, int]:
        return int((mask & self.flags).sum()), int((mask & self.completed).sum())

    def question(self, mask: Mask) -> Hashable:
        """The same for a group and for its rest."""
        return frozenset(part.tobytes() for part in (mask & self.completed, ~mask & self.completed))


def flagged_groups(plan: TrialPlan, maxima: Scores, threshold: Millionths, alpha: float) -> tuple[FlaggedGroup, ...]:
    """Every cell of the people in `plan`, over all columns that they declare; everyone first.

    `maxima` are the best scores of `plan.probe_rows()`, int32 millionths. Raises BadInput where they do not fit.
    """
    people = tuple(replace(person, reference=None) for person in plan.people)  # no mated searches here
    outcomes = outcomes_of(TrialPlan(people), TrialScores(maxima, np.empty(0, np.int32)))
    searched = _Searched(outcomes.completed, outcomes.completed & (outcomes.maxima >= threshold))
    columns = sorted({column for person in people for column, _ in person.labels})
    cells = cells_with_people([person.labels for person in people], columns, {})
    tests = _tests({cell: mask for cell, mask in cells if cell.level is Level.GROUP}, searched)
    return tuple(_group(cell, mask, searched, alpha, tests.get(cell)) for cell, mask in cells)


def _tests(groups: Mapping[Cell, Mask], searched: _Searched) -> dict[Cell, FisherTest]:
    """One test for each group with somebody on both sides, adjusted together."""
    sides = {cell: (searched.count(mask), searched.count(~mask)) for cell, mask in groups.items()}
    asked = {cell: both for cell, both in sides.items() if both[0][1] and both[1][1]}
    p = {cell: fisher_two_sided(GroupCount(*cell.key[0], *group), GroupCount(OTHERS, OTHERS, *rest))
         for cell, (group, rest) in asked.items()}  # fmt: skip
    questions = {searched.question(groups[cell]): value for cell, value in p.items()}
    adjusted = dict(zip(questions, holm(list(questions.values())), strict=True))
    return {
        cell: FisherTest(*rest, p[cell], adjusted[searched.question(groups[cell])]) for cell, (_, rest) in asked.items()
    }


def _group(cell: Cell, mask: Mask, searched: _Searched, alpha: float, test: FisherTest | None) -> FlaggedGroup:
    people = int(mask.sum())
    k, n = searched.count(mask)
    return FlaggedGroup(
        key=dict(cell.key),
        level=cell.level,
        n_people=people,
        flagged=estimate(k, n),
        wilson95=wilson(k / n, n) if n else None,
        fta=estimate(people - n, people),
        above_alpha=refutes(k, n, alpha),
        fisher=test,
        fisher_reason=None if test is not None else _UNTESTED[cell.level],
    )
