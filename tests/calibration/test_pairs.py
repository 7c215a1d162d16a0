import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.calibration.pairs import FoundPairs, between_owners, pairs_reaching


def people(count: int, owners: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    rows = kernels.normalise(draw.standard_normal((count, 4)).astype(np.float32))
    return rows, draw.integers(0, owners, count).astype(np.int32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30), st.integers(1, 8), st.integers(-900_000, 999_999), st.integers(0, 50))
def test_every_pair_of_different_people_is_found_once(count: int, owners: int, threshold: int, seed: int) -> None:
    rows, owner = people(count, owners, seed)
    found = pairs_reaching(rows, owner, threshold)
    scores = kernels.canonical_scores(rows, rows)
    expected = {
        (i, j, int(scores[i, j]))
        for i in range(count)
        for j in range(i + 1, count)
        if owner[i] != owner[j] and scores[i, j] >= threshold
    }
    assert found is not None
    met = list(zip(found.one.tolist(), found.other.tolist(), found.scores.tolist(), strict=True))
    assert set(met) == expected
    assert met == sorted(met)


def test_a_threshold_that_too_many_pass_finds_nothing_rather_than_everything() -> None:
    rows, owner = people(10, 1000, 1)
    every = pairs_reaching(rows, owner, -1_000_000, most=45)
    assert every is not None
    assert len(every) == 45
    assert pairs_reaching(rows, owner, -1_000_000, most=44) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 50)), max_size=40))
def test_the_best_pair_of_each_two_people_is_kept(found: list[tuple[int, int, int]]) -> None:
    owner = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], np.int32)
    of_two = [(a, b, s) for a, b, s in found if owner[a] != owner[b]]
    one, other, scores = np.array(of_two, np.int32).reshape(-1, 3).T
    best: dict[tuple[int, int], int] = {}
    for a, b, score in of_two:
        ends = min(owner[a], owner[b]), max(owner[a], owner[b])
        best[ends] = max(best.get(ends, -1), score)
    kept = between_owners(FoundPairs(one, other, scores), owner)
    assert list(zip(kept.one.tolist(), kept.other.tolist(), strict=True)) == sorted(best)
    assert kept.scores.tolist() == [best[ends] for ends in sorted(best)]
