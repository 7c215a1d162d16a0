"""What all screens share: a head, a line for messages, the footer, and a cover where the terminal is too small."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click, Resize
from textual.screen import Screen
from textual.widgets import Footer, Static

from matcher.review.safe_text import safe_display
from matcher.tui.plain import joined, prose

if TYPE_CHECKING:
    from matcher.tui.app import ReviewApp

T = TypeVar("T")

TOO_SMALL = "This terminal is too small: 80 columns and 24 rows are needed. Nothing can be judged until it is larger."
APART, BAR_PADDING = "   ", 2
ROOMS: Mapping[str, str] = {"queue": "1", "lists": "2", "log": "3", "my work": "4"}


class RoomTab(Static):
    """The way to another room, in the head of every room: its key and its name."""

    def __init__(self, name: str, here: bool) -> None:
        super().__init__(joined((f"{ROOMS[name]} ", "$muted"), (name, "bold $mark" if here else "$ink")))
        self._room = name

    async def on_click(self, event: Click) -> None:
        """What the key does."""
        await self.app.run_action(f"room('{self._room}')")


class Room(Screen[None]):
    """A screen of the app. `TITLE_TEXT` names it; a room of ROOMS has the ways to the others in its head."""

    TITLE_TEXT: ClassVar[str] = ""

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
            if self.TITLE_TEXT in ROOMS:
                for name in ROOMS:
                    yield RoomTab(name, name == self.TITLE_TEXT)
            yield Static(self.bar_right(), classes="bar-right")
        if self.TITLE_TEXT in ROOMS:  # never beside faces, whose size it would change
            yield Static(classes="index-state")
        yield from self.body()
        yield Static(classes="notice")
        yield Footer(show_command_palette=False)
        yield Static(prose(TOO_SMALL), classes="cover")

    def body(self) -> ComposeResult:
        """The part between head and messages."""
        yield from ()

    def section(self, binding: Binding) -> str:
        """The heading of the help under which a key of this screen stands."""
        return self.TITLE_TEXT.capitalize()

    def bar_left(self) -> Content:
        """Where we are."""
        place = "" if self.TITLE_TEXT in ROOMS else self.TITLE_TEXT
        return joined(("matcher  ", "$muted"), (place, "bold $ink"))

    def bar_right(self) -> Content:
        """Who is signed in, whole, and before it how the lists stand, as long as there is room."""
        name, states = self.desk_app.signed_in_as, self.desk_app.lists_states
        tabs = sum(len(f"{key} {room}  ") for room, key in ROOMS.items()) if self.TITLE_TEXT in ROOMS else 0
        room = self.app.size.width - BAR_PADDING - self.bar_left().cell_length - tabs - cell_len(f"{APART}{name}")
        fitting = next((text for text in states if len(text) <= room), states[-1] if states else "")
        return joined((f"{safe_display(fitting, max(room, 1))}{APART}", "$muted"), (name, "$ink"))

    def on_resize(self, event: Resize) -> None:
        """The head says what fits."""
        if self.query(".bar-right"):
            self.refresh_bar()
            self.show_index_state()

    def show_index_state(self) -> None:
        """That lists are not searched as they should be, where a cluster searches them, and what to do."""
        for line in self.query(".index-state"):
            line.display = bool(self.desk_app.index_state)
            self.put(".index-state", prose(self.desk_app.index_state, "$warn"))

    def refresh_bar(self) -> None:
        """Writes the head again."""
        self.put(".bar-left", self.bar_left())
        self.put(".bar-right", self.bar_right())

    def put(self, selector: str, content: Content) -> None:
        """Writes a Static unless it says exactly this already: a layout costs milliseconds, a key has fifty."""
        if self._written.get(selector) != content or self._written[selector].spans != content.spans:
            self._written[selector] = content
            self.query_one(selector, Static).update(content)

    def notice(self, message: str, style: str = "$warn") -> None:
        """A sentence above the footer, on as many lines as it takes; an empty one clears it."""
        self.put(".notice", prose(message, style))

    def refused(self, message: str) -> None:
        """Says why what was open on top of this screen is closed."""
        self.notice(message)

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

    # --- the lock -----------------------------------------------------------------------------------------------------

    def conceal(self) -> None:
        """Somebody left the terminal: what must not lie open is taken off, not only covered."""

    def reveal(self, seconds: float) -> None:
        """They are back after so many seconds."""
