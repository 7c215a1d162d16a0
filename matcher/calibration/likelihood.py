"""The likelihood ratio of a best candidate: how a report holds it, and its value at a score.

1. A mate's score against the *best* score of people who are not on the list: it answers for the best candidate only.
2. The least over gating cells, because the probe's group is unknown. It never falls as the score rises: it is a minimum
   of rising lines between two constants.
3. Never beyond what was seen: not above n + 1 for the n people of the smallest gating cell, nor outside ELUB.
4. Where there is none, or where it must not be shown, `hidden` says why.

Cells are held by name, for whoever recounts; no group is named beside a face.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.elub import Bounds
from matcher.calibration.intervals import steady
from matcher.calibration.proper_scores import Reliability
from matcher.domain.confidence import LikelihoodRatio
from matcher.domain.template import Millionths

STEP = 10_000  # millionths between points

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Method:
    """How it was made: ridge C, folds of the cross-fit, bootstrap replicates over people and their seed."""

    c: float
    folds: int
    replicates: int
    seed: int


@dataclass(frozen=True, slots=True)
class Scale:
    """z = (score - centre) / scale, both whole millionths, the same for every cell."""

    centre: Millionths
    scale: Millionths

    def z(self, score: Millionths) -> float:
        """The standardised score."""
        return (score - self.centre) / self.scale


@dataclass(frozen=True, slots=True)
class CellLine:
    """log10 LR = intercept + slope z in one gating cell.

    `shrunk`: too few people, so the slope is everyone's (and so are the mates of a cell that has none); `separable`:
    every mate scored above every non-mated maximum, so that only the ridge holds the slope. Cllr is that of the
    answers (cross-fitted, least over cells) for the cell's people, None where it is shrunk.
    """

    cell: str
    n_mated: int
    n_nonmated: int
    intercept: float
    slope: float
    shrunk: bool
    separable: bool
    cllr: float | None
    cllr95: Interval | None


@dataclass(frozen=True, slots=True)
class Caps:
    """Beyond which no ratio is given: ELUB, and log10(n + 1) of the `people` (n) of the smallest gating cell."""

    elub: Bounds
    people: int
    people_upper: float

    @property
    def upper(self) -> float:
        """The higher end."""
        return min(self.elub.upper, self.people_upper)

    def within(self, log10: float) -> float:
        """The nearest log10 LR that may be given."""
        return max(self.elub.lower, min(self.upper, log10))

    @property
    def by_people(self) -> bool:
        """True where the number of people is what caps."""
        return self.people_upper <= self.elub.upper


@dataclass(frozen=True, slots=True)
class LikelihoodPoint:
    """log10 LR at a score, with its 95 % interval."""

    score: Millionths
    log10: float
    lower: float
    upper: float
    capped: bool


@dataclass(frozen=True, slots=True)
class Estimated:
    """The ratio as fitted. The first of `cells` is everyone; `points` lie at every hundredth of the scores seen.

    `min_cllr`: what no rising map of the scores could better; `reliability`: of the cross-fitted answers.
    """

    method: Method
    scale: Scale
    cells: tuple[CellLine, ...]
    caps: Caps
    points: tuple[LikelihoodPoint, ...]
    min_cllr: float
    reliability: Reliability

    def at(self, score: Millionths) -> LikelihoodRatio:
        """The ratio at any score. Between two points the interval is that of both, beyond the last it is the last's."""
        value, capped = answer(score, self.scale, self.cells, self.caps)
        scores = [point.score for point in self.points]
        below = self.points[max(0, bisect_right(scores, score) - 1)]
        above = self.points[min(len(scores) - 1, bisect_left(scores, score))]
        return LikelihoodRatio(value, min(value, below.lower), max(value, above.upper), capped)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """`hidden` is why no ratio is shown, None where one is; `estimated` is None where none could be fitted."""

    hidden: str | None
    estimated: Estimated | None

    def at(self, score: Millionths) -> LikelihoodRatio | None:
        """The ratio to show at a score."""
        return None if self.hidden is not None or self.estimated is None else self.estimated.at(score)


def answer(score: Millionths, scale: Scale, cells: Sequence[CellLine], caps: Caps) -> tuple[float, bool]:
    """log10 LR at a score, the least over cells, and whether it is capped."""
    z = scale.z(score)
    raw = min(cell.intercept + cell.slope * z for cell in cells)
    within = caps.within(raw)
    return steady(within), within != raw


def grid(low: Millionths, high: Millionths) -> tuple[Millionths, ...]:
    """Every hundredth from one at or below `low` to one at or above `high`."""
    return tuple(range(low // STEP * STEP, -(-high // STEP) * STEP + 1, STEP))


def people_cap(people: int) -> float:
    """log10(n + 1): what n people without a false alarm could support at most."""
    return steady(math.log10(people + 1))


NO_MATES = "nobody in the cohort has two usable pictures, so that no mated score is known"


def why_hidden(estimated: Estimated) -> str | None:
    """Why a fitted ratio must not be shown: its Cllr may be no better than that of knowing nothing, which is 1."""
    worst = max(cell.cllr95[1] for cell in estimated.cells if cell.cllr95 is not None)
    if worst < 1:
        return None
    return f"on people it was not fitted to, it may be no better than knowing nothing (Cllr up to {worst:.2f})"


def too_few(mated: int, nonmated: int, needed: int) -> str | None:
    """Why nothing can be fitted."""
    if mated == 0:
        return NO_MATES
    if min(mated, nonmated) >= needed:
        return None
    return f"a line needs {needed} mated and {needed} non-mated people; the cohort has {mated} and {nonmated}"
