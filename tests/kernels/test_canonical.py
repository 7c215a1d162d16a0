"""Every path gives the bits that ext/README.md defines."""

import ctypes
import math
import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import Floats, Scores
from matcher.kernels import reference
from matcher.kernels.choice import Kernels, available, kernels_of
from matcher.kernels.codes import empty_codes
from tests.kernels.vectors import DIMENSIONS, KINDS, hard

COMPILED = [kernels_of(path) for path in available() if path != "python"]
COUNTS = st.integers(1, 40)  # beyond one tile of queries (32) and two of rows (16)
TWO_KINDS = st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS))
SEEDS = st.integers(0, 2**32)
LEAST = -(2**31)


def by_definition(query: Floats, row: Floats) -> int:
    """The four steps of ext/README.md, one Python float at a time."""
    lanes = [0.0] * 16
    for k, (a, b) in enumerate(zip(query.tolist(), row.tolist(), strict=True)):
        lanes[k % 16] += a * b
    for width in (8, 4, 2, 1):
        for j in range(width):
            lanes[j] += lanes[j + width]
    return max(-1_000_000, min(1_000_000, round(lanes[0] * 1e6)))


def pair_of(kinds: tuple[str, str], m: int, n: int, d: int, seed: int) -> tuple[Floats, Floats]:
    queries, rows = hard(kinds[0], m, d, seed), hard(kinds[1], n, d, seed + 1)
    # Unit rows keep scores off the clip; raw ones reach it.
    return (kernels.normalise(queries), kernels.normalise(rows)) if seed % 2 else (queries, rows)


@settings(max_examples=150, deadline=None)
@given(TWO_KINDS, COUNTS, COUNTS, DIMENSIONS, SEEDS)
def test_scores_of_both_paths_are_equal(kinds: tuple[str, str], m: int, n: int, d: int, seed: int) -> None:
    queries, rows = pair_of(kinds, m, n, d, seed)
    expected, got = np.empty((m, n), np.int32), np.empty((m, n), np.int32)
    at = np.random.default_rng(seed).integers(0, m, n, dtype=np.int32)
    reference.canonical_scores(queries, rows, expected)
    for path in COMPILED:
        path.canonical_scores(queries, rows, got)
        np.testing.assert_array_equal(got, expected)
    for path in (*COMPILED, reference):
        paired = np.empty(n, np.int32)
        path.paired_scores(queries, at, rows, paired)
        np.testing.assert_array_equal(paired, expected[at, np.arange(n)])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), COUNTS, DIMENSIONS, SEEDS)
def test_unit_vectors_of_both_paths_are_equal(kind: str, n: int, d: int, seed: int) -> None:
    rows = hard(kind, n, d, seed)
    expected, got = np.empty_like(rows), np.empty_like(rows)
    reference.normalise(rows, expected)
    for path in COMPILED:
        path.normalise(rows, got)
        np.testing.assert_array_equal(got.view(np.int32), expected.view(np.int32))
    np.testing.assert_allclose(np.linalg.norm(got.astype(np.float64), axis=1), 1, atol=1e-7)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), COUNTS, COUNTS, DIMENSIONS, SEEDS)
def test_maxima_of_both_paths_are_the_largest_scores_left(kind: str, m: int, n: int, d: int, seed: int) -> None:
    queries, rows = pair_of((kind, "normal"), m, n, d, seed)
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 4, n, dtype=np.int32)
    excluded = rng.integers(-1, 4, m, dtype=np.int32)
    scores = kernels.canonical_scores(queries, rows)
    expected = [
        max((s for s, o in zip(row, owner, strict=True) if o != e), default=LEAST)
        for row, e in zip(scores.tolist(), excluded, strict=True)
    ]
    for path in (reference, *COMPILED):
        out = np.empty(m, np.int32)
        path.maxima(queries, rows, owner, excluded, out)
        assert out.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(TWO_KINDS, DIMENSIONS, SEEDS)
def test_scores_follow_the_definition(kinds: tuple[str, str], d: int, seed: int) -> None:
    queries, rows = pair_of(kinds, 1, 1, d, seed)
    assert kernels.canonical_scores(queries, rows)[0, 0] == by_definition(queries[0], rows[0])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), DIMENSIONS, SEEDS)
def test_a_score_is_the_exact_inner_product_to_half_a_millionth(kind: str, d: int, seed: int) -> None:
    a, b = kernels.normalise(hard(kind, 2, d, seed))
    exact = math.fsum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))
    score = int(kernels.canonical_scores(a[np.newaxis], b[np.newaxis])[0, 0])
    assert abs(score - max(-1e6, min(1e6, exact * 1e6))) <= 0.5 + 1e-6


@pytest.mark.parametrize(("value", "score"), [(2.0**-7, 7812), (3 * 2.0**-7, 23438), (-(2.0**-7), -7812), (-0.0, 0)])
def test_a_tie_goes_to_the_even_millionth(value: float, score: int) -> None:
    one = np.ones((1, 1), np.float32)
    assert kernels.canonical_scores(one, np.full((1, 1), value, np.float32)).tolist() == [[score]]


def test_scores_are_clipped() -> None:
    big = np.full((1, 3), 3e38, np.float32)
    assert kernels.canonical_scores(big, np.concatenate([big, -big])).tolist() == [[1_000_000, -1_000_000]]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), COUNTS, COUNTS, DIMENSIONS, SEEDS)
def test_neither_order_nor_batch_matters(kind: str, m: int, n: int, d: int, seed: int) -> None:
    queries, rows = pair_of((kind, kind), m, n, d, seed)
    whole = kernels.canonical_scores(queries, rows)
    rng = np.random.default_rng(seed)
    some, order = rng.permutation(m)[: m // 2 + 1], rng.permutation(n)
    np.testing.assert_array_equal(kernels.canonical_scores(queries[some], rows[order]), whole[np.ix_(some, order)])
    np.testing.assert_array_equal(kernels.canonical_scores(rows, queries), whole.T)


def test_threads_do_not_matter() -> None:
    rows = kernels.normalise(hard("normal", 300, 128, 5))
    owner = np.arange(300, dtype=np.int32)
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda i: kernels.maxima(rows[i : i + 25], rows, owner, owner[i : i + 25]), range(0, 300, 25))
    np.testing.assert_array_equal(np.concatenate(list(parts)), kernels.maxima(rows, rows, owner, owner))


@contextmanager
def rounding_up() -> Iterator[None]:
    """This thread's floating-point arithmetic rounds towards +infinity."""
    upwards = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())
    if upwards is None:
        pytest.skip("the number of FE_UPWARD is not known for this machine")
    libm = ctypes.CDLL("libm.so.6")
    libm.fesetround(upwards)
    try:
        assert libm.fegetround() == upwards
        yield
        assert libm.fegetround() == upwards, "a kernel left its own mode behind"
    finally:
        libm.fesetround(0)


def outputs(compiled: Kernels, rows: Floats) -> tuple[Scores, Floats, Scores, bytes]:
    scores, unit, best = np.empty((len(rows), len(rows)), np.int32), np.empty_like(rows), np.empty(len(rows), np.int32)
    owner = np.arange(len(rows), dtype=np.int32)
    compiled.canonical_scores(rows, rows, scores)
    compiled.normalise(rows, unit)
    compiled.maxima(rows, rows, owner, owner, best)
    codes = empty_codes(len(rows), rows.shape[1], 4)
    compiled.encode(rows, 4, codes)
    kept = compiled.scan_threshold((codes, len(rows), 4), (0, 4), rows, 100_000)
    return scores, unit, best, codes.tobytes() + kept + compiled.pairs_reaching(rows, owner, (0, len(rows)), 0)


@pytest.mark.parametrize("compiled", COMPILED)
def test_a_thread_left_in_another_rounding_mode_changes_nothing(compiled: Kernels) -> None:
    rows = kernels.normalise(hard("normal", 64, 128, 3))
    expected = outputs(compiled, rows)
    with rounding_up():
        got = outputs(compiled, rows)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)
