import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from matcher.calibration.lookalikes import TOO_LARGE, LookAlikePair, Magnet, has_look_alikes, look_alikes, magnet_from
from matcher.calibration.pairs import FoundPairs

HANDLES = [f"{n:012x}" for n in (3, 1, 2, 0)]


def pairs(*found: tuple[int, int, int]) -> FoundPairs:
    one, other, scores = np.array(found, np.int32).reshape(-1, 3).T
    return FoundPairs(one, other, scores)


def test_pairs_are_of_handles_in_order() -> None:
    found = look_alikes(HANDLES, pairs((0, 1, 800_000), (0, 3, 700_000)), [])
    assert found.found == 2
    assert found.pairs == (
        LookAlikePair("000000000000", "000000000003", 700_000),
        LookAlikePair("000000000001", "000000000003", 800_000),
    )
    assert found.subjects == ("000000000000", "000000000001", "000000000003")
    assert has_look_alikes(found, "000000000001") is True
    assert has_look_alikes(found, "000000000002") is False
    assert (found.attracted, found.magnet_from, found.magnets) == (0, None, ())


def test_where_nobody_looked_nothing_is_said_of_anybody() -> None:
    found = look_alikes(HANDLES, TOO_LARGE, [])
    assert (found.found, found.reason, found.subjects) == (None, TOO_LARGE, ())
    assert has_look_alikes(found, HANDLES[0]) is None


def test_one_subject_that_takes_all_is_a_magnet() -> None:
    # 8 false alarms on 4 subjects: 2 expected on each; P(X >= 7) = 0.0045 is the first at most 0.05 / 4
    assert [round(float(poisson.sf(k - 1, 2)), 4) for k in (6, 7)] == [0.0166, 0.0045]
    assert magnet_from(8, 4) == 7
    assert look_alikes(HANDLES, pairs(), [2] * 7 + [0]).magnets == (Magnet("000000000002", 7),)
    assert look_alikes(HANDLES, pairs(), [2] * 6 + [0, 1]).magnets == ()


@given(st.integers(0, 300), st.integers(1, 2000))
def test_the_bound_is_the_poisson_tail(attracted: int, subjects: int) -> None:
    least = magnet_from(attracted, subjects)
    tails = [poisson.sf(k - 1, attracted / subjects) for k in range(1, attracted + 1)]
    expected = next((k for k, tail in enumerate(tails, start=1) if tail <= 0.05 / subjects), None)
    assert least == expected


def test_a_list_of_one_has_no_magnet() -> None:
    assert magnet_from(1, 1) is None
    assert magnet_from(0, 100) is None


def test_of_very_many_pairs_the_highest_are_listed_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcher.calibration.lookalikes.MOST_LISTED", 1)
    found = look_alikes(HANDLES, pairs((0, 1, 700_000), (2, 3, 800_000)), [])
    assert (found.found, [pair.score for pair in found.pairs]) == (2, [800_000])
    assert len(found.subjects) == 4
