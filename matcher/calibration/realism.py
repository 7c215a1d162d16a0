"""Whether the cohort looks like the people on the list, as far as scores can say.

1. For each listed subject one template is searched against all *other* subjects; the best score is its leave-one-out
   maximum: what a person like those on the list scores who is not on it. A cohort of such people scores alike.
2. What is compared: the probability that a random value of the list exceeds a random non-mated maximum of the cohort,
   ties counted half (the Mann-Whitney statistic, the area under the ROC curve). 0.5 is what alike people give.
3. Above 0.75 the cohort does not look like the people on the list (random vectors, another camera), its few false
   alarms say nothing about them, and nothing is certified. The other direction only makes a test harder than the truth.
4. The probe is argmin of sha256(list digest, subject, item digest) over the subject's templates; of more than 2,000
   subjects the 2,000 with the smallest are searched. There is nothing to choose.
5. The interval is Newcombe's (2006, method 5: a score interval, so not of width zero at 0 or 1), with two listed people
   counted as one: of two nearest to each other both values are the same score. In simulations of alike people it covers
   93 to 100 %; with everybody counted it covers 57 to 91 %.
6. The verdict is on the counted value, not on the interval: "no significant difference" is never evidence.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from matcher.calibration.intervals import steady
from matcher.calibration.trials import drawn
from matcher.domain.revision import Item
from matcher.domain.template import Millionths

LIMIT = Fraction(3, 4)
MOST_PROBES = 2_000
_Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution


@dataclass(frozen=True, slots=True)
class Realism:
    """Of `listed` values each compared with `cohort` values, `higher` were above and `equal` the same.

    `probability` is None for the `reason` given.
    """

    listed: int
    cohort: int
    higher: int
    equal: int
    probability: float | None
    ci95: tuple[float, float] | None
    reason: str | None

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be certified on this cohort, or None."""
        compared = self.listed * self.cohort
        if not compared or Fraction(2 * self.higher + self.equal, 2 * compared) <= LIMIT:
            return None
        return (
            "the cohort does not look like the people on the list: the nearest other listed person of a listed one "
            f"scores above the nearest of a tested one with probability {self.probability:.3f} ({self.higher:,} of "
            f"{compared:,} comparisons, {self.equal:,} equal; at most {float(LIMIT)})"
        )


def list_probes(list_digest: str, items: Iterable[Item]) -> tuple[tuple[str, int], ...]:
    """The (subject id, template row) to search with, in the order of subject ids."""
    best: dict[str, tuple[bytes, int]] = {}
    for item in items:
        if item.row is not None:
            placed = (drawn(list_digest, item.subject_id, item.digest), item.row)
            best[item.subject_id] = min(placed, best.get(item.subject_id, placed))
    chosen = sorted((placed, subject) for subject, placed in best.items())[:MOST_PROBES]
    return tuple(sorted((subject, row) for (_, row), subject in chosen))


def realism(listed: Sequence[Millionths], cohort: Sequence[Millionths]) -> Realism:
    """Leave-one-out maxima of the list against non-mated maxima of the cohort."""
    if not listed or not cohort:
        reason = "the list has fewer than two people with a template" if not listed else "nobody was tested"
        return Realism(len(listed), len(cohort), 0, 0, None, None, reason)
    ordered, values = np.sort(np.asarray(cohort)), np.asarray(listed)
    below = np.searchsorted(ordered, values, "left")
    higher, equal = int(below.sum()), int((np.searchsorted(ordered, values, "right") - below).sum())
    area = float(Fraction(2 * higher + equal, 2 * len(listed) * len(cohort)))
    return Realism(
        len(listed), len(cohort), higher, equal, steady(area), _interval(area, len(listed) / 2, len(cohort)), None
    )


def _interval(area: float, m: float, n: float) -> tuple[float, float]:
    """Solves |area - t| = z SE(t) on either side of `area`."""

    def too_far(t: float) -> bool:
        rest = (m + n) / 2 - 1
        spread = t * (1 - t) * (1 + rest * (1 - t) / (2 - t) + rest * t / (1 + t)) / (m * n)
        return abs(area - t) > _Z95 * math.sqrt(spread)

    def edge(end: float) -> float:
        outside, inside = end, area
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if too_far(middle) else (outside, middle)
        return steady(inside)

    return edge(0.0), edge(1.0)
