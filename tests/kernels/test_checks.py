"""What is refused before a kernel runs, and which kernel runs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from matcher import kernels
from matcher.errors import BadInput, UsageError
from matcher.kernels.choice import NAMES, available, chosen, read_all

GOOD = np.eye(3, 5, dtype=np.float32)
OWNER = np.zeros(3, np.int32)


def with_element(value: float) -> np.ndarray:
    rows = GOOD.copy()
    rows[1, 2] = value
    return rows


def misaligned() -> np.ndarray:
    return np.zeros(4 * 15 + 1, np.uint8)[1:].view(np.float32).reshape(3, 5)


BAD = {
    "NumPy array of float32": GOOD.astype(np.float64),
    "array of float32": GOOD.astype(">f4"),
    "2 axes, not 1": GOOD[0],
    "2 axes, not 3": GOOD[np.newaxis],
    "contiguous in C order": GOOD[:, ::2],
    "C order": np.asfortranarray(GOOD),
    "aligned": misaligned(),
    "NaN": with_element(np.nan),
    "infinite": with_element(-np.inf),
    "at least one element": GOOD[:, :0],
}


@pytest.mark.parametrize(("message", "bad"), BAD.items(), ids=BAD.keys())
def test_a_bad_matrix_is_refused_wherever_it_stands(message: str, bad: np.ndarray) -> None:
    for call in (
        lambda: kernels.canonical_scores(bad, GOOD),
        lambda: kernels.canonical_scores(GOOD, bad),
        lambda: kernels.normalise(bad),
        lambda: kernels.maxima(bad, GOOD, OWNER),
        lambda: kernels.maxima(GOOD, bad, OWNER),
    ):
        with pytest.raises(BadInput, match=message):
            call()


def test_different_widths_are_refused() -> None:
    with pytest.raises(BadInput, match="5 and 4 elements a row"):
        kernels.canonical_scores(GOOD, np.eye(3, 4, dtype=np.float32))
    with pytest.raises(BadInput, match="4 and 5 elements a row"):
        kernels.maxima(np.eye(3, 4, dtype=np.float32), GOOD, OWNER)


def test_a_row_of_zeros_is_refused() -> None:
    with pytest.raises(BadInput, match="row of zeros"):
        kernels.normalise(np.float32([[1, 0], [0, -0.0]]))


@pytest.mark.parametrize(
    ("owner", "excluded", "message"),
    [
        (OWNER.astype(np.int64), None, "owner must be a NumPy array of int32"),
        (OWNER[:2], None, "owner must have 3 elements, not 2"),
        (OWNER - 1, None, "owner must not go below 0"),
        (OWNER, OWNER[:2], "excluded must have 3 elements, not 2"),
        (OWNER, OWNER - 2, "excluded must not go below -1"),
        (np.zeros(6, np.int32)[::2], None, "owner must be contiguous"),
    ],
)
def test_bad_owners_and_exclusions_are_refused(owner: np.ndarray, excluded: np.ndarray | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        kernels.maxima(GOOD, GOOD, owner, excluded)


def test_read_only_memory_will_do() -> None:
    rows = GOOD.copy()
    rows.flags.writeable = False
    assert kernels.canonical_scores(rows, rows)[0].tolist() == [1_000_000, 0, 0]
    assert kernels.maxima(rows, rows, OWNER).tolist() == [1_000_000] * 3
    np.testing.assert_array_equal(kernels.normalise(rows), GOOD)


def test_nothing_is_allowed_and_gives_nothing() -> None:
    none = GOOD[:0]
    assert kernels.canonical_scores(none, GOOD).shape == (0, 3)
    assert kernels.canonical_scores(GOOD, none).shape == (3, 0)
    assert kernels.normalise(none).shape == (0, 5)
    assert kernels.maxima(GOOD, none, OWNER[:0]).tolist() == [-(2**31)] * 3
    assert kernels.maxima(none, GOOD, OWNER).shape == (0,)


@pytest.mark.parametrize(("size", "read"), [(63, 0), (64, 64), (100, 64), (4096, 4096)])
def test_memory_is_read_in_lines_of_64(size: int, read: int) -> None:
    assert read_all(np.ones(size, np.uint8)) == read // 8 * 0x0101_0101_0101_0101 % 2**64


@pytest.fixture
def fresh_choice() -> Iterator[None]:
    chosen.cache_clear()
    yield
    chosen.cache_clear()


@pytest.mark.usefixtures("fresh_choice")
@pytest.mark.parametrize(("value", "path"), [(None, available()[0]), *((path, path) for path in available())])
def test_the_variable_chooses_the_path(value: str | None, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is None:
        monkeypatch.delenv("MATCHER_KERNELS", raising=False)
    else:
        monkeypatch.setenv("MATCHER_KERNELS", value)
    assert kernels.path() == path
    assert kernels.canonical_scores(GOOD, GOOD).tolist() == (np.eye(3, dtype=int) * 1_000_000).tolist()
    assert kernels.maxima(GOOD, GOOD, OWNER, OWNER - 1).tolist() == [1_000_000] * 3
    np.testing.assert_array_equal(kernels.normalise(GOOD * 3), GOOD)


@pytest.mark.usefixtures("fresh_choice")
@pytest.mark.parametrize("value", ["avx3", "", "Serial"])
def test_an_unknown_path_is_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_KERNELS", value)
    with pytest.raises(UsageError, match="names no kernels: use one of python, serial, avx2, avx512, neon"):
        kernels.normalise(GOOD)


@pytest.mark.usefixtures("fresh_choice")
def test_a_path_that_this_machine_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = next(path for path in NAMES if path not in available())  # no machine has both AVX and NEON
    monkeypatch.setenv("MATCHER_KERNELS", absent)
    with pytest.raises(UsageError, match=f"the {absent} kernels are absent"):
        kernels.normalise(GOOD)


@pytest.mark.usefixtures("fresh_choice")
def test_a_missing_core_is_an_error_unless_python_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matcher.kernels._compiled", None)
    monkeypatch.delenv("MATCHER_KERNELS", raising=False)
    with pytest.raises(UsageError, match="compiled core cannot be loaded"):
        kernels.canonical_scores(GOOD, GOOD)
    monkeypatch.setenv("MATCHER_KERNELS", "python")
    assert kernels.path() == "python"


def test_the_variable_is_not_read_at_import() -> None:
    code = "import sys, matcher.kernels; sys.exit('matcher.kernels._compiled' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "MATCHER_KERNELS": "nonsense"})
