"""What all screens share: a bar, a line for messages, the footer, and a cover where the terminal is too small."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from matcher.tui.plain import prose

if TYPE_CHECKING:
    from matcher.tui.app import ReviewApp

T = TypeVar("T")

TOO_SMALL = "This terminal is too small: 80 columns and 24 rows are needed. Nothing can be judged until it is larger."


class Room(Screen[None]):
    """A screen of the app."""

    TITLE_TEXT = ""

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, Content] = {}

    @property
    def desk_app(self) -> "ReviewApp":
        """The app, by its own type."""
        return cast("ReviewApp", self.app)

    @property
    def too_small(self) -> bool:
        """True while the cover hides the screen."""
        return self.size.width < 80 or self.size.height < 24

    def compose(self) -> ComposeResult:
        """The frame; `body` is the screen's own."""
        with Horizontal(classes="bar"):
            yield Static(self.bar_left(), classes="bar-left")
            yield Static(self.bar_right(), classes="bar-right")
        yield from self.body()
        yield Static(classes="notice")
        yield Footer(show_command_palette=False)
        yield Static(Content(TOO_SMALL), classes="cover")

    def body(self) -> ComposeResult:
        """The part between bar and messages."""
        yield from ()

    def bar_left(self) -> Content:
        """Where we are."""
        return Content.assemble(("matcher ", "$muted"), (self.TITLE_TEXT, "bold $ink"))

    def bar_right(self) -> Content:
        """Who is signed in."""
        return Content.assemble((self.desk_app.signed_in_as, "$muted"))

    def refresh_bar(self) -> None:
        """Writes the bar again."""
        self.put(".bar-left", self.bar_left())
        self.put(".bar-right", self.bar_right())

    def put(self, selector: str, content: Content) -> None:
        """Writes a Static unless it says exactly this already: a layout costs milliseconds, a key has fifty."""
        if self._written.get(selector) != content or self._written[selector].spans != content.spans:
            self._written[selector] = content
            self.query_one(selector, Static).update(content)

    def notice(self, message: str, style: str = "$warn") -> None:
        """One line above the footer; an empty one clears it."""
        self.put(".notice", prose(message, style))

    async def ask(self, call: Callable[[], T]) -> T:
        """Runs a desk or office call off the interface's thread; raises what it raises."""
        return await self.while_open(self.desk_app.ask(call))

    async def while_open(self, answer: Awaitable[T]) -> T:
        """Waits for an answer. One that comes after the screen began to close is heard by nobody.

        A closing screen loses its widgets before its workers are cancelled, so the worker is cancelled here.
        """
        try:
            return await answer
        finally:
            if not self.is_running:
                raise asyncio.CancelledError
