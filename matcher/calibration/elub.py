"""Beyond which ratios the evidence no longer helps: the empirical lower and upper bound (ELUB).

1. At every decision threshold t the expected cost of using the ratios, misses + t false alarms, is set against the cost
   of knowing nothing, min(1, t). The bounds are the first t on either side of 1 where the ratios cost more.
2. One misleading ratio is added to each class before counting: what was never seen could have been next. Hence n people
   who are not on the list never support a ratio above n + 1.
3. Exact: between two neighbouring ratios the error rates are constant and the costs are straight lines in t.

Vergeer, van Es, de Jongh, Alberink and Stoel, Science and Justice 56 (2016) 482-491.
"""

import math
from dataclasses import dataclass

import numpy as np

from matcher.calibration.logistic import Values


@dataclass(frozen=True, slots=True)
class Bounds:
    """log10 LR from `lower` (at most 0) to `upper` (at least 0)."""

    lower: float
    upper: float


def elub(mated: Values, nonmated: Values) -> Bounds:
    """The bounds of log10 LRs, neither class empty."""
    missed, alarmed = np.sort(mated), np.sort(nonmated)
    return Bounds(-_reach(-alarmed[::-1], -missed[::-1]), _reach(missed, alarmed))


def _reach(mated: Values, nonmated: Values) -> float:
    """The highest log10 threshold up to which misses + t false alarms <= 1; both sorted.

    The lower bound is the same question with the classes exchanged and the ratios turned over.
    """
    ratios = np.unique(np.concatenate((mated, nonmated, [0.0])))
    at = 0.0
    for up_to in (*ratios[ratios > 0].tolist(), math.inf):
        # thresholds above `at` and up to `up_to`; + 1: the misleading ratio of rule 2
        misses = (int(np.searchsorted(mated, at, side="right")) + 1) / (len(mated) + 1)
        alarms = (len(nonmated) - int(np.searchsorted(nonmated, at, side="right")) + 1) / (len(nonmated) + 1)
        limit = math.log10((1 - misses) / alarms) if misses < 1 else -math.inf
        if limit < up_to:
            return max(at, limit)
        at = up_to
    raise AssertionError("above the highest ratio every mate is missed")
