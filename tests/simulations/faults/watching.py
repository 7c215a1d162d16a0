"""What a process asks of the files of a home: seen call by call, and made to fail.

A `Watch` is put under the program in the forked child that does an operation, below everything that is the program's:
under SQLite as its VFS (`sqlite_files.py`), and under containers and journals in place of the functions of `os` that
they call (`python_files.py`). It needs nothing but Python, so it runs wherever the tests do.
"""

import errno
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CHANGES = ("make", "write", "truncate", "sync", "rename", "remove")
KINDS = (*CHANGES, "read")


@dataclass(frozen=True)
class Event:
    """`kind`: one of `CHANGES`, or acknowledge; `path` is inside the home."""

    kind: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    to: str = ""


@dataclass(frozen=True)
class Found:
    """What a watch saw: the calls that were made, how often each kind was asked for, and how many failed by it."""

    events: tuple[Event, ...]
    counts: Counter[str]
    failed: int


@dataclass(frozen=True)
class Failing:
    """From the `first` call of these kinds on, one call fails, or every one (`lasting`)."""

    kinds: tuple[str, ...]
    first: int
    error: int
    lasting: bool

    def __str__(self) -> str:
        more = " and all after it" if self.lasting else ""
        return f"{errno.errorcode[self.error]} for {'/'.join(self.kinds)} {self.first}{more}"


class HalfWrittenError(OSError):
    """The call that meets the end of the disk: half of it is written."""


class Watch:
    """Of one process and home; calls to other files are let through."""

    def __init__(self, home: Path, failing: Failing | None = None) -> None:
        self._events: list[Event] = []
        self._counts: Counter[str] = Counter()
        self._failed = 0
        self._home = str(home)
        self._failing = failing
        self._errors: list[Exception] = []

    def ask(self, kind: str, path: str) -> None:
        """Before a call. Raises OSError where it is to fail."""
        if self._inside(path) is None:
            return
        self._counts[kind] += 1
        failing = self._failing
        if failing is None or kind not in failing.kinds:
            return
        number = sum(self._counts[one] for one in failing.kinds)
        if number == failing.first or (failing.lasting and number > failing.first):
            self._failed += 1
            if kind == "write" and self._failed == 1 and failing.error == errno.ENOSPC:
                raise HalfWrittenError(failing.error, os.strerror(failing.error), path)
            raise OSError(failing.error, os.strerror(failing.error), path)

    def tell(self, event: Event) -> None:
        """After a call that was made."""
        path = self._inside(event.path)
        if path is not None:
            self._events.append(Event(event.kind, path, event.offset, event.data, self._inside(event.to) or ""))

    def acknowledged(self) -> None:
        self._events.append(Event("acknowledge"))

    def broken(self, error: Exception) -> None:
        """An error of the watch itself."""
        self._errors.append(error)

    def found(self) -> Found:
        """What it saw until now. Raises the first error of the watch itself."""
        if self._errors:
            raise self._errors[0]
        return Found(tuple(self._events), self._counts, self._failed)

    def put_in_place(self) -> None:
        """Under the program of this process, for good."""
        from tests.simulations.faults.python_files import watch_python_files
        from tests.simulations.faults.sqlite_files import SqliteFiles

        SqliteFiles(self).put_in_place()
        watch_python_files(self)

    def _inside(self, path: str) -> str | None:
        """Relative to the home ("." is the home itself); None for another place."""
        if path == self._home:
            return "."
        return path[len(self._home) + 1 :] if path.startswith(self._home + "/") else None
