"""Uniform rotations, and how rarely one turns a unit vector far to one side: what the cascade's promise rests on.

1. A rotation is drawn uniformly from all of them (Haar's measure): the orthogonal factor of a Gaussian matrix whose
   triangular factor has a positive diagonal (Stewart 1980, SIAM J. Numer. Anal. 17:403).
2. It is a function of its seed, and worth something only against vectors that do not depend on the seed.
3. The first coordinate of a uniform unit vector in m dimensions is below -t with probability half I(1 - t^2; (m - 1)/2,
   1/2), the regularised incomplete beta function, for 0 <= t <= 1.
"""

import numpy as np

from matcher.errors import BadInput
from matcher.kernels.checks import MAX_DIMENSION
from matcher.kernels.choice import Doubles

LEAST_PIVOT = 2.0**-12  # of a column's length: below it, rounding may turn a column by more than the proof allows
STEPS = 1 << 20  # a depth is a whole number of these


def rotation(d: int, seed: int) -> Doubles:
    """An orthogonal float64 (d, d), uniform over all of them. Raises BadInput unless 2 <= d <= 4096."""
    if not 2 <= d <= MAX_DIMENSION:
        raise BadInput(f"a rotation needs 2 to {MAX_DIMENSION} dimensions, not {d}")
    random = np.random.default_rng(seed)
    while True:
        drawn = random.standard_normal((d, d))
        turned, triangle = np.linalg.qr(drawn)
        pivots = np.diagonal(triangle)
        # The triangular factor of a Gaussian matrix does not depend on the orthogonal one: refusing it biases nothing.
        if (np.abs(pivots) >= LEAST_PIVOT * np.linalg.norm(drawn, axis=0)).all():
            made: Doubles = turned * np.sign(pivots)
            made.flags.writeable = False
            return made


def tail(m: int, depth: float) -> float:
    """The probability that the first coordinate of a uniform unit vector in m dimensions is below -depth."""
    from scipy.special import betainc

    if depth >= 1.0:
        return 0.0
    return 0.5 if m == 1 else 0.5 * float(betainc((m - 1) / 2, 0.5, 1.0 - depth * depth))


def miss_probability(d: int, n: int, depth: float) -> float:
    """At most how probable it is that a search of n rows of d elements misses one, at this depth."""
    return min(1.0, n * tail(d - 1, depth))


def depth_for(d: int, n: int, probability: float) -> float:
    """The least depth, a multiple of 2^-20, at which a search misses one of n rows with at most this probability."""
    low, high = 0, STEPS  # at depth 1 nothing is missed
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if miss_probability(d, n, middle / STEPS) <= probability else (middle + 1, high)
    return low / STEPS
