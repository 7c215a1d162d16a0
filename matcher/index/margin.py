"""How far below a threshold a float32 scan must look so that it cannot miss a row; the proof.

Let q and r be the float32 vectors as they are stored, E their exact inner product, F what the float32 scan computes and
C the sum of which the canonical score is made (`ext/README.md`). `require_unit` holds both squared lengths within T of
1, so sum |q_k r_k| <= |q| |r| <= 1 + T =: A (Cauchy-Schwarz).

1. The row belongs in the answer: its score is at least t, where -10^6 < t <= 10^6. Clipping moves no score across such
   a t, so the unclipped rounding of fl(C * 10^6) is at least t too, hence fl(C * 10^6) >= t - 0.5 and
   C >= (t - 0.5) * 10^-6 - 2^-52, the last term for the one rounding of that product (|C| < 2).
2. C is a float64 sum of d exact products, in which no term meets more than d roundings: |C - E| <= gamma(d, 2^-53) A,
   where gamma(n, u) = n u / (1 - n u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1).
3. F is a sum of the same d products in *some* order: product and sums cost a term at most d roundings, fewer where
   they are fused, and adding zeros costs none. Unit roundoff is 2^-24 to nearest; 2^-23 covers every rounding mode.
   A subnormal operand, product or sum, flushed to zero or not, costs less than 2^-126 each time, at most 4 d times, and
   such an error grows by less than 2 on its way. So |F - E| <= gamma(d, 2^-23) A + 8 d 2^-126.

Together F >= t * 10^-6 - margin, where margin = 0.5 * 10^-6 + gamma(d, 2^-23) A + [gamma(d, 2^-53) A + 2^-52
+ 8 d 2^-126]. SLACK is above the bracket, and above the float64 roundings of this module, for every d up to
MAX_DIMENSION. `radius` is the next float32 below that, because the scan keeps what is strictly above it.
The scan must add in float32 or better: a BLAS that was switched to a shorter format breaks step 3.
"""

import math

import numpy as np

from matcher.domain.template import MILLION, Floats, Millionths
from matcher.errors import BadInput

UNIT_TOLERANCE = 1e-6  # of the squared length; `kernels.normalise` stays below 1.3e-7
MAX_DIMENSION = 4096
SLACK = 1e-12


def require_unit(name: str, vectors: Floats) -> None:
    """Raises BadInput unless d <= 4096 and every squared length of float32 (n, d) is within 1e-6 of 1."""
    if vectors.shape[1] > MAX_DIMENSION:
        raise BadInput(f"{name} have {vectors.shape[1]} elements a row: at most {MAX_DIMENSION} are supported")
    squared = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    if (np.abs(squared - 1) > UNIT_TOLERANCE).any():
        raise BadInput(f"{name} must have unit length: normalise them first")


def margin(d: int) -> float:
    """What the threshold is lowered by, in units of the inner product."""
    gamma = d * 2.0**-23 / (1 - d * 2.0**-23)
    return 0.5e-6 + gamma * (1 + UNIT_TOLERANCE) + SLACK


def radius(threshold: Millionths, d: int) -> float:
    """A float32 that the float32 inner product of every row that scores at least `threshold` is strictly above.

    At the lowest threshold every row belongs, for scores are clipped to it: the radius is minus infinity.
    """
    if threshold <= -MILLION:
        return -math.inf
    return float(np.nextafter(np.float32(threshold / MILLION - margin(d)), np.float32(-np.inf)))
