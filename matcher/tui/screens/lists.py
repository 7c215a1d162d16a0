"""The lists: their states, what comes next, and the stop button."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import DataTable, Static

from matcher.domain.desk import ListLine
from matcher.domain.template import score_text
from matcher.errors import MatcherError
from matcher.review.safe_text import safe_display
from matcher.tui.dialogs.question import Reason
from matcher.tui.plain import cell, plain, prose
from matcher.tui.screens.calibration import CalibrationScreen
from matcher.tui.screens.room import Room

IN_FULL = ("Stopped", "Watched", "Next step")  # sentences of this program or a reason somebody gave
COLUMNS = (("List", 24), ("State", 12), ("Subjects", 8), ("Threshold", 9), ("Tier", 12))


class ListsScreen(Room):
    """Every list of this home."""

    TITLE_TEXT = "lists"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "report and activation", priority=True),
        Binding("ctrl+s", "stop", "stop a list", key_display="^s"),
        Binding("r", "reload", "refresh"),
        Binding("escape", "back", "queue", key_display="esc"),
    ]

    _lines: tuple[ListLine, ...] = ()

    def body(self) -> ComposeResult:
        """The table, then the line under the cursor in full."""
        yield DataTable[Text](id="lists", cursor_type="row")
        yield Static(id="list-detail")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(DataTable)
        for title, width in COLUMNS:
            table.add_column(cell(title), width=width)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Another look after every visit elsewhere."""
        self.notice("")
        self.action_reload()

    @work(exclusive=True, group="lists")
    async def action_reload(self) -> None:
        """Asks the office again."""
        office = self.desk_app.office
        if office is None:
            return
        try:
            lines = await self.ask(office.lists)
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self._show(lines)

    def _show(self, lines: Sequence[ListLine]) -> None:
        table, self._lines = self.query_one(DataTable), tuple(lines)
        row = table.cursor_row
        table.clear()
        for line in self._lines:
            threshold = "none" if line.threshold is None else score_text(line.threshold)
            values = (line.name, line.state, str(line.subjects), threshold, line.tier)
            table.add_row(*(cell(value, width) for value, (_, width) in zip(values, COLUMNS, strict=True)))
        table.move_cursor(row=min(row, max(0, len(self._lines) - 1)))
        table.focus()
        self._show_detail()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The detail follows the cursor."""
        self._show_detail()

    def _show_detail(self) -> None:
        line = self._under_cursor()
        detail = self.query_one("#list-detail", Static)
        if line is None:
            detail.update(Content.styled("There is no list yet: `matcher watchlist create`.", "$muted"))
            return
        ends = line.ends_at.astimezone().strftime("%Y-%m-%d %H:%M %z") if line.ends_at else "not active"
        rows = (
            ("Purpose", line.purpose), ("Owner", line.owner), ("Loaded by", line.loaded_by),
            ("Approved by", line.approver or "nobody yet"), ("Active until", ends), ("Expires", line.expires),
            ("Digest", line.digest[:16]), ("Stopped", line.stopped), ("Waiting alerts", str(line.waiting)),
            ("Watched", line.watched),
            ("Next step", line.next_step),
        )  # fmt: skip
        width = max(60, self.size.width - 20)
        told = [(title, text) for title, text in rows if text]
        parts = [
            part for title, text in told for part in ((title.ljust(15), "$muted"), _told(title, text, width), "\n")
        ]
        detail.update(Content.assemble(*parts))

    def _under_cursor(self) -> ListLine | None:
        row = self.query_one(DataTable).cursor_row
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter or a click on a row."""
        self.action_open()

    def action_open(self) -> None:
        """The report of the list under the cursor."""
        line = self._under_cursor()
        if line is not None and self.desk_app.office is not None:
            self.app.push_screen(CalibrationScreen(self.desk_app.office, line))

    @work
    async def action_stop(self) -> None:
        """Suspends the list under the cursor, with a reason; everybody may."""
        line, office = self._under_cursor(), self.desk_app.office
        if line is None or office is None:
            return
        if line.stopped:
            self.notice("This list is stopped already")
            return
        text = (
            "It is not searched any more until an approver activates it again. "
            f"{line.waiting} waiting alerts close as inconclusive and do not come back. The stop is logged as yours."
        )
        title = f"Stop {safe_display(line.name, 40)}?"
        reason = await self.app.push_screen_wait(Reason(title, text, "stop the list"))
        if reason is None:
            return
        try:
            closed = await self.ask(lambda: office.suspend(line.name, reason))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self.notice(f"The list is suspended; {closed} waiting alerts closed as inconclusive", "$good")
        self.action_reload()

    def action_back(self) -> None:
        """To the queue."""
        self.app.pop_screen()


def _told(title: str, text: str, width: int) -> Content:
    if title not in IN_FULL:
        return plain(text, "$ink", width)
    return prose(text, "$bad" if title == "Stopped" else "$ink")
