"""The calls of `os` that the program makes to the files of a home: each is asked about before, and told of after.

The program writes containers and journals with the functions that are replaced here and no others; whether that is so
is looked at after every recording (`recording.py`), because what is written in another way is missing then.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulations.faults.watching import Event, HalfWrittenError, Watch


class _Raw(io.FileIO):
    """The unbuffered file under `os.fdopen`."""

    def __init__(self, descriptor: int, mode: str, watch: Watch) -> None:
        super().__init__(descriptor, mode)
        self._watch = watch
        self._path = _path(descriptor)

    def write(self, data: Any) -> int:
        data = _writable(self._watch, self._path, data)
        offset = self.tell()
        done = super().write(data)
        self._watch.tell(Event("write", self._path, offset, bytes(data)[:done]))
        return done

    def readinto(self, into: Any) -> int | None:
        self._watch.ask("read", self._path)
        return super().readinto(into)


def watch_python_files(watch: Watch) -> None:
    """Replaces functions of `os` in this process, for good."""
    real = {name: getattr(os, name) for name in ("open", "pread", "pwrite")}

    def opened(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        make = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        if make:
            watch.ask("make", os.fspath(path))
        descriptor = int(real["open"](path, flags, mode, **more))
        if make:
            watch.tell(Event("make", os.fspath(path)))
        return descriptor

    def fdopen(descriptor: int, mode: str = "r", buffering: int = io.DEFAULT_BUFFER_SIZE) -> Any:
        raw = _Raw(descriptor, mode, watch)
        return (io.BufferedWriter if "w" in mode else io.BufferedReader)(raw, buffering)

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        watch.ask("read", _path(descriptor))
        return bytes(real["pread"](descriptor, length, offset))

    def pwrite(descriptor: int, data: Any, offset: int) -> int:
        path = _path(descriptor)
        data = _writable(watch, path, data)
        done = int(real["pwrite"](descriptor, data, offset))
        watch.tell(Event("write", path, offset, bytes(data)[:done]))
        return done

    mine = {"open": opened, "fdopen": fdopen, "pread": pread, "pwrite": pwrite}
    mine |= {name: _on_descriptor(watch, "sync", getattr(os, name)) for name in ("fsync", "fdatasync")}
    mine |= {"ftruncate": _on_descriptor(watch, "truncate", os.ftruncate)}
    mine |= {name: _on_name(watch, "remove", getattr(os, name)) for name in ("unlink", "remove")}
    mine |= {name: _on_name(watch, "rename", getattr(os, name)) for name in ("rename", "replace")}
    for name, function in mine.items():
        setattr(os, name, function)


def _on_descriptor(watch: Watch, kind: str, real: Callable[..., None]) -> Callable[..., None]:
    def call(descriptor: int, length: int = 0) -> None:
        path = _path(descriptor)
        watch.ask(kind, path)
        real(descriptor, *((length,) if kind == "truncate" else ()))
        watch.tell(Event(kind, path, length))

    return call


def _on_name(watch: Watch, kind: str, real: Callable[..., None]) -> Callable[..., None]:
    def call(path: Any, *to: Any, **more: Any) -> None:
        watch.ask(kind, os.fspath(path))
        real(path, *to, **more)
        watch.tell(Event(kind, os.fspath(path), to=os.fspath(to[0]) if to else ""))

    return call


def _writable(watch: Watch, path: str, data: Any) -> Any:
    """The part that the disk takes: all of it, or half at its end."""
    try:
        watch.ask("write", path)
    except HalfWrittenError:
        return bytes(data)[: max(1, len(data) // 2)]
    return data


def _path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())
