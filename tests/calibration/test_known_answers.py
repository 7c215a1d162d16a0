"""Which faces make a known-answer item."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.calibration.known_answers import Faces, Limits, mated_pairing, nonmated_pairing
from matcher.domain.template import Floats
from matcher.kernels import normalise


def faces(people: int, seed: int, spread: float = 0.3) -> Faces:
    """Two pictures of each person, of the last only one."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((people, 8)).astype(np.float32)
    shots = np.concatenate([base, base + spread * rng.standard_normal((people, 8)).astype(np.float32)])[:-1]
    owner = np.concatenate([np.arange(people), np.arange(people)])[:-1].astype(np.int32)
    return Faces(normalise(np.ascontiguousarray(shots)), owner)


def best(found: Faces, one: int, other: int) -> int:
    def rows(person: int) -> Floats:
        return np.ascontiguousarray(found.templates[found.rows_of(person)])

    return int(kernels.canonical_scores(rows(one), rows(other)).max())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 25), st.integers(1, 4), st.integers(600_000, 990_000))
def test_nobody_in_doubt_is_shown_and_the_answer_is_true(seed: int, people: int, size: int, median: int) -> None:
    found, limits = faces(people, seed), Limits(median, 700_000, size)
    drawn = list(range(people))
    for make in (mated_pairing, nonmated_pairing):
        pairing = make(found, drawn, limits)
        if pairing is None:
            continue
        person = int(found.owner[pairing.probe])
        shown = [one for one, _ in pairing.candidates]
        assert (person in shown) == pairing.mated
        assert len(set(shown)) == len(shown) <= size
        scores = [score for _, score in pairing.candidates]
        assert scores == sorted(scores, reverse=True)
        for one in {person, *shown}:
            assert all(best(found, one, other) < median for other in range(people) if other != one)
        if pairing.mated:
            assert dict(pairing.candidates)[person] >= limits.tau
        assert all(len(found.rows_of(one)) == 2 for one in {person, *shown})


def test_the_hardest_of_those_drawn_is_taken_with_their_nearest() -> None:
    found = faces(30, 5)
    pairing = nonmated_pairing(found, list(range(29)), Limits(1_000_000, 0, 2))
    assert pairing is not None
    nearest = {one: max(best(found, one, other) for other in range(30) if other != one) for one in range(29)}
    assert nearest[int(found.owner[pairing.probe])] == max(nearest.values())
    scores = kernels.canonical_scores(found.templates[pairing.probe : pairing.probe + 1], found.templates)[0]
    others = [scores[found.rows_of(one)].max() for one in range(29) if one != found.owner[pairing.probe]]
    assert [score for _, score in pairing.candidates] == sorted(others, reverse=True)[:2]


def test_a_mate_below_the_threshold_may_be_mislabelled_and_is_not_used() -> None:
    found = faces(5, 1)
    assert mated_pairing(found, [0, 1, 2, 3], Limits(1_000_000, 1_000_000, 1)) is None
    assert mated_pairing(found, [4], Limits(1_000_000, -1_000_000, 1)) is None  # one picture only
    assert nonmated_pairing(found, [4], Limits(1_000_000, 0, 1)) is None
    for make in (mated_pairing, nonmated_pairing):
        assert make(found, [0, 1, 2, 3], Limits(1_000_000, -1_000_000, 1, pictures=1)) is not None
        assert make(found, [0, 1, 2, 3], Limits(1_000_000, -1_000_000, 1, pictures=2)) is None
    assert nonmated_pairing(found, [0, 1, 2, 3], Limits(-1_000_000, 0, 1)) is None
