"""The first pass of the cascade: every path keeps the same rows, and a miss is at most as probable as is told."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput
from matcher.kernels import signs, sphere
from matcher.kernels.choice import Doubles, SignView, Weights, available, kernels_of
from matcher.kernels.codes import SURVIVOR, aligned, encode
from tests.kernels.vectors import KINDS, hard

PATHS = [path for path in available() if path != "python"]
SEEDS = st.integers(0, 2**32)
DIMENSIONS = st.one_of(st.integers(2, 140), st.sampled_from([255, 256, 257, 513]))
EVERY_ROW: Weights = (0.0, 0.0, -np.inf)


def units(kind: str, n: int, d: int, seed: int) -> Floats:
    return kernels.normalise(hard(kind, n, d, seed))


def kept(path: str, view: SignView, span: tuple[int, int], tables: np.ndarray, weights: Weights) -> list[Any]:
    found = kernels_of(path).scan_signs(view, span, tables, weights)
    return [tuple(record) for record in np.frombuffer(found, SURVIVOR).tolist()]


@cache
def turning(d: int) -> Doubles:
    return sphere.rotation(d, 77)


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=50, deadline=None)
@given(st.sampled_from(KINDS), DIMENSIONS, SEEDS, st.integers(1, 200), st.integers(100, 1_000_000))
def test_every_path_is_the_twin(path: str, kind: str, d: int, seed: int, n: int, threshold: int) -> None:
    made = signs.encode_signs(units(kind, n, d, seed), turning(d))
    asked = signs.asked(made, units(kind, 1, d, seed + 1)[0], threshold, sphere.depth_for(d, n, 0.3))
    first = min(seed % 3, made.blocks - 1)
    for span in ((0, made.blocks), (first, made.blocks)):
        for weights in (asked.weights, EVERY_ROW):
            found = kept(path, made.view, span, asked.tables, weights)
            assert found == kept("python", made.view, span, asked.tables, weights)
            assert weights is asked.weights or len(found) == n - 16 * span[0]


@pytest.mark.parametrize("path", PATHS)
def test_the_largest_sums_fit(path: str) -> None:
    random = np.random.default_rng(0)
    data = aligned(2 * 129 * 64)
    data[:] = random.integers(0, 256, data.size)
    tables = np.full(128 * 128, 255, np.uint8)
    for each in (tables, tables * (random.random(tables.size) < 0.9)):
        found = kept(path, (data, 32, 128), (0, 2), each.astype(np.uint8), EVERY_ROW)
        assert found == kept("python", (data, 32, 128), (0, 2), each.astype(np.uint8), EVERY_ROW)
    assert kept(path, (data, 32, 128), (0, 2), tables, EVERY_ROW)[5] == (0, 5, 1024 * 255.0, 0)


@pytest.mark.parametrize("path", [*PATHS, "python"])
def test_listed_blocks_are_scanned_as_spans_are(path: str) -> None:
    fast, rows, queries = kernels_of(path), units("normal", 500, 40, 1), units("normal", 3, 40, 2)
    made = encode(rows, 4)
    listed = np.array([0, 3, 4, 17, 31], np.int32)
    found = np.frombuffer(fast.scan_listed(made.view, listed, queries, 100_000), SURVIVOR)
    whole = np.frombuffer(fast.scan_threshold(made.view, (0, made.blocks), queries, 100_000), SURVIVOR)
    assert sorted(found.tolist()) == sorted(whole[np.isin(whole["row"] // 16, listed)].tolist())
    assert 20 < len(found) < len(whole)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([7, 33, 64]), SEEDS, st.integers(1, 6))
def test_a_set_can_be_scanned_in_parts(n: int, d: int, seed: int, parts: int) -> None:
    rows = units("normal", n, d, seed)
    rows[:: max(1, n // 5)] = np.eye(1, d, dtype=np.float32)  # under no rotation at all they have coordinates of 0
    made = signs.encode_signs(rows, np.eye(d))
    asked = signs.asked(made, -rows[0], 500_000, sphere.depth_for(d, n, 0.5))
    edges = sorted({made.blocks * i // parts for i in range(parts + 1)})
    split = [signs.scan_signs(made, span, asked) for span in pairwise(edges)]
    whole = signs.scan_signs(made, (0, made.blocks), asked)
    assert sorted(np.concatenate(split).tolist()) == sorted(whole.tolist())
    assert set(range(0, n, max(1, n // 5))) <= set(whole.tolist())


# --- what holds for every row, whatever the rotation ------------------------------------------------------------------


def just_reaching(d: int, seed: int, query: Floats) -> tuple[signs.SignSet, float] | None:
    """A row, and the depth at which it reaches its limit exactly, computed without any table; None if there is none."""
    row, turn = units("normal", 1, d, seed), sphere.rotation(d, seed)
    made = signs.encode_signs(row, turn)
    exact, q = row[0] / np.linalg.norm(row[0].astype(float)), query / np.linalg.norm(query.astype(float))
    turned = turn @ exact
    alignment = float(np.abs(turned).sum() / np.sqrt(d))
    along = float(np.sign(turned) @ (turn @ q) / np.sqrt(d))
    depth = (0.5 * alignment - along) / np.sqrt(0.75 * (1 - alignment**2))
    return (made, depth) if 0.0 < depth < 1.0 and not len(made.unsure) else None


def dropped_at_their_limit(d: int, make: Callable[[int], Floats]) -> tuple[int, int]:
    """Of so many rows at the limit, how many are dropped."""
    tried = dropped = 0
    for seed in range(250):
        query = make(seed)
        pair = just_reaching(d, seed, query)
        if pair is not None:
            asked = signs.asked(pair[0], query, 500_000, pair[1])
            dropped += not len(signs.scan_signs(pair[0], (0, 1), asked))
            tried += 1
    return tried, dropped


@pytest.mark.parametrize(("kind", "d"), [("normal", 70), ("one axis", 33), ("zeros between", 130), ("normal", 5)])
def test_a_row_at_its_limit_stays(kind: str, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(seed: int) -> Floats:
        query: Floats = units(kind, 1, d, seed + 1000)[0]
        return query

    tried, dropped = dropped_at_their_limit(d, make)
    assert tried > 25
    assert dropped == 0
    whole = signs._tables
    monkeypatch.setattr(signs, "_tables", lambda fours: (*whole(fours)[:3], 0.0))
    if d > 5:  # in few dimensions tables lose less than the slack of one step
        assert dropped_at_their_limit(d, make)[1] > 0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(2, 80), SEEDS)
def test_facts_are_rounded_to_the_safe_side(kind: str, d: int, seed: int) -> None:
    rows, turn = units(kind, 5, d, seed), sphere.rotation(d, seed)
    made = signs.encode_signs(rows, turn)
    exact = rows.astype(float)
    turned = exact / np.linalg.norm(exact, axis=1, keepdims=True) @ turn.T
    alignment = np.abs(turned).sum(axis=1) / np.sqrt(d)
    facts = made.data[-64:].view("<u2").reshape(2, 16)[:, :5] * signs.UNIT
    assert (facts[0] <= alignment).all()
    assert (facts[0] > alignment - 2 * signs.UNIT).all()
    assert (facts[1] >= np.sqrt(np.maximum(0, 1 - alignment**2))).all()


# --- the promise ------------------------------------------------------------------------------------------------------


def rows_at(query: Floats, cosine: float, n: int, seed: int) -> Floats:
    """Rows whose cosine with the query is this, in directions that have nothing else in common."""
    beside = np.random.default_rng(seed).standard_normal((n, len(query)))
    beside -= np.outer(beside @ query, query)
    beside /= np.linalg.norm(beside, axis=1, keepdims=True)
    return kernels.normalise((cosine * query + np.sqrt(1 - cosine**2) * beside).astype(np.float32))


def searches_that_miss(rows: Floats, query: Floats, threshold: int, depth: float, seeds: int) -> int:
    missed = 0
    for seed in range(seeds):
        made = signs.encode_signs(rows, sphere.rotation(len(query), seed))
        passed = signs.scan_signs(made, (0, made.blocks), signs.asked(made, query, threshold, depth))
        missed += len(passed) < len(rows)
    return missed


CASES = [
    (48, 1, 0.1, 0.2), (48, 1, 0.1, 0.7), (48, 1, 0.01, 0.4), (48, 5, 0.1, 0.4), (48, 5, 0.01, 0.4),
    (9, 3, 0.1, 0.2), (9, 3, 0.01, 0.7), (3, 2, 0.1, 0.4),
]  # fmt: skip


@pytest.mark.parametrize(("d", "n", "told", "cosine"), CASES)
def test_searches_miss_no_more_often_than_told(d: int, n: int, told: float, cosine: float) -> None:
    from scipy.stats import binom

    seeds, threshold = (1500 if told > 0.05 else 3000), round(cosine * 1_000_000)
    query = np.eye(1, d, dtype=np.float32)[0]  # no direction is special to a rotation: this one least of all
    rows = rows_at(query, cosine + 1e-6, n, 5)
    scores = kernels.canonical_scores(query[np.newaxis], rows)
    assert threshold <= scores.min() <= scores.max() <= threshold + 2  # at the threshold: where a miss is likeliest
    depth = sphere.depth_for(d, n, told)
    assert sphere.miss_probability(d, n, depth) <= told
    missed = searches_that_miss(rows, query, threshold, depth, seeds)
    assert missed <= binom.ppf(1 - 1e-6, seeds, told)
    if n == 1:  # not by being so careful that the promise says nothing
        assert missed >= binom.ppf(1e-6, seeds, 0.7 * told)
    assert searches_that_miss(rows, query, threshold, 0.0, 300) > binom.ppf(1 - 1e-6, 300, told)
    assert searches_that_miss(rows, query, threshold, 0.6 * depth, seeds) > binom.ppf(1 - 1e-6, seeds, told) or n > 1


def test_rows_above_the_threshold_are_missed_less() -> None:
    query, depth = np.eye(1, 48, dtype=np.float32)[0], sphere.depth_for(48, 1, 0.1)
    missed = [searches_that_miss(rows_at(query, at, 1, 1), query, 300_000, depth, 600) for at in (0.301, 0.4, 0.5, 0.8)]
    assert missed == sorted(missed, reverse=True)
    assert missed[0] > missed[2] + 20
    assert missed[-1] == 0


def test_in_two_dimensions_nothing_is_missed() -> None:
    assert sphere.depth_for(2, 1, 0.4) == 1.0
    query = np.array([1, 0], np.float32)
    assert searches_that_miss(rows_at(query, 0.5, 4, 1), query, 499_990, 1.0, 300) == 0


@pytest.mark.parametrize("d", [3, 4, 17, 512])
def test_the_tail_is_the_integral_of_the_density(d: int) -> None:
    from scipy.integrate import quad
    from scipy.special import gammaln

    m, depth = d - 1, sphere.depth_for(d, 1000, 1e-9)
    constant = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(np.pi)
    area, _ = quad(lambda angle: constant * np.sin(angle) ** (m - 2), 0, np.arccos(depth), epsabs=0)
    assert area == pytest.approx(sphere.tail(m, depth), rel=1e-6)
    assert sphere.miss_probability(d, 1000, depth) <= 1e-9 < sphere.miss_probability(d, 1000, depth - 2.0**-19)


# --- rotations --------------------------------------------------------------------------------------------------------


def test_rotations_are_uniform() -> None:
    """In 3 dimensions all values of an element are equally likely (Archimedes)."""
    from scipy.stats import kstest

    made = np.array([sphere.rotation(3, seed) for seed in range(3000)])
    assert np.abs(made.transpose(0, 2, 1) @ made - np.eye(3)).max() < 1e-14
    for row in range(3):
        for column in range(3):
            assert kstest(made[:, row, column], "uniform", (-1, 2)).pvalue > 1e-5
    assert abs((np.linalg.det(made) > 0).mean() - 0.5) < 0.05


def exact_factor(drawn: np.ndarray) -> np.ndarray:
    """The orthogonal factor by Householder's reflections in extended precision."""
    d = len(drawn)
    left, whole = drawn.astype(np.longdouble), np.eye(d, dtype=np.longdouble)
    for k in range(d - 1):
        v = left[k:, k].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        v /= np.sqrt(v @ v)
        left[k:] -= 2 * np.outer(v, v @ left[k:])
        whole[:, k:] -= 2 * np.outer(whole[:, k:] @ v, v)
    return whole * np.sign(np.diagonal(left))


@pytest.mark.skipif(bool(np.finfo(np.longdouble).eps > 1e-18), reason="no precision beyond float64 here")
@pytest.mark.parametrize("d", [2, 9, 64, 150])
def test_rounding_moves_a_rotation_by_far_less_than_the_proof_allows(d: int) -> None:
    drawn = np.random.default_rng(4).standard_normal((d, d))
    moved = (sphere.rotation(d, 4) - exact_factor(drawn)).astype(float)
    assert np.linalg.norm(moved, 2) < 1e-3 * signs.MOVED


def test_a_matrix_that_rounding_would_turn_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        def __init__(self) -> None:
            self.left = [np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]]), np.array([[0.0, -1.0], [1.0, 0.0]])]

        def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
            return self.left.pop(0)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Stub())
    assert sphere.rotation(2, 1).tolist() == [[0.0, -1.0], [1.0, 0.0]]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_bad_input_is_refused() -> None:
    rows: Floats = units("normal", 4, 8, 1)
    made = signs.encode_signs(rows, sphere.rotation(8, 1))
    for wrong in (0, 99, -5, 1_000_001):
        with pytest.raises(BadInput, match="millionths"):
            signs.asked(made, rows[0], wrong, 0.5)
    with pytest.raises(BadInput, match="turned"):
        signs.encode_signs(rows, np.eye(9))
    with pytest.raises(BadInput, match="unit length"):
        signs.encode_signs(rows * 2, np.eye(8))
    with pytest.raises(BadInput, match="1 blocks, none from 0 to 2"):
        signs.scan_signs(made, (0, 2), signs.asked(made, rows[0], 500_000, 0.5))
    wide = signs.encode_signs(units("normal", 2, 40, 1), sphere.rotation(40, 1))
    with pytest.raises(BadInput, match="other than 8 elements"):
        signs.scan_signs(made, (0, 1), signs.asked(wide, units("normal", 1, 40, 2)[0], 500_000, 0.5))
    with pytest.raises(BadInput, match="2 to 4096"):
        sphere.rotation(1, 1)


def test_no_rows_and_no_blocks() -> None:
    none = signs.encode_signs(np.empty((0, 8), np.float32), np.eye(8))
    assert (none.blocks, len(none.data)) == (0, 0)
    empty: Scores = signs.scan_signs(none, (0, 0), signs.asked(none, np.eye(1, 8, dtype=np.float32)[0], 500_000, 0.5))
    assert empty.tolist() == []
