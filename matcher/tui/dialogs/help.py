"""What every key does on the screen below, read from its bindings."""

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from matcher.tui.offers import Offer
from matcher.tui.plain import NEWLINE, Part, joined

KEYS_WIDTH, WORDS_WIDTH = 8, 26


class HelpDialog(ModalScreen[None]):
    """A card of keys in two columns; it scrolls where it is taller than the terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,question_mark,q", "close", "close", show=False, tooltip="close")
    ]

    def __init__(self, offers: list[Offer]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        """What fits on the left goes there; the card is as tall as the taller column."""
        left, right = _columns(self._offers)
        with Vertical(classes="card help"), VerticalScroll(), Horizontal(id="help-columns"):
            yield Static(_page(left))
            yield Static(_page(right))

    def on_click(self) -> None:
        """Anywhere."""
        self.dismiss()

    def action_close(self) -> None:
        """Back."""
        self.dismiss()


Section = tuple[str, list[Offer]]


def _columns(found: list[Offer]) -> tuple[list[Section], list[Section]]:
    """Sections split so that the taller column is as short as it can be."""
    sections: dict[str, list[Offer]] = {}
    for offer in found:
        sections.setdefault(offer.section, []).append(offer)
    rows = list(sections.items())
    heights = [sum(_height(offer) for offer in offers) + 2 for _, offers in rows]
    cut = min(range(len(rows) + 1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])))
    return rows[:cut], rows[cut:]


def _height(offer: Offer) -> int:
    return len(wrap(offer.words, WORDS_WIDTH))


def _page(sections: list[Section]) -> Content:
    parts: list[Part] = []
    for title, found in sections:
        parts += [(title, "bold $mark"), NEWLINE]
        for offer in found:
            keys = " ".join(offer.keys)
            for line in wrap(offer.words, WORDS_WIDTH):
                parts += [(f"{keys.ljust(KEYS_WIDTH)} ", "bold $ink"), (line, "$muted"), NEWLINE]
                keys = ""
        parts.append(NEWLINE)
    return joined(*parts).rstrip()
