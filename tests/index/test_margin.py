"""A float32 inner product, in whatever order it was added, lies above the radius of its pair's score."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.index.margin import MAX_DIMENSION, SLACK, UNIT_TOLERANCE, margin, radius, require_unit
from tests.kernels.vectors import KINDS, hard

ORDERS: dict[str, Callable[[Floats], Floats]] = {
    "as stored": lambda products: products,
    "backwards": lambda products: products[::-1],
    "largest first": lambda products: products[np.argsort(-np.abs(products))],
    "ascending": np.sort,
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*KINDS, "positive"]), st.sampled_from([*ORDERS]), st.integers(1, 2048), st.integers(0, 2**32))
def test_no_order_of_float32_sums_falls_below_the_radius(kind: str, order: str, d: int, seed: int) -> None:
    rows = np.abs(hard("normal", 2, d, seed)) if kind == "positive" else hard(kind, 2, d, seed)
    query, row = kernels.normalise(rows)
    score = int(kernels.canonical_scores(query[np.newaxis], row[np.newaxis])[0, 0])
    scanned = np.add.accumulate(ORDERS[order](query * row), dtype=np.float32)[-1]
    assert scanned > radius(score, d)


def test_the_margin_covers_every_term_of_the_proof() -> None:
    for d in (1, 128, 512, MAX_DIMENSION):
        longest = 1 + UNIT_TOLERANCE
        gamma32, gamma64 = (d * u / (1 - d * u) for u in (2.0**-23, 2.0**-53))
        bracket = gamma64 * longest + 2.0**-52 + 8 * d * 2.0**-126
        assert bracket + 1e-15 < SLACK
        assert margin(d) >= 0.5e-6 + gamma32 * longest + bracket


def test_the_radius_is_a_float32_strictly_below() -> None:
    for threshold in (-999_999, -1, 0, 1, 363_000, 1_000_000):
        value = radius(threshold, 128)
        assert value == np.float32(value)
        assert value < threshold / 1e6 - margin(128)
    assert radius(-1_000_000, 128) == -np.inf


@pytest.mark.parametrize("factor", [0.999, 1.001, 1 + 1e-6])
def test_vectors_that_are_not_unit_are_refused(factor: float) -> None:
    rows = kernels.normalise(hard("normal", 5, 64, 0))
    require_unit("rows", rows)
    rows[3] *= np.float32(factor)
    with pytest.raises(BadInput, match="rows must have unit length"):
        require_unit("rows", rows)


def test_the_proof_ends_at_its_largest_dimension() -> None:
    require_unit("rows", np.eye(1, MAX_DIMENSION, dtype=np.float32))
    with pytest.raises(BadInput, match="at most 4096"):
        require_unit("rows", np.eye(1, MAX_DIMENSION + 1, dtype=np.float32))
