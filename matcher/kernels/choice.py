"""Which implementation of the kernels runs.

1. `MATCHER_KERNELS` names one: `python` (the NumPy twin), `serial` (plain C) or an instruction set (`avx2`, `avx512`,
   `neon`); unset means the widest that was built and that CPU and system support.
2. It is read when a kernel is first used, once in a process.
3. An unknown name, and a path that is not there, are errors: nothing falls back in silence.
"""

import functools
import os
from importlib import import_module
from types import ModuleType
from typing import NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import UsageError

VARIABLE = "MATCHER_KERNELS"
PYTHON = "python"
NAMES = (PYTHON, "serial", "avx2", "avx512", "neon")

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]
CodeView = tuple[Bytes, int, int]  # codes, rows, bits
Span = tuple[int, int]  # the first block or row, and the end
People = tuple[Scores, Scores]  # owner and group of each row
Counts = npt.NDArray[np.int64]
SignView = tuple[Bytes, int, int]  # signs, rows, lines a block
Weights = tuple[float, float, float]  # of a row's alignment, of its remainder, and what is added to both


class Kernels(Protocol):
    """What every implementation offers; inputs are checked, `out` is filled. The contract is `ext/README.md`."""

    def canonical_scores(self, queries: Floats, rows: Floats, out: Scores) -> None: ...
    def paired_scores(self, queries: Floats, at: Scores, rows: Floats, out: Scores) -> None: ...
    def normalise(self, rows: Floats, out: Floats) -> None: ...
    def maxima(self, queries: Floats, rows: Floats, owner: Scores, excluded: Scores, out: Scores) -> None: ...
    def pair_counts(self, rows: Floats, people: People, span: Span, width: int, out: Counts) -> None: ...
    def pairs_reaching(self, rows: Floats, owner: Scores, span: Span, threshold: Millionths) -> bytes: ...
    def encode(self, rows: Floats, bits: int, out: Bytes) -> None: ...
    def scan_threshold(self, view: CodeView, span: Span, queries: Floats, threshold: Millionths) -> bytes: ...
    def scan_listed(self, view: CodeView, blocks: Scores, queries: Floats, threshold: Millionths) -> bytes: ...
    def scan_signs(self, view: SignView, span: Span, tables: Bytes, weights: Weights) -> bytes: ...
    def scan_top(self, view: CodeView, span: Span, queries: Floats, k: int, floors: Doubles) -> bytes: ...


class Choice(NamedTuple):
    """A path's name, its functions, and why it was chosen."""

    path: str
    kernels: Kernels
    reason: str


@functools.cache
def chosen() -> Choice:
    """The implementation this process uses. Raises UsageError if it is unknown or absent."""
    asked = os.environ.get(VARIABLE)
    if asked is not None:
        return Choice(asked, kernels_of(asked), f"{VARIABLE}={asked}")
    widest = next(name for name, runs in _built() if runs)
    return Choice(widest, kernels_of(widest), "the widest that this processor and system support")


def kernels_of(path: str) -> Kernels:
    """The functions of one path. Raises UsageError if it is unknown or absent."""
    if path not in NAMES:
        raise UsageError(f"{VARIABLE}={path!r} names no kernels: use one of {', '.join(NAMES)}, or unset it")
    if path == PYTHON:
        return cast(Kernels, import_module("matcher.kernels.reference"))
    built = dict(_built())
    if not built.get(path, False):
        why = "this processor or system lacks its instructions" if path in built else "it was not built here"
        running = ", ".join(name for name, runs in built.items() if runs)
        raise UsageError(f"the {path} kernels are absent ({why}): use one of {running}, {PYTHON}, or unset {VARIABLE}")
    return cast(Kernels, _compiled().Path(path))


def available() -> tuple[str, ...]:
    """Every path that runs here, the widest first, the twin last."""
    return (*(name for name, runs in _built() if runs), PYTHON)


def read_all(memory: Bytes) -> int:
    """Reads uint8 memory in compiled code, the GIL released, 64 bytes at a time: how fast this machine reads."""
    return int(_compiled().read_all(memory))


def _built() -> list[tuple[str, bool]]:
    return cast("list[tuple[str, bool]]", _compiled().paths())


def _compiled() -> ModuleType:
    try:
        return import_module("matcher.kernels._compiled")
    except ImportError as error:
        raise UsageError(
            f"the compiled core cannot be loaded ({error}): install the package again, or set {VARIABLE}={PYTHON}"
        ) from error
