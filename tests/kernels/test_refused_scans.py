"""A scan of what is not there is refused before the core sees it."""

from typing import Any

import numpy as np
import pytest

from matcher.errors import BadInput
from matcher.kernels import codes as screening
from matcher.kernels.codes import encode
from tests.kernels.test_codes import units

ROWS = units("normal", 40, 16, 5)
BAD_SCANS = {
    "13 and 16 elements a row": {"queries": units("normal", 2, 13, 6)},
    "NumPy array of float32": {"queries": ROWS[:2].astype(np.float64)},
    "queries must be contiguous": {"queries": ROWS[:4:2]},
    "3 blocks, none from 0 to 4": {"span": (0, 4)},
    "3 blocks, none from -1 to 2": {"span": (-1, 2)},
    "3 blocks, none from 2 to 1": {"span": (2, 1)},
}
BAD_TOPS = {
    "the 0 best": {"k": 0},
    "the -1000 best": {"k": -1000},
    "floors must have 2 elements, not 1": {"floors": np.zeros(1)},
    "floors must have 2 elements, not 3": {"floors": np.zeros(3)},
    "floors must be a NumPy array of float64": {"floors": np.zeros(2, np.float32)},
    "floors must have 1 axes": {"floors": np.zeros((2, 1))},
    "floors must be contiguous": {"floors": np.zeros(4)[::2]},
    "floors must not be read-only": {"floors": np.broadcast_to(np.zeros(2), 2)},
    "an element is NaN": {"floors": np.array([0.0, np.nan])},
}


@pytest.mark.parametrize(("message", "bad"), BAD_SCANS.items(), ids=BAD_SCANS.keys())
def test_a_scan_of_what_is_not_there_is_refused(message: str, bad: dict[str, object]) -> None:
    given: dict[str, Any] = {"codes": encode(ROWS, 8), "span": (0, 3), "queries": ROWS[:2], **bad}
    with pytest.raises(BadInput, match=message):
        screening.scan_threshold(**given, threshold=100_000)
    with pytest.raises(BadInput, match=message):
        screening.scan_top(**given, k=3, floors=np.full(len(given["queries"]), -np.inf))


@pytest.mark.parametrize(
    ("message", "blocks"),
    [("3 blocks, none of number 3", [0, 3]), ("must not go below 0", [-1])],
)
def test_blocks_that_are_not_there_cannot_be_listed(message: str, blocks: list[int]) -> None:
    with pytest.raises(BadInput, match=message):
        screening.scan_listed(encode(ROWS, 4), np.array(blocks, np.int32), ROWS[:2], 100_000)
    with pytest.raises(BadInput, match="13 and 16"):
        screening.scan_listed(encode(ROWS, 4), np.arange(3, dtype=np.int32), units("normal", 2, 13, 6), 100_000)


@pytest.mark.parametrize(("message", "bad"), BAD_TOPS.items(), ids=BAD_TOPS.keys())
def test_a_wrong_k_and_wrong_floors_are_refused(message: str, bad: dict[str, object]) -> None:
    given: dict[str, Any] = {"k": 3, "floors": np.full(2, -np.inf), **bad}
    with pytest.raises(BadInput, match=message):
        screening.scan_top(encode(ROWS, 8), (0, 3), ROWS[:2], **given)
