"""Rows of a table: which are shown and in which order, as plain values.

1. A filter is words; a row fits when every word stands in one of its cells, in whatever case.
2. A table always has an order: by one column, rising or falling; equal rows stay as they came.
3. At most `most` rows are shown; how many fit is told beside them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column: its title and width in cells, what it writes of a row, and what rows are put in order by."""

    title: str
    width: int
    text: Callable[[R], str]
    by: Callable[[R], Any]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a table: by the column of this number."""

    column: int
    falling: bool = False

    def chosen(self, column: int) -> "Order":
        """After a click on the head of a column: by it, rising; a second click turns it round."""
        return Order(column, column == self.column and not self.falling)

    def next(self, columns: int) -> "Order":
        """After the sort key: the same column falling, then the next one rising."""
        return Order(self.column, True) if not self.falling else Order((self.column + 1) % columns)

    def sign(self, column: int) -> str:
        """What the head of a column says of the order."""
        return "" if column != self.column else " ↓" if self.falling else " ↑"


@dataclass(frozen=True, slots=True)
class Arranged(Generic[R]):
    """Rows to show with their cells, and how many fit the filter."""

    rows: tuple[tuple[R, tuple[str, ...]], ...]
    fitting: int


def arranged(rows: Iterable[R], columns: Sequence[Column[R]], order: Order, wanted: str, most: int) -> Arranged[R]:
    """The rows that fit, in order, at most `most`."""
    words, found = wanted.lower().split(), list(rows)
    if words:
        found = [row for row in found if _fits(row, columns, words)]
    found.sort(key=columns[order.column].by, reverse=order.falling)
    shown = tuple((row, tuple(column.text(row) for column in columns)) for row in islice(found, most))
    return Arranged(shown, len(found))


def _fits(row: R, columns: Sequence[Column[R]], words: Sequence[str]) -> bool:
    text = "\n".join(column.text(row) for column in columns).lower()
    return all(word in text for word in words)
