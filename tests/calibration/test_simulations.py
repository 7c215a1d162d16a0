"""Every statistical promise, where the truth is known, with few repeats; `python -m tests.simulations` makes many."""

from pathlib import Path

import pytest

from matcher.calibration import verdict
from tests.simulations import certificates
from tests.simulations.line import Line, table
from tests.simulations.promises import PROMISES, Promise

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_promise_holds(promise: Promise) -> None:
    lines = list(promise.lines(promise.short))
    assert any(line.allowed is not None and not line.contrast for line in lines)
    assert [line for line in lines if not line.holds] == []
    told = PAGE.read_text(encoding="utf-8")
    assert [line for line in lines if f"\n| {line.what} | {line.truth} | " not in told] == []


def test_the_page_shows_no_line_that_failed() -> None:
    told = PAGE.read_text(encoding="utf-8")
    assert told.count(" % | ") > 100
    assert "FAILS" not in told


def broken(lines: list[Line]) -> list[Line]:
    return [line for line in lines if not line.holds and not line.contrast]


def test_a_gate_that_ignores_delta_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not broken(list(certificates.selected(30)))
    monkeypatch.setattr(verdict, "delta_at", lambda _delta, _attempt: 0.5)
    assert broken(list(certificates.selected(30)))


def test_attempts_that_do_not_spend_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "delta_at", lambda delta, _attempt: delta)
    assert broken(list(certificates.attempts(100)))


@pytest.mark.parametrize(
    ("wrong", "allowed", "contrast", "holds"),
    [
        (11, 0.05, False, True),  # three standard errors of 5 % in 100 are 6.5 %
        (12, 0.05, False, False),
        (100, None, False, True),
        (6, 0.05, True, True),
        (5, 0.05, True, False),
    ],
)
def test_when_a_line_holds(wrong: int, allowed: float | None, contrast: bool, holds: bool) -> None:
    line = Line("what", "truth", 100, wrong, allowed, contrast)
    assert line.holds is holds
    assert ("**FAILS**" in table([line])) is not holds
