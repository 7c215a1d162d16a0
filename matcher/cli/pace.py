"""How far a long piece of work is, how fast it goes and how much longer it takes, in words.

1. The rate is that of the last half minute, and of new work alone: what an earlier run had done is passed over at once,
   and the clock starts with the first new one.
2. Nothing is said of a rate before two seconds have been measured.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic

_WINDOW = 30.0  # seconds
_FIRST = 2.0  # seconds
_MARKS_APART = 0.5  # seconds


class Pace:
    """Told of every piece that is done; `counted` is what is counted, in the plural, or nothing."""

    def __init__(self, counted: str, clock: Callable[[], float] = monotonic) -> None:
        self._counted = counted
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque()  # when, and how many new ones were done by then
        self._now = (0.0, 0)

    def take(self, done: int, known: int) -> None:
        """So many are done, and so many of those were known from an earlier run."""
        new = done - known
        if not new:
            return
        self._now = self._clock(), new
        if not self._marks or self._now[0] - self._marks[-1][0] >= _MARKS_APART:
            self._marks.append(self._now)
        while self._now[0] - self._marks[0][0] > _WINDOW and len(self._marks) > 2:
            self._marks.popleft()

    def text(self, done: int, total: int) -> str:
        """Such as "12,300 of 100,000 pictures, 105 a second, about 14 min left"."""
        text = f"{done:,} of {total:,} {self._counted}".rstrip()
        rate = self.rate
        if rate is None or done >= total:
            return text
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{text}, {shown} a second, about {duration((total - done) / rate)} left"

    @property
    def rate(self) -> float | None:
        """New ones a second; None while there is nothing to tell from."""
        if not self._marks:
            return None
        seconds, new = self._now[0] - self._marks[0][0], self._now[1] - self._marks[0][1]
        return new / seconds if seconds >= _FIRST and new else None


def duration(seconds: float) -> str:
    """To the second below a minute and a half, to the minute below an hour and a half, else in hours and minutes."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
