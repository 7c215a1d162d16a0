"""The lists: their states, what comes next, and the stop button."""

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import DataTable, Static

from matcher.domain.desk import ListLine
from matcher.domain.template import score_text
from matcher.errors import MatcherError
from matcher.review import wording
from matcher.review.rows import Column
from matcher.review.safe_text import safe_display
from matcher.tui.dialogs.question import Reason
from matcher.tui.plain import joined, lines, plain, prose
from matcher.tui.screens.calibration import CalibrationScreen
from matcher.tui.screens.table_room import TableRoom

IN_FULL = ("Stopped", "Watched", "Next step")  # sentences of this program or a reason somebody gave


class ListsScreen(TableRoom[ListLine]):
    """Every list of this home."""

    TITLE_TEXT = "lists"
    FILTER_HINT = "filter: words of a row, such as suspended"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "report", key_display="⏎", priority=True,
                tooltip="the report of this list, and its activation"),
        Binding("ctrl+s", "stop", "stop", key_display="^s", tooltip="stop this list, with a reason"),
        Binding(
            "escape", "leave", "queue", key_display="esc", priority=True,
            tooltip="end the filter; then back to the queue",
        ),
    ]  # fmt: skip

    def columns(self) -> Sequence[Column[ListLine]]:
        """Name, state, size, threshold, tier."""
        return (
            Column("List", min(48, max(21, self.size.width - 59)), lambda one: one.name, lambda one: one.name),
            Column("State", 12, lambda one: one.state, lambda one: one.state),
            Column("Subjects", 10, lambda one: str(one.subjects), lambda one: one.subjects),
            Column("Threshold", 11, _threshold, lambda one: -1 if one.threshold is None else one.threshold),
            Column("Tier", 12, lambda one: one.tier, lambda one: one.tier),
        )

    def extra(self) -> ComposeResult:
        """The line under the cursor in full."""
        yield Static(id="detail")

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
            found = await self.ask(office.lists)
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self.desk_app.know_lists(found)
        self.take(found)

    def show_rows(self) -> None:
        """The rows, and the detail of the one under the cursor."""
        super().show_rows()
        self._show_detail()

    def nothing(self) -> str:
        """How a list comes about."""
        return "There is no list yet: an admin makes one with `matcher watchlist create`."

    def summary(self) -> Content:
        """How the lists stand."""
        return prose(wording.lists_state(self.rows or ()), "$muted")

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The detail follows the cursor."""
        self._show_detail()

    def _show_detail(self) -> None:
        line = self.under_cursor()
        detail = self.query_one("#detail", Static)
        detail.display = line is not None
        if line is None:
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
        detail.update(lines(*(joined((title.ljust(15), "$muted"), _told(title, text, width)) for title, text in told)))

    def open_row(self, row: ListLine) -> None:
        """The report of a list."""
        if self.desk_app.office is not None:
            self.app.push_screen(CalibrationScreen(self.desk_app.office, row))

    @work
    async def action_stop(self) -> None:
        """Suspends the list under the cursor, with a reason; everybody may."""
        line, office = self.under_cursor(), self.desk_app.office
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


def _threshold(line: ListLine) -> str:
    return "none" if line.threshold is None else score_text(line.threshold)


def _told(title: str, text: str, width: int) -> Content:
    if title not in IN_FULL:
        return plain(text, "$ink", width)
    return prose(text, "$bad" if title == "Stopped" else "$ink")
