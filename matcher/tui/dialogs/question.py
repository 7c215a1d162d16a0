"""A question in front of a screen: yes or no, or a reason in the reviewer's own words. Escape is always no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from matcher.review.wording import LONGEST_REASON
from matcher.tui.plain import joined, prose


class YesNo(ModalScreen[bool]):
    """Only the key y says yes; enter does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n,escape", "answer(False)", "no", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Title, text, the two keys."""
        with Vertical(classes="card"):
            yield Static(prose(self._title, "bold $ink"), classes="card-title")
            yield Static(prose(self._text, "$ink"), classes="card-text")
            yield Static(joined(("y", "bold $mark"), (" yes    ", "$muted"), ("n", "bold $mark"), (" no", "$muted")))

    def action_answer(self, yes: bool) -> None:
        """The answer."""
        self.dismiss(yes)


class Reason(ModalScreen[str | None]):
    """Asks for a reason; nothing happens without one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "no", show=False)]

    def __init__(self, title: str, text: str, deed: str = "sign and keep") -> None:
        super().__init__()
        self._title, self._text, self._deed = title, text, deed

    def compose(self) -> ComposeResult:
        """Title, text, one line to write on."""
        with Vertical(classes="card"):
            yield Static(prose(self._title, "bold $ink"), classes="card-title")
            yield Static(prose(self._text, "$ink"), classes="card-text")
            yield Input(placeholder="reason, in your own words", max_length=LONGEST_REASON)
            yield Static(
                joined(
                    ("enter", "bold $mark"),
                    (f" {self._deed}    ", "$muted"),
                    ("esc", "bold $mark"),
                    (" back", "$muted"),
                )
            )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A reason that says something."""
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            self.query_one(Input).placeholder = "a reason is needed: it is kept with your name"

    def action_cancel(self) -> None:
        """No."""
        self.dismiss(None)
