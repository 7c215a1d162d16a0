"""Float32 vectors that are hard on sums: seeded, so that a failing example can be named by four numbers."""

import numpy as np
from hypothesis import strategies as st

from matcher.domain.template import Floats

DIMENSIONS = st.one_of(
    st.integers(1, 70),
    st.sampled_from([127, 128, 129, 255, 256, 511, 512, 513, 1024, 2047, 2048]),
    st.integers(1, 2048),
)
KINDS = ("normal", "subnormal", "huge", "wild", "equal", "opposite", "one axis", "zeros between")


def hard(kind: str, n: int, d: int, seed: int) -> Floats:
    """(n, d) finite float32 without a row of zeros."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d))
    if kind == "subnormal":
        rows *= 1e-42
    elif kind == "huge":
        rows = np.clip(rows * 1e38, -3.4e38, 3.4e38)
    elif kind == "wild":
        rows *= 10.0 ** rng.uniform(-44, 37, (n, d))
    elif kind == "equal":
        rows[:] = rows[0]
    elif kind == "opposite":
        rows[:] = np.where(np.arange(n)[:, np.newaxis] % 2, rows[0], -rows[0])
    elif kind == "one axis":
        rows *= np.where(np.arange(d) == seed % d, 1.0, 1e-30)
    elif kind == "zeros between":
        rows *= rng.random((n, d)) < 0.3
    made = rows.astype(np.float32)
    made[~made.any(axis=1), seed % d] = 1.0
    return made
