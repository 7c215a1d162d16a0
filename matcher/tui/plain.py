"""The only way text reaches a widget: made harmless, and never parsed as markup.

1. Every string that these functions take loses its control characters, newlines included; NEWLINE makes a line.
2. No other module of the interface makes a `Content` or a `Text` (a test reads them all): what is drawn went through
   here, or is a constant of the program.
"""

from rich.text import Text
from textual.content import Content

from matcher.review.safe_text import MAX_CELLS, neutralise, safe_display, safe_lines

Part = Content | str | tuple[str, str]

NEWLINE = Content("\n")
NOTHING = Content("")


def plain(text: str, style: str = "", cells: int = MAX_CELLS) -> Content:
    """One harmless line for a widget."""
    return Content.styled(safe_display(text, cells), style)


def prose(text: str, style: str = "") -> Content:
    """A harmless sentence that may be longer than one line."""
    return Content.styled(neutralise(text), style)


def joined(*parts: Part) -> Content:
    """Parts one after the other; a string or (string, style) is made harmless."""
    return Content.assemble(*(_harmless(part) for part in parts))


def lines(*rows: Content) -> Content:
    """Rows one below the other."""
    return NEWLINE.join(rows)


def bare(text: str) -> str:
    """One harmless line for what takes nothing but a string; it must not be read as markup there."""
    return safe_display(text)


def cell(text: str, cells: int = MAX_CELLS) -> Text:
    """One harmless table cell."""
    return Text(safe_display(text, cells))


def page(text: Text | str) -> Text:
    """A harmless page of several lines; styles of a rich text are kept."""
    if isinstance(text, str):
        return Text(safe_lines(text))
    shown = text.copy()
    shown.plain = safe_lines(shown.plain)
    return shown


def _harmless(part: Part) -> Content:
    if isinstance(part, Content):
        return part
    return prose(part) if isinstance(part, str) else prose(*part)
