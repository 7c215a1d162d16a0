"""Told to end, or without its terminal any more, the interface gives back what it held."""

import signal

import pytest

from tests.fakes.review_office import alert, home
from tests.tui.stage import on_stage


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_as_its_own_key_does(number: signal.Signals) -> None:
    made = home(alert(1))
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_IGN)  # so that, without a handler, this process goes on and the test fails
    try:
        async with on_stage(made) as stage:
            await stage.open("rita")
            signal.raise_signal(number)
            await stage.app.ask(lambda: None)
            await stage.pilot.pause(0.2)
            assert stage.app.return_code == 128 + number
            await stage.app.ask(lambda: None)  # the desk thread has released it
            assert [call.split()[0] for call in made.calls] == ["claim", "release"]
        assert signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN)
    finally:
        signal.signal(number, before)
