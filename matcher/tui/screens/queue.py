"""Alerts waiting for the signed-in reviewer: their age and how many candidates, nothing else."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import DataTable, Static

from matcher.domain.desk import QueueEntry
from matcher.errors import MatcherError
from matcher.review.wording import age
from matcher.tui.plain import cell
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.room import Room

MOST_ROWS = 500  # the oldest ones; a person judges a few dozen a day
REFRESH_SECONDS = 15.0


class QueueScreen(Room):
    """The reviewer's work."""

    TITLE_TEXT = "queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "compare", priority=False),
        Binding("r", "reload", "refresh"),
        Binding("l", "app.lists", "lists"),
        Binding("ctrl+l", "app.switch_reviewer", "switch reviewer", key_display="^l"),
    ]

    _entries: tuple[QueueEntry, ...] = ()
    _opening = False

    def body(self) -> ComposeResult:
        """A sentence, the table, and the words for an empty queue."""
        yield Static(id="queue-summary")
        yield DataTable[object](id="queue", cursor_type="row", zebra_stripes=False)
        yield Static(Content.styled("Nothing is waiting for you.", "$muted"), id="queue-empty")

    def on_mount(self) -> None:
        """Columns and the timer."""
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
            entries = await self.ask(desk.queue)
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self._show(entries)

    def _show(self, entries: Sequence[QueueEntry]) -> None:
        table, now = self.query_one(DataTable), datetime.now(UTC)
        row, self._entries = table.cursor_row, tuple(entries[:MOST_ROWS])
        table.clear()
        for entry in self._entries:
            since = entry.queued_at.astimezone().strftime("%Y-%m-%d %H:%M %z")
            begun = "begun by you" if entry.begun else ""
            table.add_row(cell(age(entry.queued_at, now)), cell(since), cell(str(entry.candidates)), cell(begun))
        table.move_cursor(row=min(row, max(0, len(self._entries) - 1)))
        self.query_one("#queue-empty").display = not entries
        table.display = bool(entries)
        if entries:
            table.focus()
        more = f", the oldest {MOST_ROWS} are shown" if len(entries) > MOST_ROWS else ""
        text = f"{len(entries)} waiting for you{more}. List, case and score stay closed until you have judged."
        self.query_one("#queue-summary", Static).update(Content.styled(text if entries else "", "$muted"))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter or a click on a row."""
        self.action_open()

    def action_open(self) -> None:
        """Claims the alert under the cursor."""
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
