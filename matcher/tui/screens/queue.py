"""Alerts waiting for the signed-in reviewer: their age and how many candidates, nothing else."""

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import DataTable, Input, Static

from matcher.domain.desk import QueueEntry
from matcher.domain.people import Role
from matcher.errors import MatcherError
from matcher.review.wording import age
from matcher.tui.plain import cell, prose
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.room import Room

MOST_ROWS = 500  # the oldest ones; a person judges a few dozen a day
REFRESH_SECONDS = 15.0


class QueueScreen(Room):
    """The reviewer's work."""

    TITLE_TEXT = "queue"
    AUTO_FOCUS = "#queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "compare", priority=True),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("r", "reload", "refresh"),
        Binding("l", "app.lists", "lists"),
        Binding("escape", "unfilter", "all", show=False),
    ]

    _entries: tuple[QueueEntry, ...] = ()
    _all: tuple[QueueEntry, ...] = ()
    _closings: tuple[str, ...] = ()
    _opening = False

    def body(self) -> ComposeResult:
        """A sentence, the table, and the words for an empty queue."""
        yield Static(id="queue-summary")
        yield Input(id="queue-filter", placeholder="filter: words of a row, such as begun or 2026-11")
        yield DataTable[object](id="queue", cursor_type="row", zebra_stripes=False)
        yield Static(Content.styled("Nothing is waiting for you.", "$muted"), id="queue-empty")

    def on_mount(self) -> None:
        """Columns and the timer."""
        self.query_one("#queue-filter").display = False
        table = self.query_one(DataTable)
        for title, width in (("Waiting for", 14), ("Since", 24), ("Candidates", 10), ("", 14)):
            table.add_column(cell(title), width=width)
        self.set_interval(REFRESH_SECONDS, self.action_reload)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Another look after every visit elsewhere."""
        self._opening = False
        self.action_reload()

    def action_reload(self) -> None:
        """Asks the desk again."""
        if self.is_current and self.desk_app.desk and not self._opening:
            self._load()

    @work(exclusive=True, group="queue")
    async def _load(self) -> None:
        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            entries, closings = await self.ask(lambda: (desk.queue(), desk.closings()))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self._all, self._closings = tuple(entries), tuple(closings)
        self._show()

    def _show(self) -> None:
        table, now, wanted = self.query_one(DataTable), datetime.now(UTC), self._wanted()
        fitting = [(entry, row) for entry in self._all if wanted in " ".join(row := _cells(entry, now)).lower()]
        at, self._entries = table.cursor_row, tuple(entry for entry, _ in fitting[:MOST_ROWS])
        table.clear()
        for _, row in fitting[:MOST_ROWS]:
            table.add_row(*(cell(text) for text in row))
        table.move_cursor(row=min(at, max(0, len(self._entries) - 1)))
        self.query_one("#queue-empty", Static).update(Content.styled(self._words_for_nothing(), "$muted"))
        self.query_one("#queue-empty").display = not fitting
        table.display = bool(fitting)
        if fitting and not self.query_one("#queue-filter").has_focus:
            table.focus()
        self.query_one("#queue-summary", Static).update(self._summary(len(fitting)))

    def _wanted(self) -> str:
        return self.query_one("#queue-filter", Input).value.strip().lower()

    def _words_for_nothing(self) -> str:
        if self._all:
            return "No waiting alert fits the filter. esc shows all."
        desk = self.desk_app.desk
        approver = desk is not None and Role.APPROVER in desk.user.roles
        return "Nothing is waiting for you." + (" Press l for the lists: reports and activation." if approver else "")

    def _summary(self, fitting: int) -> Content:
        count, more = len(self._all), f", the oldest {MOST_ROWS} are shown" if fitting > MOST_ROWS else ""
        shown = f", {fitting} fit the filter" if fitting != count else ""
        text = f"{count} waiting for you{shown}{more}. List, case and score stay closed until you have judged."
        closed = [part for line in self._closings[:2] for part in ("\n", prose(line, "$warn"))]
        return Content.assemble((text if count else "", "$muted"), *closed)

    def action_filter(self) -> None:
        """A line to type in; the rows follow it."""
        field = self.query_one("#queue-filter", Input)
        field.display = True
        field.focus()

    def action_unfilter(self) -> None:
        """All rows again."""
        field = self.query_one("#queue-filter", Input)
        field.value, field.display = "", False
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Every letter filters."""
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the filter goes to the rows."""
        self.query_one(DataTable).focus()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter or a click on a row."""
        self.action_open()

    def action_open(self) -> None:
        """Claims the alert under the cursor."""
        if self.query_one("#queue-filter").has_focus:
            self.query_one(DataTable).focus()
            return
        row = self.query_one(DataTable).cursor_row
        if self._opening or self.too_small or not 0 <= row < len(self._entries):
            return
        self._opening = True
        self.notice("Opening", "$muted")
        self._claim(self._entries[row].alert_id)

    @work
    async def _claim(self, alert_id: str) -> None:
        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            alert = await self.ask(lambda: desk.claim(alert_id))
        except asyncio.CancelledError:  # the screen closed meanwhile: what was claimed goes back
            self.desk_app.tell(lambda: desk.release(alert_id))
            raise
        except MatcherError as error:
            self._opening = False
            self.notice(str(error))
            self.action_reload()
            return
        self.notice("")
        self.app.push_screen(CompareScreen(desk, alert, self.desk_app.clock()))


def _cells(entry: QueueEntry, now: datetime) -> tuple[str, ...]:
    since = entry.queued_at.astimezone().strftime("%Y-%m-%d %H:%M %z")
    return age(entry.queued_at, now), since, str(entry.candidates), "begun by you" if entry.begun else ""
