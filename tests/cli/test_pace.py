"""Rate and time left, in words."""

from collections.abc import Callable

import pytest

from matcher.cli.output import _lines
from matcher.cli.pace import Pace, duration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def after(clock: Clock, pace: Pace, seconds: float, take: Callable[[int], tuple[int, int]], steps: int) -> None:
    for step in range(1, steps + 1):
        clock.now += seconds / steps
        pace.take(*take(step))


def test_a_steady_pace() -> None:
    clock = Clock()
    pace = Pace("pictures", clock)
    assert pace.text(0, 100_000) == "0 of 100,000 pictures"
    after(clock, pace, 120, lambda step: (step, 0), 12_300)
    assert pace.text(12_300, 100_000) == "12,300 of 100,000 pictures, 102 a second, about 14 min left"
    assert pace.text(100_000, 100_000) == "100,000 of 100,000 pictures"


def test_what_an_earlier_run_has_done_does_not_count() -> None:
    clock = Clock()
    pace = Pace("pictures", clock)
    after(clock, pace, 5, lambda step: (step, step), 50_000)
    assert pace.rate is None
    after(clock, pace, 10, lambda step: (50_000 + step, 50_000), 50)
    assert pace.rate == pytest.approx(5, rel=0.05)
    assert pace.text(50_050, 50_100) == "50,050 of 50,100 pictures, 5.0 a second, about 10 s left"


def test_the_last_half_minute_decides() -> None:
    clock = Clock()
    pace = Pace("pictures", clock)
    after(clock, pace, 100, lambda step: (step, 0), 10_000)
    after(clock, pace, 40, lambda step: (10_000 + step, 0), 400)
    assert pace.rate == pytest.approx(10, rel=0.05)


def test_without_a_second_measurement_nothing_is_said() -> None:
    clock = Clock()
    pace = Pace("pictures", clock)
    pace.take(1, 0)
    clock.now = 1.9
    pace.take(50, 0)
    assert pace.rate is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (89, "89 s"), (90, "2 min"), (840, "14 min"), (5399, "1 h 30 min"), (86_400, "24 h 0 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_without_a_terminal_every_tenth_is_a_line() -> None:
    said: list[str] = []
    report = _lines("loading missing", Pace("pictures", Clock()), said.append)
    for done in range(1, 1001):
        report(done, 1000)
    assert said[0] == "loading missing: 1 of 1,000 pictures"
    assert said[1:] == [f"loading missing: {done:,} of 1,000 pictures" for done in range(100, 1001, 100)]
