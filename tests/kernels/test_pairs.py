"""All comparisons, counted and listed: every path is the twin, and nothing but the pairs matters."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.template import MILLION, Floats, Scores
from matcher.errors import BadInput
from matcher.kernels import pairs
from matcher.kernels.choice import available, kernels_of
from matcher.kernels.pairs import PairCounts, pair_counts, pairs_reaching
from matcher.kernels.threads import pair_spans
from tests.kernels.vectors import DIMENSIONS, KINDS, hard

PATHS = [path for path in available() if path != "python"]
SEEDS = st.integers(0, 2**32)
Case = tuple[Floats, Scores, Scores]


def case_of(kind: str, n: int, d: int, seed: int) -> Case:
    """Unit rows, owners of one to a few rows, groups."""
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, max(1, n // 2), n).astype(np.int32)
    return kernels.normalise(hard(kind, n, d, seed)), owner, rng.integers(0, 4, n).astype(np.int32)


def by_hand(rows: Floats, owner: Scores) -> list[tuple[int, int, int]]:
    scores = kernels.canonical_scores(rows, rows)
    return [(i, j, int(scores[i, j])) for i, j in combinations(range(len(rows)), 2) if owner[i] != owner[j]]


def listed(rows: Floats, owner: Scores, threshold: int, threads: int | None = None) -> list[tuple[int, int, int]]:
    found = pairs_reaching(rows, owner, threshold, threads=threads)
    return list(zip(found.first.tolist(), found.second.tolist(), found.score.tolist(), strict=True))


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(2, 60), DIMENSIONS, SEEDS, st.sampled_from([1_000, 40_000, 2_000_000]))
def test_every_path_is_the_twin(path: str, kind: str, n: int, d: int, seed: int, width: int) -> None:
    rows, owner, group = case_of(kind, n, d, seed)
    fast, twin = kernels_of(path), kernels_of("python")
    first, end = sorted(np.random.default_rng(seed).integers(0, n + 1, 2).tolist())
    mine, theirs = np.zeros((10, 2_000_000 // width), np.int64), np.zeros((10, 2_000_000 // width), np.int64)
    fast.pair_counts(rows, (owner, group), (first, end), width, mine)
    twin.pair_counts(rows, (owner, group), (first, end), width, theirs)
    np.testing.assert_array_equal(mine, theirs)
    for threshold in (-MILLION, 0, 500_000, MILLION):
        found = np.frombuffer(fast.pairs_reaching(rows, owner, (first, end), threshold), np.int32).reshape(-1, 3)
        expected = np.frombuffer(twin.pairs_reaching(rows, owner, (first, end), threshold), np.int32).reshape(-1, 3)
        assert sorted(found.tolist()) == sorted(expected.tolist())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 40), DIMENSIONS, SEEDS, st.integers(1, 5))
def test_counts_and_list_are_the_pairs_one_by_one(kind: str, n: int, d: int, seed: int, threads: int) -> None:
    rows, owner, group = case_of(kind, max(1, n), d, seed)
    rows, owner, group = rows[:n], owner[:n], group[:n]
    truth = by_hand(rows, owner)
    threshold = truth[seed % len(truth)][2] if truth else 0
    assert listed(rows, owner, threshold, threads) == [pair for pair in truth if pair[2] >= threshold]
    counted = pair_counts(rows, owner, group, width=1_000, threads=threads)
    expected = Counter(
        (*sorted((int(group[i]), int(group[j]))), min((score + MILLION) // 1_000, 1_999)) for i, j, score in truth
    )
    found = {
        (low, high, bin_): int(counted.of(high, low)[bin_])
        for high in range(int(group.max(initial=-1)) + 1)
        for low in range(high + 1)
        for bin_ in np.flatnonzero(counted.of(low, high)).tolist()
    }
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(2, 40), SEEDS)
def test_the_order_of_rows_does_not_matter(kind: str, n: int, seed: int) -> None:
    rows, owner, group = case_of(kind, n, 24, seed)
    order = np.random.default_rng(seed).permutation(n)
    np.testing.assert_array_equal(
        pair_counts(rows[order], owner[order], group[order]).counts, pair_counts(rows, owner, group).counts
    )
    moved = {
        (*sorted((int(order[i]), int(order[j]))), score) for i, j, score in listed(rows[order], owner[order], 100_000)
    }
    assert moved == set(listed(rows, owner, 100_000))


def test_equal_and_opposite_vectors_are_in_the_outermost_bins() -> None:
    rows = np.array([[1, 0], [1, 0], [-1, 0]], np.float32)
    counted = pair_counts(rows, np.arange(3, dtype=np.int32), np.array([0, 0, 1], np.int32))
    assert np.flatnonzero(counted.of(0, 0)).tolist() == [1_999]
    assert np.flatnonzero(counted.of(1, 0)).tolist() == [0]
    assert counted.of(0, 1)[0] == 2
    assert counted.reaching(0, 0, 999_000) == 1
    assert counted.reaching(0, 1, -999_000) == 0
    assert counted.reaching(0, 1, -1_000_000) == 2


@pytest.mark.parametrize("threshold", [-1_000_001, -1_000_000 - 1_000, 500, 1_000_000])
def test_a_threshold_inside_a_bin_cannot_be_counted_at(threshold: int) -> None:
    counted = PairCounts(1_000, np.zeros((1, 2_000), np.int64))
    with pytest.raises(BadInput, match="not the lower edge of a bin"):
        counted.reaching(0, 0, threshold)


@settings(max_examples=60)
@given(st.integers(2, 10_000), st.integers(1, 64))
def test_spans_hold_every_row_once_and_about_as_many_pairs(count: int, parts: int) -> None:
    spans = pair_spans(count, parts)
    assert [row for span in spans for row in range(*span)] == list(range(count))
    work = [sum(count - 1 - row for row in range(*span)) for span in spans]
    assert max(work) <= count * (count - 1) / 2 / parts + count  # to within a row


def test_what_cannot_be_compared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, owner = np.eye(3, 5, dtype=np.float32), np.arange(3, dtype=np.int32)
    with pytest.raises(BadInput, match="unit length"):
        pairs_reaching(rows * np.float32(2), owner, 0)
    with pytest.raises(BadInput, match="owner must have 3 elements"):
        pairs_reaching(rows, owner[:2], 0)
    with pytest.raises(BadInput, match="between"):
        pairs_reaching(rows, owner, MILLION + 1)
    with pytest.raises(BadInput, match="group must not go below 0"):
        pair_counts(rows, owner, owner - 1)
    with pytest.raises(BadInput, match="divisor"):
        pair_counts(rows, owner, owner, width=1_001)
    monkeypatch.setattr(pairs, "MOST_COUNTS", 6 * 2_000 - 1)
    with pytest.raises(BadInput, match="3 groups need too many bins"):
        pair_counts(rows, owner, owner)


def test_nobody_and_one_person_have_no_pairs() -> None:
    none = np.empty((0, 4), np.float32)
    assert len(pairs_reaching(none, np.empty(0, np.int32), -MILLION)) == 0
    assert pair_counts(none, *[np.empty(0, np.int32)] * 2).counts.shape == (0, 2_000)
    same = np.eye(3, 5, dtype=np.float32)
    assert len(pairs_reaching(same, np.full(3, 7, np.int32), -MILLION)) == 0
    assert pair_counts(same, np.full(3, 7, np.int32), np.zeros(3, np.int32)).counts.sum() == 0
