"""Text and tables for the terminal. Words that come from data are only ever `Text`, never console markup."""

from typing import TYPE_CHECKING

from matcher.review.safe_text import neutralise

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def words(text: str, style: str = "") -> "Text":
    """Text of any origin."""
    from rich.text import Text

    return Text(neutralise(text), style=style)


def plain_table(title: str) -> "Table":
    """A table with a rule under its heads and no other lines."""
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
