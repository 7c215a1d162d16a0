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

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from matcher.calibration.groups import Cell, Level, cells_with_people
from matcher.calibration.intervals import Estimate, estimate, refutes, steady
from matcher.calibration.report import Key
from matcher.calibration.trials import Mask, TrialPlan, TrialScores, outcomes_of
from matcher.domain.template import Millionths, Scores

_Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution
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


def wilson95(k: int, n: int) -> tuple[float, float] | None:
    """Wilson's two-sided 95 % interval of k in n; None without trials."""
    if n == 0:
        return None
    square = _Z95 * _Z95
    centre = (k + square / 2) / (n + square)
    half = _Z95 / (n + square) * math.sqrt(k * (n - k) / n + square / 4)
    return (0.0 if k == 0 else steady(centre - half), 1.0 if k == n else steady(centre + half))


def fisher_p(group: tuple[int, int], rest: tuple[int, int]) -> float:
    """Two-sided p of two (k, n) with n > 0."""
    from scipy.stats import fisher_exact

    table = np.array([[k, n - k] for k, n in (group, rest)])
    return steady(float(fisher_exact(table).pvalue))


def holm(values: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """Holm's adjusted p values: each at least as large as the one before it in order of p, none above 1."""
    adjusted: dict[Hashable, float] = {}
    least = 0.0
    for place, (name, p) in enumerate(sorted(values.items(), key=lambda entry: entry[1])):
        least = max(least, min(1.0, steady((len(values) - place) * p)))
        adjusted[name] = least
    return adjusted


def _tests(groups: Mapping[Cell, Mask], searched: _Searched) -> dict[Cell, FisherTest]:
    """One test for each group with somebody on both sides, adjusted together."""
    sides = {cell: (searched.count(mask), searched.count(~mask)) for cell, mask in groups.items()}
    asked = {cell: both for cell, both in sides.items() if both[0][1] and both[1][1]}
    p = {cell: fisher_p(group, rest) for cell, (group, rest) in asked.items()}
    adjusted = holm({searched.question(groups[cell]): value for cell, value in p.items()})
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
        wilson95=wilson95(k, n),
        fta=estimate(people - n, people),
        above_alpha=refutes(k, n, alpha),
        fisher=test,
        fisher_reason=None if test is not None else _UNTESTED[cell.level],
    )
