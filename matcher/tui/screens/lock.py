"""The lock: nobody touched the terminal for a while. Whoever holds the desk opens it again with their passphrase.

1. The lock covers everything, and the screens below have given up their faces and decoded pictures.
2. A claim stays with its holder until its lease ends: who comes back soon goes on, who does not loses it to the queue.
3. A wrong passphrase is a refused attempt in the log, as at any other door.
"""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from matcher.errors import MatcherError
from matcher.tui.plain import joined, prose
from matcher.tui.screens.room import Room

HOW = "Passphrase, then enter. Somebody else: ctrl+l, then their own."


class LockScreen(Room):
    """One field."""

    TITLE_TEXT = "locked"
    AUTO_FOCUS = "#reentry"
    BINDINGS: ClassVar[list[BindingType]] = []

    _opening = False

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name

    def body(self) -> ComposeResult:
        """Who locked it, and how it opens."""
        with Vertical(id="lock"), Vertical(classes="card"):
            yield Static(joined(("Locked: ", "bold $ink"), (self.desk_app.signed_in_as, "bold $mark")))
            yield Static(
                prose("Nobody touched this terminal for a while. Committed judgements are kept.", "$ink"),
                classes="card-text",
            )
            yield Input(password=True, id="reentry")
            yield Static(prose(HOW, "$muted"))

    def bar_right(self) -> Content:
        """Who, and nothing of the lists."""
        return joined((self.desk_app.signed_in_as, "$ink"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A passphrase: try it, once at a time."""
        passphrase, event.input.value = event.input.value, ""
        if not self._opening:
            self._opening = True
            self.notice("Opening the key", "$muted")
            self._open(passphrase)

    @work
    async def _open(self, passphrase: str) -> None:
        """The same door as at the start; what it hands out is not needed, the desk is still there."""
        try:
            await self.ask(lambda: self.desk_app.reception.sign_in(self._who, passphrase))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        finally:
            self._opening = False
        self.desk_app.unlock()
