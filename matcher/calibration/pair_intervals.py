"""Intervals for a share of comparisons between people, which depend on each other through the people they share.

1. The unit is the person. A pooled binomial interval takes every comparison as independent and covers far too seldom.
2. Plug-in: the variance of a U-statistic from residuals e_ij = k_ij - rate n_ij of every pair of people, the sum over
   people of (sum_j e_ij)^2 less the sum over pairs of e_ij^2 (which the former counts twice), over n^2; then
   n_eff = rate (1 - rate) / variance, and Wilson's interval with n_eff trials (Fogliato, Patil, Perona 2024,
   "Confidence intervals for error rates in 1:1 matching tasks", IJCV). It is approximate: where some of 200 people
   resemble others several times as much, it covers 93 to 97 % in simulation, a pooled binomial interval 56 %; of 50
   people 89 % (`docs/calibration.md`). It learns dependence from the errors, so where none or all of the comparisons
   reach it is undefined.
3. The variance is never taken below the binomial one: on few people the plug-in can come out near zero or negative.
4. Guaranteed: a U-statistic is an average of means of m independent pairs, so Chernoff's bound in its form with the
   Kullback-Leibler divergence holds with m (Hoeffding 1963, section 5): m = floor(people / 2) within one group, m = the
   smaller number of people between two. It needs no asymptotics and no errors, and is wide.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from matcher.calibration.intervals import steady


@dataclass(frozen=True, slots=True)
class PairSums:
    """What a variance is made of, in whole numbers, so that it does not depend on the order of people.

    k of n comparisons reach. Over people less over pairs of people: `squares` of what reached, products of what reached
    and what was made (`crossed`), squares of what was made (`made`).
    """

    k: int
    n: int
    squares: int
    crossed: int
    made: int

    @property
    def variance(self) -> Fraction:
        """The plug-in variance of k / n, n > 0; it may be negative."""
        rate = Fraction(self.k, self.n)
        return (self.squares - 2 * rate * self.crossed + rate * rate * self.made) / self.n**2

    @property
    def n_eff(self) -> Fraction | None:
        """How many independent trials would be as uncertain, at most n; None where none or all comparisons reach."""
        if not 0 < self.k < self.n:
            return None
        each = Fraction(self.k * (self.n - self.k), self.n**2)
        return each / max(self.variance, each / self.n)


def kl_upper(rate: float, independent: int, delta: float = 0.05) -> float:
    """An upper bound at confidence 1 - delta: the largest p with m kl(rate, p) <= ln(1 / delta), m = `independent`."""
    limit = -math.log(delta) / independent
    low, high = rate, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if divergence(rate, middle) > limit else (middle, high)
    return steady(high)


def divergence(rate: float, p: float) -> float:
    """kl(rate, p): the Kullback-Leibler divergence of two coins, 0 <= rate < 1, 0 < p < 1."""
    heads = rate * math.log(rate / p) if rate > 0 else 0.0
    return heads + (1 - rate) * (math.log1p(-rate) - math.log1p(-p))
