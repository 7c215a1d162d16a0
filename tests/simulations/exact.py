"""Exact intervals of one rate, and the line that everyone sees beside a score: Clopper-Pearson, person by person."""

from collections.abc import Callable, Iterator

import numpy as np

from matcher.calibration.confidence import FalseAlarmCurve
from matcher.calibration.intervals import lower_bound, two_sided, upper_bound
from tests.simulations.line import Line

RATES = ((59, 0.05), (300, 0.01), (2_995, 0.001), (200, 0.3))
GROUPS = ((300, 0.01), (120, 0.04), (700, 0.04), (412, 0.002))  # people, share that scores as high


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many counts each."""
    rng = np.random.default_rng(101)
    for n, rate in RATES:
        counts = np.bincount(rng.binomial(n, rate, repeats), minlength=n + 1)
        drawn = [(k, int(counts[k])) for k in np.flatnonzero(counts).tolist()]
        for what, is_false in STATEMENTS.items():
            wrong = sum(times for k, times in drawn if is_false(k, n, rate))
            yield Line(what, f"rate {100 * rate:g} %, {n:,} people", repeats, wrong, 0.05)
    yield _false_alarm_line(rng, max(1, repeats // 10))


def _outside(k: int, n: int, rate: float) -> bool:
    low, high = two_sided(k, n)
    return not low <= rate <= high


def _above(k: int, n: int, rate: float) -> bool:
    return upper_bound(k, n) < rate


def _below(k: int, n: int, rate: float) -> bool:
    return lower_bound(k, n) > rate


STATEMENTS: dict[str, Callable[[int, int, float], bool]] = {
    "Clopper-Pearson, two-sided 95 %": _outside,
    "Clopper-Pearson, one-sided upper 95 %": _above,
    "Clopper-Pearson, one-sided lower 95 %": _below,
}


def _false_alarm_line(rng: np.random.Generator, repeats: int) -> Line:
    """The bound of the worst cell, whichever it is, must not be below the worst cell's true rate."""
    wrong = 0
    for _ in range(repeats):
        drawn = [(n, int(rng.binomial(n, rate))) for n, rate in GROUPS]
        curve = FalseAlarmCurve(tuple((*[0] * (n - k), *[1] * k) for n, k in drawn))
        wrong += curve.at(1).upper < max(rate for _, rate in GROUPS)
    return Line("the line beside a score (FA)", "worst rate 4 % in two of four groups", repeats, wrong, 0.05)
