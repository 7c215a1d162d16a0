"""Driving the app: a clock that no key repeats on, waiting for a condition, walking what is on screen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import DataTable, Input, OptionList, Static

from matcher.review.pixels import Colours
from matcher.tui.app import ReviewApp
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.queue import QueueScreen
from tests.fakes.review_office import Home

WIDE = (100, 30)


class Clock:
    """Every look is a second later, unless `step` says otherwise."""

    def __init__(self, step: float = 1.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Stage:
    def __init__(self, pilot: Pilot[None], home: Home, clock: Clock) -> None:
        self.pilot, self.home, self.clock = pilot, home, clock

    @property
    def app(self) -> ReviewApp:
        assert isinstance(self.pilot.app, ReviewApp)
        return self.pilot.app

    @property
    def compare(self) -> CompareScreen:
        assert isinstance(self.app.screen, CompareScreen)
        return self.app.screen

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        for _ in range(600):
            await self.pilot._wait_for_screen()
            if condition() and self.painted():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never happened: {what}\n{self.text()}")

    def painted(self) -> bool:
        """Nothing waits for a layout or a repaint: what widgets hold is what the terminal shows."""
        screen = self.app.screen
        everything = screen.walk_children(with_self=True)
        return not screen._dirty_widgets and not any(w._layout_required or w._repaint_required for w in everything)

    async def sign_in(self, name: str, passphrase: str | None = None) -> None:
        names = self.app.screen.query_one("#names", OptionList)
        await self.until(lambda: names.option_count > 0, "names")
        names.highlighted = list(self.home.names()).index(name)
        field = self.app.screen.query_one("#passphrase", Input)
        field.value = passphrase or f"pass-{name}"
        field.focus()
        await self.keys("enter")

    async def queue(self, name: str) -> None:
        await self.sign_in(name)
        await self.until(lambda: isinstance(self.app.screen, QueueScreen), "queue screen")

    async def keys(self, *keys: str) -> None:
        """Keys as the terminal sends them; Pilot's own `press` waits for an idle processor after each."""
        for key in keys:
            self.app.simulate_key(key)
            await self.pilot._wait_for_screen()

    async def open(self, name: str) -> None:
        await self.queue(name)
        await self.until(lambda: self.app.screen.query_one(DataTable).row_count > 0, "alerts")
        await self.keys("enter")
        await self.until(lambda: isinstance(self.app.screen, CompareScreen), "compare screen")
        await self.drawn()

    async def drawn(self) -> None:
        await self.until(lambda: self.compare.session.drawn.ready, "faces")

    async def press(self, *keys: str) -> None:
        """Keys one by one, each after the faces are drawn and the desk has answered."""
        for key in keys:
            await self.keys(key)
            if isinstance(self.app.screen, CompareScreen):
                await self.until(
                    lambda: (
                        not isinstance(self.app.screen, CompareScreen)
                        or (not self.compare.session.busy
                            and (self.compare.session.drawn.ready or self.compare.session.stage == "finished"))
                    ),
                    f"after {key}",
                )  # fmt: skip

    async def same(self) -> None:
        await self.press("s", *"aaaaaaa", "enter")

    def text(self) -> str:
        """All text of the screen on top, as widgets hold it and as the terminal shows it."""
        screen = self.app.screen
        held = [str(widget.render()) for widget in screen.query(Static)]
        tables = [str(table.get_row_at(at)) for table in screen.query(DataTable) for at in range(table.row_count)]
        return "\n".join([*held, *tables, self.drawn_text()])

    def drawn_text(self) -> str:
        """What the terminal shows now, row by row."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(part.text for part in strip) for strip in strips)


@asynccontextmanager
async def on_stage(home: Home, size: tuple[int, int] = WIDE, **settings: object) -> AsyncIterator[Stage]:
    clock = Clock()
    app = ReviewApp(home, clock=clock, **({"colours": Colours.FULL} | settings))
    async with app.run_test(size=size) as pilot:
        yield Stage(pilot, home, clock)
