"""What one long calculation took, phase by phase: time on the clock, and of all its threads on processors.

On a machine that others use too the clock says how long one waits, the processors how much was done.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from matcher.errors import UsageError

Progress = Callable[[str], None]
SHARED = "phases that both have"
TELLING = 0.01  # seconds: the clock of processors tells less badly


class Phases:
    """Times phases that follow each other, and says which one has begun."""

    def __init__(self, who: str, say: Progress) -> None:
        self._who, self._say = who, say
        self._taken: dict[str, tuple[float, float]] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Everything inside counts as this phase."""
        self._say(f"{self._who}: {name}")
        clock, processors = time.perf_counter(), time.process_time()
        yield
        self._taken[name] = time.perf_counter() - clock, time.process_time() - processors

    def over(self, other: "Phases") -> dict[str, float]:
        """How many times the processor seconds of the other, in each phase that both have, and in these together."""
        both = [name for name in self._taken if name in other._taken]
        mine, others = ([of._taken[name][1] for name in both] for of in (self, other))
        ratios = {name: one / two for name, one, two in zip(both, mine, others, strict=True) if two >= TELLING}
        return {name: round(ratio, 2) for name, ratio in {SHARED: sum(mine) / sum(others), **ratios}.items()}

    @property
    def _whole(self) -> tuple[float, float]:
        clock, processors = (sum(column) for column in zip(*self._taken.values(), strict=True))
        return clock, processors

    def told(self) -> Mapping[str, object]:
        """`seconds`, `processor_seconds` and both of each of the `phases`."""
        return {
            "seconds": round(self._whole[0], 4),
            "processor_seconds": round(self._whole[1], 4),
            "phases": {
                name: {"seconds": round(clock, 4), "processor_seconds": round(processors, 4)}
                for name, (clock, processors) in self._taken.items()
            },
        }


def peak_rss_mb() -> float:
    """The most memory that this process ever held, in millions of bytes. Raises UsageError where nobody tells."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        raise UsageError("peak memory is read from /proc: run the benchmark on Linux") from None
    return round(kib * 1024 / 1e6, 1)
