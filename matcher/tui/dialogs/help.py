"""What every key does."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = (
    (
        "Judging",
        (
            ("s  u  d", "same, undecided, different"),
            ("enter", "commit what is chosen"),
            ("a  x  v", "checklist: agree, differ, not visible"),
            ("up down", "another line of the checklist"),
            ("k", "I know this person: step back"),
            ("esc", "undo the choice; back to the queue"),
        ),
    ),
    (
        "After the score",
        (
            ("w", "withdraw *same*, with a reason"),
            ("t", "ask for a third reviewer"),
            ("e", "what the score says, and back"),
            ("enter", "next candidate, then finish"),
        ),
    ),
    (
        "Looking",
        (
            ("z  f", "zoom, full screen"),
            ("b  o", "both in one place: blink, overlay"),
            ("m c g", "mirror the probe, contrast, grid"),
            ("n  p", "next, previous reference"),
            ("tab ← →", "another candidate"),
            ("i  f2", "image mode"),
        ),
    ),
    ("Queue and lists", (("enter /", "open, filter"), ("l r", "lists, refresh"), ("ctrl+s", "stop a list"))),
    ("Everywhere", (("ctrl+p", "actions by name"), ("ctrl+l", "switch reviewer"), ("ctrl+q", "quit"))),
)


class HelpDialog(ModalScreen[None]):
    """A card of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,question_mark,q", "close", "close", show=False)]

    def compose(self) -> ComposeResult:
        """Two columns that fit 80x24."""
        with Vertical(classes="card help"):
            yield Static(self._page())

    def _page(self) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        for title, rows in KEYS:
            parts.append((f"{title}\n", "bold $mark"))
            for keys, meaning in rows:
                parts += [("  " + keys.ljust(9), "bold $ink"), (meaning + "\n", "$muted")]
        return Content.assemble(*parts).rstrip()

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
