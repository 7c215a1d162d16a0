"""Selectivity (SEL): candidates per non-mated search, the work that false alarms make.

1. People are independent given the list; the candidates of one person are not. The unit is the person: one search
   each.
2. A search has at most as many candidates as the list has subjects, so candidates / subjects lies in [0, 1] and its
   mean has the bounds of a mean: guaranteed, Chernoff's with the Kullback-Leibler divergence (Hoeffding 1963, theorem
   1) with one trial for each person; approximate, Wilson's with n_eff = rate (1 - rate) / variance of the mean, the
   variance never below the binomial one of n x subjects comparisons.
3. No candidate at all shows no spread, so only the guaranteed bound is defined. It is wide, because nobody can exclude
   that one person in many resembles the whole list.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from matcher.calibration.intervals import steady
from matcher.calibration.pair_intervals import kl_upper
from matcher.calibration.wilson import wilson
from matcher.errors import BadInput


@dataclass(frozen=True, slots=True)
class Selectivity:
    """k candidates in n completed searches of a list of `subjects`; rates and bounds are candidates per search.

    `wilson95` is two-sided and approximate, `upper95` one-sided and guaranteed. `reason` says why something is None.
    """

    k: int
    n: int
    subjects: int
    rate: float | None
    n_eff: float | None
    wilson95: tuple[float, float] | None
    upper95: float | None
    reason: str | None


def selectivity(candidates: npt.NDArray[np.integer], subjects: int) -> Selectivity:
    """SEL from the number of candidates of each completed non-mated search, (n,), of a list of so many `subjects`.

    Raises BadInput for other numbers.
    """
    counts: list[int] = candidates.tolist()
    if subjects < 1 or any(not 0 <= count <= subjects for count in counts):
        raise BadInput(f"a search of {subjects} subjects cannot have so many candidates: count again")
    k, n = sum(counts), len(counts)
    if n == 0:
        return Selectivity(k, n, subjects, None, None, None, None, "no completed search")
    share = k / (n * subjects)
    upper = steady(subjects * kl_upper(share, n))
    n_eff = _effective(counts, subjects)
    if n_eff is None:
        return Selectivity(k, n, subjects, steady(k / n), None, None, upper, f"{_alike(k, n)} no spread")
    low, high = wilson(share, float(n_eff))
    interval = steady(low * subjects), steady(high * subjects)
    return Selectivity(k, n, subjects, steady(k / n), steady(float(n_eff)), interval, upper, None)


def _effective(counts: list[int], subjects: int) -> Fraction | None:
    """So many independent comparisons would be as uncertain; None where there is nothing to tell from."""
    k, n = sum(counts), len(counts)
    if n < 2 or not 0 < k < n * subjects:
        return None
    share = Fraction(k, n * subjects)
    variance = Fraction(n * sum(count * count for count in counts) - k * k, n * n * (n - 1) * subjects**2)
    return share * (1 - share) / max(variance, share * (1 - share) / (n * subjects))


def _alike(k: int, n: int) -> str:
    if n == 1:
        return "one search shows"
    return f"searches {'that return the whole list' if k else 'without a candidate'} show"
