"""Timing several ways in one run: interleaved, after a warm-up, so that a noisy machine disturbs all of them alike."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.errors import UsageError
from matcher.kernels.choice import read_all
from matcher.kernels.threads import in_parallel, spans

TURNS = 9
FEWEST = 3  # turns of a way, however slow
BUDGET = 15.0  # seconds for one way, after which it has had enough turns
WARM = 0.06  # seconds of its own work before a way is timed: OpenBLAS workers of the one before spin for half of that
BURST = 0.04  # seconds of timed work in one turn
PAGE = 4096


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of every repeat, ascending."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return self.seconds[len(self.seconds) // 2]

    def percentile(self, share: float) -> float:
        """The smallest that at least this share of the repeats do not exceed."""
        return self.seconds[max(0, math.ceil(share * len(self.seconds)) - 1)]


def interleaved(ways: Mapping[str, Callable[[], object]]) -> dict[str, Times]:
    """Times of each way, in turns: a warm-up of its own work, then a burst that is timed call by call.

    Nothing sleeps in between: a processor that slept is slow for a while, and so would be whoever is next.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name, way in ways.items():
            if turn < FEWEST or sum(taken[name]) < BUDGET:
                taken[name] += _turn(way)
    return {name: Times(tuple(sorted(seconds))) for name, seconds in taken.items()}


def _turn(way: Callable[[], object]) -> list[float]:
    warm = last = _seconds(way)
    while warm < WARM:
        last = _seconds(way)
        warm += last
    if last >= WARM:
        return [last]  # a slow way is its own warm-up
    timed: list[float] = []
    while sum(timed) < BURST:
        timed.append(_seconds(way))
    return timed


class Reading:
    """Reads so many bytes with so many threads and does nothing with them: the limit that a scan is held against."""

    def __init__(self, size: int, threads: int) -> None:
        self._memory = np.ones(size // PAGE * PAGE, np.uint8)
        self._parts = spans(len(self._memory) // PAGE, threads)

    def __call__(self) -> None:
        """Once."""
        in_parallel(lambda span: read_all(self._memory[span[0] * PAGE : span[1] * PAGE]), self._parts)


def resident_bytes() -> int:
    """Bytes of this process that are in memory now. Raises UsageError where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        raise UsageError("resident memory is read from /proc: run the benchmark on Linux") from None
    return pages * os.sysconf("SC_PAGE_SIZE")


def read_gb_s(threads: int) -> float:
    """How fast this machine reads half a gigabyte, median of nine, in GB/s."""
    size = 1 << 29
    return size / interleaved({"read": Reading(size, threads)})["read"].median / 1e9


def fastest(ways: Sequence[Callable[[], object]], tries: int = 2) -> int:
    """Which of several forms of one way to time: by the best of so many tries each."""
    return min(range(len(ways)), key=lambda at: min(_seconds(ways[at]) for _ in range(tries)))


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
