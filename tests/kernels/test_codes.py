"""Screening loses no row that belongs in an answer, and every path keeps the same rows as the twin, bit for bit."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.kernels import codes as screening
from matcher.kernels import reference_codes
from matcher.kernels.choice import Kernels, available, kernels_of
from matcher.kernels.codes import SURVIVOR, Bits, CodeSet, code_bytes, empty_codes, encode
from tests.kernels.vectors import DIMENSIONS, KINDS, hard

PATHS = [path for path in available() if path != "python"]
BITS = get_args(Bits)
SEEDS = st.integers(0, 2**32)
Kept = list[tuple[int, int, float, int]]


def units(kind: str, n: int, d: int, seed: int) -> Floats:
    return kernels.normalise(hard(kind, n, d, seed))


def coded(path: Kernels, rows: Floats, bits: int) -> np.ndarray:
    data = empty_codes(len(rows), rows.shape[1], bits)
    path.encode(rows, bits, data)
    return data


def kept(path: Kernels, data: np.ndarray, rows: Floats, bits: int, queries: Floats, threshold: int) -> Kept:
    found = path.scan_threshold((data, len(rows), bits), (0, -(-len(rows) // 16)), queries, threshold)
    return sorted(np.frombuffer(found, SURVIVOR).tolist())


def best(path: Kernels, data: np.ndarray, rows: Floats, bits: int, queries: Floats, k: int) -> tuple[Kept, list[float]]:
    floors = np.full(len(queries), -np.inf)
    found = path.scan_top((data, len(rows), bits), (0, -(-len(rows) // 16)), queries, k, floors)
    return sorted(np.frombuffer(found, SURVIVOR).tolist()), floors.tolist()


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), DIMENSIONS, SEEDS,
    st.integers(1, 70), st.integers(1, 9), st.sampled_from(BITS),
)  # fmt: skip
def test_every_path_is_the_twin_and_loses_nothing(
    path: str, kinds: tuple[str, str], d: int, seed: int, n: int, m: int, bits: int
) -> None:
    rows, queries = units(kinds[0], n, d, seed), units(kinds[1], m, d, seed + 1)
    truth = kernels.canonical_scores(queries, rows)
    rng = np.random.default_rng(seed)
    threshold = int(truth.flat[rng.integers(truth.size)]) if seed % 3 else int(rng.integers(-1_000_000, 1_000_001))
    fast, twin = kernels_of(path), kernels_of("python")
    data = coded(fast, rows, bits)
    assert data.tobytes() == coded(twin, rows, bits).tobytes()
    found = kept(fast, data, rows, bits, queries, threshold)
    assert found == kept(twin, data, rows, bits, queries, threshold)
    assert set(zip(*np.nonzero(truth >= threshold), strict=True)) <= {(query, row) for query, row, *_ in found}
    assert all(truth[query, row] <= at_most <= 1_000_000 for query, row, _, at_most in found)
    k = int(rng.integers(1, 6))
    top, floors = best(fast, data, rows, bits, queries, k)
    assert (top, floors) == best(twin, data, rows, bits, queries, k)
    for query in range(m):
        least = np.sort(truth[query])[::-1][min(k, n) - 1]
        assert set(np.flatnonzero(truth[query] >= least)) <= {row for asked, row, *_ in top if asked == query}
        assert floors[query] <= least


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), st.sampled_from([1, 7, 24, 128]), SEEDS,
    st.integers(1, 200), st.integers(1, 14), st.sampled_from(BITS),
)  # fmt: skip
def test_what_is_known_of_the_best_narrows_a_scan_and_loses_nothing(
    path: str, kinds: tuple[str, str], d: int, seed: int, n: int, m: int, bits: int
) -> None:
    """A part of the rows is scanned with what the others may have told: floors that the k-th best of all reaches."""
    rows, queries = units(kinds[0], n, d, seed), units(kinds[1], m, d, seed + 1)
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 6))
    truth = kernels.canonical_scores(queries, rows)
    least = np.sort(truth, axis=1)[:, ::-1][:, min(k, n) - 1].astype(float)
    known = np.where(rng.random(m) < 0.2, -np.inf, least - rng.choice([0.0, 1.0, 1e5, 3e6], m))
    blocks = -(-n // 16)
    span = (int(rng.integers(0, blocks)), blocks)
    data = coded(kernels_of("serial"), rows, bits)

    def scanned(path: str) -> tuple[Kept, list[float]]:
        floors = known.copy()
        found = kernels_of(path).scan_top((data, n, bits), span, queries, k, floors)
        return sorted(np.frombuffer(found, SURVIVOR).tolist()), floors.tolist()

    found, floors = scanned(path)
    assert (found, floors) == scanned("python")
    wanted = {(int(query), int(row)) for query, row in zip(*np.nonzero(truth >= least[:, np.newaxis]), strict=True)}
    assert {(query, row) for query, row in wanted if row >= 16 * span[0]} <= {(query, row) for query, row, *_ in found}
    assert all(truth[query, row] <= at_most and known[query] <= at_most for query, row, _, at_most in found)
    assert (known <= floors).all()
    assert (floors <= least).all()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("d", [128, 4096])
def test_the_largest_sums_fit(path: str, bits: int, d: int) -> None:
    """All codes of a query are 127, and as many of a row as can be are 15 above the least; more lines of 4 bits than
    AVX2 adds up in 16 bits would wrap.
    """
    whole = np.repeat([7, 1], [d - 8, 8]).astype(np.float32)
    rows = kernels.normalise(np.stack([whole, -whole, np.ones(d, np.float32), -np.ones(d, np.float32)]))
    for query in (np.ones(d, np.float32), -np.ones(d, np.float32)):
        for m in (1, 9):  # streaming and in tiles
            queries = kernels.normalise(np.repeat(query[np.newaxis], m, axis=0))
            data = coded(kernels_of("serial"), rows, bits)
            found = kept(kernels_of(path), data, rows, bits, queries, 900_000)
            assert found == kept(kernels_of("python"), data, rows, bits, queries, 900_000)
            assert len(found) == 2 * m


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("m", [3, 14])
def test_many_queries_pass_over_many_chunks(path: str, bits: int, m: int) -> None:
    rows, queries = units("normal", 1500, 256, 1), units("normal", m, 256, 2)
    data = coded(kernels_of("serial"), rows, bits)
    for threshold in (100_000, 999_999):
        found = kept(kernels_of(path), data, rows, bits, queries, threshold)
        assert found == kept(kernels_of("python"), data, rows, bits, queries, threshold)
    assert best(kernels_of(path), data, rows, bits, queries, 5) == best(
        kernels_of("python"), data, rows, bits, queries, 5
    )


def four_squares(total: int, most: int = 127) -> list[int] | None:
    """Lagrange's theorem, by looking, with roots up to `most`."""
    for a in range(min(most, int((total / 2) ** 0.5)), -1, -1):
        for b in range(min(most, int((total - a * a) ** 0.5)), -1, -1):
            rest = total - a * a - b * b
            if rest > 2 * most * most:
                break
            for c in range(min(most, int(rest**0.5)), -1, -1):
                left = int((rest - c * c) ** 0.5 + 0.5)
                if left > most:
                    break
                if left * left == rest - c * c:
                    return [a, b, c, left]
    return None


def on_the_grid(d: int, power: int, most: int, rng: np.random.Generator) -> Floats:
    """A unit vector whose elements are whole numbers up to `most` (reached) times 2^-power: codes that lose nothing."""
    while True:
        whole = rng.integers(-most // 3, most // 3 + 1, d - 5)
        left = 4**power - most**2 - int((whole**2).sum())
        if left >= 0 and (four := four_squares(left)):
            return (np.array([most, *whole, *four]) * 2.0**-power).astype(np.float32)


def near_the_grid(d: int, rng: np.random.Generator) -> Floats:
    """As `on_the_grid`, with a scale that is no power of two, so that float32 has to round the product with it."""
    while True:
        scale = int(rng.integers(12_000, 30_000)) | 1
        square = (2**22 / scale) ** 2
        if abs(square - round(square)) > 5e-7 * square:
            continue
        whole = rng.integers(-30, 31, d - 5)
        left = round(square) - 127**2 - int((whole**2).sum())
        if left >= 0 and (four := four_squares(left)):
            return (np.array([127, *whole, *four]) * scale * 2.0**-22).astype(np.float32)


def lost_rows(pairs: Iterable[tuple[Floats, Floats]]) -> int:
    """How many rows the twin loses at their own score."""
    twin, lost = kernels_of("python"), 0
    for row, query in pairs:
        rows, queries = row[np.newaxis], query[np.newaxis]
        score = int(kernels.canonical_scores(queries, rows)[0, 0])
        lost += not kept(twin, coded(twin, rows, 8), rows, 8, queries, score)
    return lost


def edge_pairs(kind: str) -> Iterator[tuple[Floats, Floats]]:
    rng = np.random.default_rng(4)
    for _ in range(400):
        if kind == "grid":
            yield on_the_grid(24, 8, 127, rng), on_the_grid(24, 8, 127, rng)
        elif kind == "near grid":
            yield near_the_grid(24, rng), on_the_grid(24, 8, 127, rng)
        elif kind == "row off the grid":  # the query points where the row's codes lost something
            row = units("normal", 1, 24, int(rng.integers(2**32)))
            rest = row[0] - decoded(encode(row, 8).data, 24, 8)
            yield row[0], kernels.normalise((rest + np.float32(0.001) * row[0])[np.newaxis])[0]
        else:  # "query off the grid": the row points where the query's integers lost something
            query = units("normal", 1, 24, int(rng.integers(2**32)))[0]
            step = float(np.abs(query).max()) / 127
            rest = query - step * np.rint(query / step)
            yield kernels.normalise((rest * 30 + query).astype(np.float32)[np.newaxis])[0], query


def without(part: str) -> Callable[..., object]:
    """The twin's query with a term of the bound left out."""
    whole = reference_codes._quantised

    def mutated(values: Floats, bits: int) -> object:
        query = whole(values, bits)
        if part == "loss":
            return replace(query, weight=np.float32(0))
        return replace(query, rest=reference_codes.ROUNDING)

    return mutated


NO_ROUNDING = (("HALF_MILLIONTH", 0.0), ("ROUNDING", 0.0))  # either alone is hidden by the slack of the other
TERMS = {
    "rounding, on the grid": ("grid", NO_ROUNDING),
    "rounding, near the grid": ("near grid", NO_ROUNDING),
    "what a row lost": ("row off the grid", (("_quantised", without("loss")),)),
    "what a query lost": ("query off the grid", (("_quantised", without("rest")),)),
}


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_the_bound_is_needed(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths equal the twin bit for bit, so a term that is left out anywhere is noticed: there as a difference, here."""
    kind, changes = TERMS[term]
    assert lost_rows(edge_pairs(kind)) == 0
    for name, instead in changes:
        monkeypatch.setattr(reference_codes, name, instead)
    assert lost_rows(edge_pairs(kind)) > 0


@pytest.mark.parametrize("path", [*PATHS, "python"])
def test_at_the_very_edge_of_the_bound_nothing_is_lost(path: str) -> None:
    """Where codes lose nothing the bound is the score itself: each term that is left out loses a row here."""
    fast, rng, edges = kernels_of(path), np.random.default_rng(1), 0
    for _ in range(150):
        row, query = on_the_grid(40, 8, 127, rng), on_the_grid(40, 8, 127, rng)
        rows, queries = row[np.newaxis], query[np.newaxis]
        score = int(kernels.canonical_scores(queries, rows)[0, 0])
        exact = float(row.astype(np.float64) @ query.astype(np.float64)) * 1e6
        edges += score - exact > 0.4  # rounded up: without half a millionth this row is lost
        assert kept(fast, coded(fast, rows, 8), rows, 8, queries, score)
    assert edges > 3


@pytest.mark.parametrize("path", [*PATHS, "python"])
@pytest.mark.parametrize("bits", BITS)
def test_rows_that_lie_as_far_out_as_the_bound_allows(path: str, bits: int) -> None:
    """What the codes of a row lost, and what those of a query lost, point where it counts most."""
    fast, rng, tight = kernels_of(path), np.random.default_rng(2), 0
    for _ in range(60):
        row = kernels.normalise(rng.standard_normal((1, 24)).astype(np.float32))
        data = coded(fast, row, bits)
        lost = row[0] - decoded(data, 24, bits)
        for query in (lost, -lost, lost + 0.05 * row[0]):
            queries = kernels.normalise(query[np.newaxis].astype(np.float32))
            score = int(kernels.canonical_scores(queries, row)[0, 0])
            found = kept(fast, data, row, bits, queries, score)
            assert found
            tight += not kept(fast, data, row, bits, queries, score + 20_000)
    assert tight > 20  # the bound is not so loose that anything would pass


def decoded(data: np.ndarray, d: int, bits: int) -> Floats:
    """The first row as its codes have it."""
    from matcher.kernels.reference_codes import SCALE_UNIT, _Part

    part = _Part((data, 1, bits), (0, 1), d)
    return (part.codes[0] * part.scales[0] * SCALE_UNIT[bits]).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), DIMENSIONS, SEEDS, st.sampled_from(BITS))
def test_a_loss_is_at_least_what_was_lost_and_not_much_more(kind: str, d: int, seed: int, bits: int) -> None:
    from matcher.kernels.reference_codes import LOSS_UNIT, _Part

    row = units(kind, 1, d, seed)
    data = encode(row, bits).data
    true = float(np.linalg.norm(row[0].astype(np.float64) - decoded(data, d, bits).astype(np.float64)))
    told = float(_Part((data, 1, bits), (0, 1), d).losses[0]) * LOSS_UNIT
    assert true - 1e-9 <= told <= true + 1.001 * LOSS_UNIT + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([8, 33, 128]), SEEDS, st.integers(1, 5), st.sampled_from(BITS))
def test_a_set_can_be_scanned_in_parts(n: int, d: int, seed: int, parts: int, bits: int) -> None:
    rows, queries = units("normal", n, d, seed), units("normal", 3, d, seed + 1)
    made = encode(rows, bits)
    whole = screening.scan_threshold(made, (0, made.blocks), queries, 150_000)
    edges = sorted({made.blocks * i // parts for i in range(parts + 1)})
    split = [screening.scan_threshold(made, span, queries, 150_000) for span in pairwise(edges)]
    one = sorted(zip(whole.queries.tolist(), whole.rows.tolist(), strict=True))
    assert one == sorted(pair for part in split for pair in zip(part.queries.tolist(), part.rows.tolist(), strict=True))


@pytest.mark.parametrize("bits", BITS)
def test_what_a_row_scores_at_most_is_near_what_it_scores(bits: int) -> None:
    rows, queries = units("normal", 400, 128, 1), units("normal", 4, 128, 2)
    found = screening.scan_threshold(encode(rows, bits), (0, 25), queries, -1_000_000)
    scores = kernels.canonical_scores(queries, rows)[found.queries, found.rows]
    excess = found.at_most - scores
    assert len(found) == 1600
    assert excess.min() >= 0
    assert excess.max() < (200_000 if bits == 4 else 40_000)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 900), st.sampled_from([3, 40]), st.integers(1, 9), st.sampled_from(BITS))
def test_codes_do_not_depend_on_threads(n: int, d: int, threads: int, bits: int) -> None:
    rows = np.ascontiguousarray(units("normal", max(n, 1), d, n)[:n])
    assert encode(rows, bits, threads).data.tobytes() == encode(rows, bits, 1).data.tobytes()


def test_screening_leaves_little_to_score() -> None:
    rows, queries = units("normal", 20_000, 128, 1), units("normal", 4, 128, 2)
    for bits, share in ((4, 0.02), (8, 0.0005)):
        made = encode(rows, bits)
        found = screening.scan_threshold(made, (0, made.blocks), queries, 300_000)
        assert len(found) <= share * rows.size / 128 * 4


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17])
def test_sizes(n: int) -> None:
    rows = units("normal", max(n, 1), 9, 3)[:n]
    for bits in BITS:
        made = encode(np.ascontiguousarray(rows), bits)
        assert (made.count, made.blocks, len(made.data)) == (n, -(-n // 16), code_bytes(n, 9, bits))
        found = screening.scan_threshold(made, (0, made.blocks), units("normal", 2, 9, 4), -1_000_000)
        assert len(found) == 2 * n


def test_what_is_no_code_set_is_refused() -> None:
    rows = units("normal", 20, 16, 5)
    made = encode(rows, 4)
    with pytest.raises(BadInput, match="bytes"):
        CodeSet(4, 21 + 16, 16, made.data)
    shifted = np.empty(len(made.data) + 1, np.uint8)[1:]
    with pytest.raises(BadInput, match="multiple of 64"):
        CodeSet(4, 20, 16, shifted)
    with pytest.raises(BadInput, match="unit length"):
        encode(rows * 2, 8)
    with pytest.raises(BadInput, match="4096"):
        encode(np.eye(1, 5000, dtype=np.float32), 8)
