"""The bound in exact fractions: what the proof in `ext/README.md` demands, and what every path makes of it.

The twin's numbers are held to the proof's inequalities; every path is held to the proof's limits on vectors for which
the bound is the score itself, in steps of a quarter of a millionth.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import floor, isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import Floats
from matcher.kernels import reference_codes as twin
from matcher.kernels.choice import available, kernels_of
from matcher.kernels.codes import SURVIVOR, empty_codes
from tests.kernels.test_codes import four_squares, units
from tests.kernels.vectors import KINDS

PATHS = available()
SEEDS = st.integers(0, 2**32)
MILLIONTH = Fraction(1, 1_000_000)
R = 1 + MILLIONTH
ROUNDING = Fraction(1, 2**19)
U = Fraction(1, 2**24)
FLOAT64 = Fraction(1, 2**49)  # roundings of float64 in one line of numbers up to 2


def root(square: Fraction) -> Fraction:
    """A square root, at most 2^-99 too small."""
    return Fraction(isqrt(square.numerator * 4**100 // square.denominator), 2**100)


def told_loss(values: Floats, query: twin._Query, bits: int) -> tuple[Fraction, Fraction]:
    """D and a of one query, exactly."""
    a = Fraction(query.unit)
    step = a / Fraction(twin.SCALE_UNIT[bits])
    rests = [Fraction(float(v)) - step * int(c) for v, c in zip(values, query.codes, strict=True)]
    return root(sum((rest * rest for rest in rests), Fraction(0))), a


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 90), SEEDS, st.sampled_from([4, 8]), st.integers(-999_999, 1_000_000))
def test_the_numbers_of_a_query_are_on_the_safe_side(kind: str, d: int, seed: int, bits: int, score: int) -> None:
    values = units(kind, 1, d, seed)[0]
    query = twin._quantised(values, bits)
    lost, a = told_loss(values, query, bits)
    length = R + lost
    rest = R * lost + ROUNDING * length
    assert np.abs(query.codes).max() == 127
    assert -FLOAT64 <= Fraction(query.rest) - rest <= Fraction(1, 2**39)
    weight = length / 2**15 / a
    assert -FLOAT64 * weight <= Fraction(float(query.weight)) - weight <= weight / 2**22
    for reached in (score, 0, 1, -1_000_000):
        limit = ((reached - Fraction(1, 2)) * MILLIONTH - rest) / a
        assert -abs(limit) / 2**22 <= Fraction(float(twin._limit(query, reached))) - limit <= FLOAT64 / a
    # The score of a row whose exact sum is below -1 is raised to -10^6, so it belongs where that is the floor.
    least = Fraction(float(twin._limit(query, -1_000_000))) * a
    assert least <= -R - R * lost - 14 * U * length
    # Step 7: two rows as good as each other are up to 1.5 millionths apart, and each may be 14 u off.
    assert Fraction(float(twin._gap(query))) * a >= 2 * (R * lost + 14 * U * length) + Fraction(3, 2) * MILLIONTH


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 90), SEEDS, st.sampled_from([4, 8]))
def test_a_loss_is_stated_in_full(kind: str, d: int, seed: int, bits: int) -> None:
    values = units(kind, 1, d, seed)
    true, told = losses(values, bits)
    assert true <= told * told


def losses(row: Floats, bits: int) -> tuple[Fraction, Fraction]:
    """The square of what a row's codes lost, exactly, and what its facts say that was lost."""
    data = empty_codes(1, row.shape[1], bits)
    kernels_of("serial").encode(row, bits, data)
    part = twin._Part((data, 1, bits), (0, 1), row.shape[1])
    scale = Fraction(float(part.scales[0])) * Fraction(twin.SCALE_UNIT[bits])
    rests = [Fraction(float(v)) - scale * int(c) for v, c in zip(row[0], part.codes[0], strict=True)]
    return sum((rest * rest for rest in rests), Fraction(0)), Fraction(float(part.losses[0])) / 2**15


def test_a_loss_that_float64_takes_for_a_whole_number_of_units_is_rounded_up() -> None:
    """Element 1 loses 2^-15 times a whole number, and element 2 so little that the sum of squares does not change."""
    for whole in range(1, 4096):
        left = 255 - round(whole**2 / 2**16)  # in squares of a step of 2^-7
        unit = abs(whole**2 - (255 - left) * 2**16) < 1000
        if unit and 0 < whole % 256 < 128 and left >= 0 and (four := four_squares(left)):
            row = np.array([[127 / 128, whole / 2**15, 2.0**-50, *(root / 128 for root in four)]], np.float32)
            true, told = losses(row, 8)
            assert Fraction(whole % 256, 2**15) ** 2 < true <= told * told
            return
    raise AssertionError("no such row")


# --- rows in steps of 2^-22 -------------------------------------------------------------------------------------------

STEPS = 40
D = 780


@dataclass(frozen=True)
class Ladder:
    """A query, and rows whose exact inner products with it fall by 2^-22 from each to the next; codes lose nothing."""

    query: Floats
    rows: Floats
    sums: list[int]
    codes: np.ndarray

    def exact(self, row: int) -> Fraction:
        return Fraction(self.sums[row], 2**22)


def whole_numbers(rng: np.random.Generator) -> np.ndarray:
    """Up to 127 (reached), their squares adding up to 4^11: 2^-11 times them has length 1."""
    while True:
        whole = rng.integers(-127, 128, D - 5)
        left = 4**11 - 127**2 - int((whole**2).sum())
        if 0 <= left < 4 * 127**2 and (four := four_squares(left)):
            return np.array([127, *whole, *four])


@cache
def ladder(seed: int) -> Ladder:
    rng = np.random.default_rng(seed)
    query = whole_numbers(rng)
    top = query.copy()
    moved = rng.permutation(D)[: D // 3]
    top[moved] = top[rng.permutation(moved)]  # an inner product of about 2/3
    change = (top[:, np.newaxis] - top) * (query - query[:, np.newaxis])  # by swapping two elements
    rows = [top]
    for step in range(1, STEPS):
        one, other = np.argwhere(change == -step)[0]
        row = top.copy()
        row[[one, other]] = row[[other, one]]
        rows.append(row)
    sums = [int(row @ query) for row in rows]
    assert sums == list(range(sums[0], sums[0] - STEPS, -1))
    rows_, query_ = (np.array(one, np.float32) * np.float32(2.0**-11) for one in (rows, [query]))
    codes = empty_codes(STEPS, D, 8)
    kernels_of("serial").encode(rows_, 8, codes)
    return Ladder(query_, rows_, sums, codes)


A = Fraction(1, 2**33)  # what 1 in a sum times a scale is worth here: steps of 2^-11, and 2^-22
REST = ROUNDING * R
HALF = MILLIONTH / 2


def floored(value: Fraction) -> Fraction:
    """The largest float32 that is not above."""
    near = np.float32(float(value))
    return Fraction(float(near if Fraction(float(near)) <= value else np.nextafter(near, np.float32(-np.inf))))


def limit(score: int) -> Fraction:
    return A * floored(((score - Fraction(1, 2)) * MILLIONTH - REST) / A)


def next_above(exact: Fraction) -> Fraction:
    return A * Fraction(float(np.nextafter(np.float32(float(exact / A)), np.float32(np.inf))))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_row_stays_exactly_down_to_its_limit(path: str, seed: int) -> None:
    rungs = ladder(seed)
    scores = kernels.canonical_scores(rungs.query, rungs.rows)[0]
    for threshold in range(int(scores[-1]) - 2, int(scores[0]) + 5):
        found = kernels_of(path).scan_threshold((rungs.codes, STEPS, 8), (0, 3), rungs.query, threshold)
        kept = {row: at_most for _, row, _, at_most in np.frombuffer(found, SURVIVOR).tolist()}
        assert set(kept) == {row for row in range(STEPS) if rungs.exact(row) >= limit(threshold)}
        assert set(np.flatnonzero(scores >= threshold)) <= set(kept)
        for row, at_most in kept.items():
            assert at_most == floor((next_above(rungs.exact(row)) + REST + HALF) / MILLIONTH) + 1
            assert at_most >= threshold


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("known", [-np.inf, -2_000_000.0, -4.0, 0.0, 3.0])  # a floor, against the k-th best score
@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_best_stay_exactly_down_to_the_gap(path: str, seed: int, known: float, k: int) -> None:
    rungs = ladder(seed)
    scores = kernels.canonical_scores(rungs.query, rungs.rows)[0]
    order = np.random.default_rng(k).permutation(STEPS)
    codes = empty_codes(STEPS, D, 8)
    kernels_of("serial").encode(rungs.rows[order], 8, codes)
    floors = np.array([known + scores[k - 1]])
    found = kernels_of(path).scan_top((codes, STEPS, 8), (0, 3), rungs.query, k, floors)
    kept = {int(order[row]) for _, row, *_ in np.frombuffer(found, SURVIVOR).tolist()}
    told = None if np.isinf(known) else limit(int(known + scores[k - 1]))
    reached = [row for row in range(STEPS) if told is None or rungs.exact(row) >= told]
    learnt = rungs.exact(k - 1)  # bounds are scores here, so that the k-th lower bound is that of the k-th best row
    gap = -A * floored(-2 * (REST + HALF) / A)
    assert kept == {row for row in reached if rungs.exact(row) >= A * floored((learnt - gap) / A)}
    assert floors[0] == max(known + float(scores[k - 1]), floor((learnt - REST) / MILLIONTH) - 1)
    if known <= 0:
        assert set(np.flatnonzero(scores >= scores[k - 1])) <= kept
