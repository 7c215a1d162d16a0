"""Text and tables for the terminal. Words that come from data are only ever `Text`, never console markup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matcher.review.safe_text import neutralise, safe_display

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text


# what drawings are made of, for a terminal that has ASCII and no more
_IN_ASCII = str.maketrans("●○├┤─┼║╫╬◄┬░▒▓█…", "*o[]-+|!@<+.:%#~")


@dataclass(frozen=True, slots=True)
class Fitted:
    """Something drawn of characters, which `lines` lays out for as many cells as the console is wide."""

    lines: Callable[[int], Sequence[str]]

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """What Rich asks of a renderable."""
        for line in self.lines(options.max_width):
            yield words(line.translate(_IN_ASCII) if options.ascii_only else line)


def words(text: str, style: str = "") -> "Text":
    """Text of any origin."""
    from rich.text import Text

    return Text(neutralise(text), style=style)


def plain_table(title: str) -> "Table":
    """A table with a rule under its heads and no other lines."""
    from rich import box
    from rich.table import Table

    return Table(title=words(title), title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)


def width_of(text: str) -> int:
    """Cells that a text of any origin takes, once it is one harmless line."""
    from rich.cells import cell_len

    return cell_len(safe_display(text))


def line_of(text: str, cells: int, *, right: bool = False) -> str:
    """One harmless line of exactly so many cells, cut with an ellipsis or filled with blanks."""
    shown = safe_display(text, cells)
    blanks = " " * (cells - width_of(shown))
    return blanks + shown if right else shown + blanks


def folded(text: str, cells: int) -> list[str]:
    """Harmless lines of at most so many cells, folded between words, or within one that is longer."""
    from rich.cells import cell_len, chop_cells

    lines = [""]
    for word in neutralise(text).split(" "):
        parts = chop_cells(word, cells) if cell_len(word) > cells else [word]
        joined = f"{lines[-1]} {parts[0]}" if lines[-1] else parts[0]
        if cell_len(joined) <= cells:
            lines[-1:] = [joined, *parts[1:]]
        else:
            lines += parts
    return lines
