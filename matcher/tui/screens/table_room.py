"""A room that is one table: a sentence above it, a filter, an order, and words for when it is empty."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.widgets import DataTable, Input, Static

from matcher.review.rows import Arranged, Column, Order, arranged
from matcher.tui.plain import cell, prose
from matcher.tui.screens.room import Room

R = TypeVar("R")

MOST_ROWS = 500  # what a person scrolls through; the filter looks at all
READING = "Reading"


class TableRoom(Room, Generic[R]):
    """Rows of one kind. `enter` opens the one under the cursor, and in the filter goes to the rows."""

    AUTO_FOCUS = ""  # the table, once there are rows
    FILTER_HINT: ClassVar[str] = "filter"
    # Keys with priority act before the next key is handed to a widget: letters typed fast land in the filter.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/", priority=True, tooltip="filter the rows"),
        Binding("o", "order", "order", tooltip="order the rows by another column, or the other way round"),
        Binding("r", "reload", "refresh", tooltip="read again"),
        Binding(
            "escape",
            "leave",
            "back",
            key_display="esc",
            priority=True,
            tooltip="end the filter; then back to the queue",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(0)
        self.rows: tuple[R, ...] | None = None
        self.shown: Arranged[R] = Arranged((), 0)

    def body(self) -> ComposeResult:
        """Sentence, filter, table, the words for nothing, and what the room has of its own."""
        yield Static(prose(READING, "$muted"), id="summary")
        yield Input(id="filter", placeholder=self.FILTER_HINT)
        yield DataTable[Text](id="rows", cursor_type="row", zebra_stripes=False)
        yield Static(prose(READING, "$muted"), id="empty")
        yield from self.extra()

    def extra(self) -> ComposeResult:
        """What stands below the table."""
        yield from ()

    def columns(self) -> Sequence[Column[R]]:
        """The table's columns at the present width."""
        raise NotImplementedError

    def summary(self) -> Content:
        """The sentence above the table."""
        raise NotImplementedError

    def nothing(self) -> str:
        """What to do where there is no row at all."""
        raise NotImplementedError

    def under_cursor(self) -> R | None:
        """The row that the next key is about."""
        at = self.query_one(DataTable).cursor_row
        return self.shown.rows[at][0] if 0 <= at < len(self.shown.rows) else None

    def on_mount(self) -> None:
        """Nothing is read yet."""
        self.query_one("#filter").display = self.query_one(DataTable).display = False

    def on_resize(self, event: Resize) -> None:
        """Columns follow the width of the screen."""
        if self.rows is not None:
            self.show_rows()

    def take(self, rows: Iterable[R]) -> None:
        """Shows what was read."""
        self.rows = tuple(rows)
        self.show_rows()

    def show_rows(self) -> None:
        """The rows that fit the filter, in order; the cursor stays in its place."""
        table, columns = self.query_one(DataTable), self.columns()
        self.shown = arranged(self.rows or (), columns, self.order, self.wanted, MOST_ROWS)
        at = table.cursor_row
        table.clear(columns=True)
        for number, column in enumerate(columns):
            table.add_column(cell(column.title + self.order.sign(number)), width=column.width)
        for _, texts in self.shown.rows:
            table.add_row(*(cell(text, column.width) for text, column in zip(texts, columns, strict=True)))
        table.move_cursor(row=min(at, max(0, len(self.shown.rows) - 1)))
        self._say(table)

    def _say(self, table: "DataTable[Text]") -> None:
        found = bool(self.shown.rows)
        nothing = "No row fits the filter: esc ends it." if self.rows else self.nothing()
        self.put("#empty", prose(nothing, "$muted"))
        self.query_one("#empty").display = not found
        table.display = found
        if found and not self.filtering:
            self.set_focus(table)
        self.put("#summary", self.summary())

    @property
    def wanted(self) -> str:
        """What the filter says."""
        return self.query_one("#filter", Input).value.strip()

    @property
    def filtering(self) -> bool:
        """True while somebody types in the filter."""
        return self.focused is self.query_one("#filter")  # `has_focus` is only true once an event has told the field

    # --- actions ------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """A line to type in; the rows follow it."""
        if self.filtering:
            raise SkipAction  # a slash is a letter there
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)  # at once: the next key is a letter of the filter

    def action_leave(self) -> None:
        """Ends the filter, or goes back to the queue."""
        field = self.query_one("#filter", Input)
        if field.display:
            self.set_focus(self.query_one(DataTable))
            field.value, field.display = "", False
            self.show_rows()
        else:
            self.back()

    def back(self) -> None:
        """Out of the room."""
        self.app.pop_screen()

    def action_order(self) -> None:
        """The next order."""
        self.order = self.order.next(len(self.columns()))
        self.show_rows()
        self.ordered()

    def ordered(self) -> None:
        """After another order was chosen."""

    def action_open(self) -> None:
        """Opens the row under the cursor; from the filter, goes to the rows."""
        row = self.under_cursor()
        if self.filtering:
            self.filtered()
        elif row is not None:
            self.open_row(row)

    def filtered(self) -> None:
        """Enter in the filter."""
        self.set_focus(self.query_one(DataTable))

    def open_row(self, row: R) -> None:
        """Enter or a click on a row."""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Every letter filters."""
        if self.rows is not None:
            self.show_rows()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the filter."""
        self.filtered()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """A click on a row."""
        self.action_open()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """A click on the head of a column."""
        self.order = self.order.chosen(event.column_index)
        self.show_rows()
        self.ordered()
