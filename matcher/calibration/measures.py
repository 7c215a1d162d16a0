"""Measures of how unequal the error rates of groups are: the formulas, and when they have no value.

With x_1 .. x_G the rates of the groups, at one threshold (made for FMR and FNMR, here of FPIR and FNIR), a = 0.5:

1. `gini`: G / (G - 1) * sum |x_i - x_j| / (2 G^2 mean), 0 for equal rates, 1 where one group has all errors.
   `GARBE` = a gini(FPIR) + (1 - a) gini(FNIR) (Howard et al. 2022, "Evaluating proposed fairness models for face
   recognition algorithms").
2. `max/min`; the inequity ratio `IR` = max/min(FPIR)^a * max/min(FNIR)^(1 - a) (Grother, NISTIR 8429, 2022).
3. `max-min`; the fairness discrepancy rate `FDR` = 1 - (a max-min(FPIR) + (1 - a) max-min(FNIR)), 1 for equal rates
   (de Freitas Pereira and Marcel 2021). At small rates it is close to 1 whatever the ratio between groups.
4. `max/geomean` (NISTIR 8429) and `max/mean`: the worst group against the geometric and the arithmetic mean of groups.
5. Undefined is None with the counts that make it so: one group, a group without a search, a division by a rate of 0.
6. Reporting by group, FPIR and FNIR apart, is aligned with ISO/IEC 19795-10:2024.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from matcher.calibration.group_count import GroupCount, counts_text
from matcher.calibration.intervals import steady

WEIGHT = 0.5
RateArray = npt.NDArray[np.float64]


class Rates(StrEnum):
    """Which rates a measure is of."""

    FPIR = "FPIR"
    FNIR = "FNIR"
    BOTH = "FPIR and FNIR"


class Statistic(StrEnum):
    """Which measure: five of one rate, three of both."""

    GINI = "gini"
    MAX_MIN = "max/min"
    RANGE = "max-min"
    MAX_GEOMEAN = "max/geomean"
    MAX_MEAN = "max/mean"
    GARBE = "GARBE"
    IR = "IR"
    FDR = "FDR"


OF_ONE_RATE = (Statistic.GINI, Statistic.MAX_MIN, Statistic.RANGE, Statistic.MAX_GEOMEAN, Statistic.MAX_MEAN)
OF_BOTH = (Statistic.GARBE, Statistic.IR, Statistic.FDR)
_NEEDS_AN_ERROR = (Statistic.GINI, Statistic.MAX_MEAN, Statistic.GARBE)
_NEEDS_ONE_IN_EACH = (Statistic.MAX_MIN, Statistic.MAX_GEOMEAN, Statistic.IR)


def inequality(statistic: Statistic, rates: Sequence[RateArray]) -> RateArray:
    """The measure of each column of `rates` (groups, columns), one array or FPIR and FNIR: higher is more unequal.

    FDR is 1 minus this. Infinite where the measure is undefined: at least as unequal as anything.
    """
    if statistic in OF_ONE_RATE:
        return _SINGLE[statistic](rates[0])
    alarms, misses = (_SINGLE[_COMBINED_FROM[statistic]](one) for one in rates)
    if statistic is Statistic.IR:
        return np.asarray(alarms**WEIGHT * misses ** (1 - WEIGHT), dtype=np.float64)
    return WEIGHT * alarms + (1 - WEIGHT) * misses


def shown(value: float, statistic: Statistic) -> float:
    """An inequality as its measure is defined."""
    return steady(1 - value if statistic is Statistic.FDR else value)


def reason_undefined(statistic: Statistic, groups: Sequence[GroupCount]) -> str | None:
    """Why the measure, or its part in these counts, has no value; None where it has one."""
    if len(groups) < 2:
        return f"one group only: {groups[0].text}" if groups else "no group"
    empty = [group for group in groups if group.n == 0]
    if empty:
        return counts_text(empty)
    without = [group for group in groups if group.k == 0]
    divided = statistic in _NEEDS_ONE_IN_EACH or (statistic in _NEEDS_AN_ERROR and len(without) == len(groups))
    return counts_text(without) if without and divided else None


def _gini(rates: RateArray) -> RateArray:
    groups = len(rates)
    weights = 2.0 * np.arange(1, groups + 1) - groups - 1  # sum |x_i - x_j| = 2 sum w_i x_(i)
    spread = np.asarray(weights @ np.sort(rates, axis=0), dtype=np.float64)
    return _quotient(spread, (groups - 1) * rates.sum(axis=0))


def _max_min(rates: RateArray) -> RateArray:
    return _quotient(rates.max(axis=0), rates.min(axis=0))


def _range(rates: RateArray) -> RateArray:
    return np.asarray(rates.max(axis=0) - rates.min(axis=0))


def _max_geomean(rates: RateArray) -> RateArray:
    logs = np.log(rates, out=np.full(rates.shape, -np.inf), where=rates > 0)
    return _quotient(rates.max(axis=0), np.exp(logs.mean(axis=0)))


def _max_mean(rates: RateArray) -> RateArray:
    return _quotient(len(rates) * rates.max(axis=0), rates.sum(axis=0))


def _quotient(above: RateArray, below: RateArray) -> RateArray:
    """Infinite where undefined: at least as unequal as anything."""
    quotient = np.full(above.shape, np.inf)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


_SINGLE: dict[Statistic, Callable[[RateArray], RateArray]] = {
    Statistic.GINI: _gini,
    Statistic.MAX_MIN: _max_min,
    Statistic.RANGE: _range,
    Statistic.MAX_GEOMEAN: _max_geomean,
    Statistic.MAX_MEAN: _max_mean,
}
_COMBINED_FROM = {Statistic.GARBE: Statistic.GINI, Statistic.IR: Statistic.MAX_MIN, Statistic.FDR: Statistic.RANGE}
