"""Wilson's score interval (1927): for a display beside exact bounds, never for a decision.

A one-sided Wilson bound "at 95 %" holds 93 % at zero errors, so the gate uses `intervals.py`; this one stands where
published figures are quoted with it. `n` may be an effective number of trials.
"""

from math import sqrt
from statistics import NormalDist

from matcher.calibration.intervals import steady
from matcher.errors import BadInput


def wilson(rate: float, n: float, delta: float = 0.05) -> tuple[float, float]:
    """The two-sided interval at confidence 1 - delta of a rate seen in n trials. Raises BadInput without a trial."""
    if not (n > 0 and 0 <= rate <= 1):
        raise BadInput("a rate lies between 0 and 1 and is of at least one trial")
    squared = NormalDist().inv_cdf(1 - delta / 2) ** 2
    centre = (rate + squared / (2 * n)) / (1 + squared / n)
    half = sqrt(squared) / (1 + squared / n) * sqrt(rate * (1 - rate) / n + squared / (4 * n * n))
    return steady(max(0.0, centre - half)), steady(min(1.0, centre + half))
