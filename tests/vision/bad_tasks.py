"""What a decoder that was taken over, or is merely broken, might do: a task for the real process, told by the bytes."""

import ctypes
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.answering import Task
from matcher.vision.pixels import Pixels


def _says(*words: object) -> Rejected:
    return Rejected("", Reason.UNREADABLE, " ".join(map(str, words)))


def _attempt(attempt: Callable[[], object]) -> Rejected:
    try:
        return _says("did", attempt())
    except OSError as error:
        return _says("failed", error.errno)


def _send(message: bytes) -> None:
    socket.socket(fileno=os.dup(int(sys.argv[1]))).sendall(message)


def _shrink() -> None:
    os.ftruncate(int(sys.argv[2]), 0)


def _network() -> int:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", 9))


def _raise() -> None:
    raise KeyError("of nobody")


def _spin() -> None:
    while True:
        pass


def _work(rest: str) -> None:
    until = time.process_time() + float(rest)
    while time.process_time() < until:
        pass


def _lie(rest: str) -> None:
    _send(bytes.fromhex(rest))
    time.sleep(3_600)


def _state() -> Rejected:
    held = {str(path.readlink()).partition("[")[0] for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    core = resource.getrlimit(resource.RLIMIT_CORE)
    return _says(sorted(os.environ), core, Path.cwd(), os.getpgrp() == os.getpid(), sorted(held))


ENDS: dict[str, Callable[[str], object]] = {
    "segfault": lambda _: ctypes.string_at(0),
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "unnamed": lambda _: os.kill(os.getpid(), 40),
    "exception": lambda _: _raise(),
    "sleep": lambda _: time.sleep(3_600),
    "nap": lambda rest: time.sleep(float(rest)),
    "work": _work,
    "spin": lambda _: _spin(),
    "allocate": lambda rest: np.ones(int(rest), np.uint8),
    "lie": _lie,
}
ANSWERS: dict[str, Callable[[str], Rejected]] = {
    "write": lambda rest: _attempt(lambda: Path(rest).write_bytes(b"x")),
    "shrink": lambda _: _attempt(_shrink),
    "network": lambda _: _attempt(_network),
    "files": lambda _: _attempt(lambda: [os.dup(0) for _ in range(100)]),
    "state": lambda _: _state(),
    "modules": lambda _: _says(",".join(sorted(sys.modules))),
}


def misbehave(picture: Picture) -> tuple[Pixels, int] | Rejected:
    word, _, rest = picture.data.decode().partition(" ")
    if word in ANSWERS:
        return ANSWERS[word](rest)
    if word in ENDS:
        ENDS[word](rest)
    return np.full((2, 3, 3), 7, np.uint8), 1


def waits(picture: Picture) -> bool:
    """What calls itself large."""
    return picture.data.startswith(b"large")


BAD = Task(misbehave, waits)
