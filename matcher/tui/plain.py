"""The only way text from elsewhere reaches a widget: made harmless, and never parsed as markup."""

from rich.text import Text
from textual.content import Content

from matcher.review.safe_text import MAX_CELLS, neutralise, safe_display, safe_lines


def plain(text: str, style: str = "", cells: int = MAX_CELLS) -> Content:
    """One harmless line for a widget."""
    return Content.styled(safe_display(text, cells), style)


def prose(text: str, style: str = "") -> Content:
    """A harmless sentence that may be longer than one line."""
    return Content.styled(neutralise(text), style)


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
