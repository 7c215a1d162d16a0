"""How machines are compared: the bound on scores, the tolerance, and what is no rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.touchstone import TOLERANCE, apart, touchstone_of, unlike
from matcher.kernels import normalise, paired_scores

DIM = 8


def rows(seed: int, count: int = 4) -> np.ndarray:
    return normalise(np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32))


@given(seed=st.integers(0, 999), noise=st.floats(1e-7, 1.0))
def test_no_score_of_a_face_moves_further_than_the_templates_are_apart(seed: int, noise: float) -> None:
    ours = rows(seed)
    theirs = normalise(ours + np.float32(noise) * rows(seed + 1))
    found = apart(touchstone_of(ours), touchstone_of(theirs), DIM)
    assert found is not None
    for reference in rows(seed + 2, 50):
        same = np.tile(reference, (4, 1))
        order = np.arange(4, dtype=np.int32)
        moved = paired_scores(ours, order, same) - paired_scores(theirs, order, same)
        assert abs(moved).max() <= found + 1  # scores are whole millionths


@given(seed=st.integers(0, 999))
def test_it_is_a_distance(seed: int) -> None:
    one, other = touchstone_of(rows(seed)), touchstone_of(rows(seed + 1))
    assert apart(one, one, DIM) == 0
    assert apart(one, other, DIM) == apart(other, one, DIM)
    assert unlike(one, one, DIM) is None


def shifted(by: float) -> bytes:
    turned = np.zeros((4, DIM), np.float32)
    turned[:, 0], turned[:, 1] = np.cos(by), np.sin(by)
    return touchstone_of(turned)


def test_the_tolerance_is_500_millionths() -> None:
    assert TOLERANCE == 500
    assert unlike(shifted(0), shifted(0.000499), DIM) is None
    assert unlike(shifted(0), shifted(0.000502), DIM) == "502 millionths away, more than 500"


def test_one_face_is_enough() -> None:
    ours = np.frombuffer(shifted(0), "<f4").reshape(4, DIM).copy()
    theirs = ours.copy()
    theirs[3] = np.frombuffer(shifted(0.01), "<f4")[:DIM]
    assert apart(touchstone_of(ours), touchstone_of(theirs), DIM) == pytest.approx(10_000, abs=2)


def test_a_face_that_only_one_finds_is_no_rounding() -> None:
    ours = np.frombuffer(shifted(0), "<f4").reshape(4, DIM).copy()
    theirs = ours.copy()
    theirs[2] = 0
    assert apart(touchstone_of(ours), touchstone_of(theirs), DIM) == 1_000_000


def test_other_faces_are_told_and_none_on_both_sides_is_nothing() -> None:
    assert unlike(b"", b"", DIM) is None
    for other in (b"", shifted(0)[:-4], shifted(0) * 2):
        assert unlike(shifted(0), other, DIM) == "of other faces, or of a release that compared machines by other faces"
        assert unlike(other, shifted(0), DIM) is not None
