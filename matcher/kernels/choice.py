"""Which implementation of the kernels runs.

1. `MATCHER_KERNELS` names one: `python` (the NumPy twin) or `serial` (plain C); unset means `serial`.
2. It is read when a kernel is first used, once in a process.
3. An unknown name, and a compiled core that is not there, are errors: nothing falls back in silence.
"""

import functools
import os
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from matcher.domain.template import Floats, Scores
from matcher.errors import UsageError

VARIABLE = "MATCHER_KERNELS"


class Kernels(Protocol):
    """What every implementation offers; inputs are checked, `out` is filled. The contract is `ext/README.md`."""

    def canonical_scores(self, queries: Floats, rows: Floats, out: Scores) -> None: ...
    def normalise(self, rows: Floats, out: Floats) -> None: ...
    def maxima(self, queries: Floats, rows: Floats, owner: Scores, excluded: Scores, out: Scores) -> None: ...


class Choice(NamedTuple):
    """A path's name and its functions."""

    path: str
    kernels: Kernels


@functools.cache
def chosen() -> Choice:
    """The implementation this process uses. Raises UsageError if it is unknown or absent."""
    path = os.environ.get(VARIABLE, "serial")
    if path not in _PATHS:
        raise UsageError(f"{VARIABLE}={path!r} names no kernels: use one of {', '.join(_PATHS)}, or unset it")
    return Choice(path, _PATHS[path]())


def _python() -> Kernels:
    return cast(Kernels, import_module("matcher.kernels.reference"))


def _serial() -> Kernels:
    try:
        return cast(Kernels, import_module("matcher.kernels._compiled"))
    except ImportError as error:
        raise UsageError(
            f"the compiled core cannot be loaded ({error}): install the package again, or set {VARIABLE}=python"
        ) from error


_PATHS: dict[str, Callable[[], Kernels]] = {"python": _python, "serial": _serial}
