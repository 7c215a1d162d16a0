"""The log: who did what and when, and whether log and tables still say what was written.

What a letter in the filter looks through are the newest entries; enter looks through the whole log. Both that and a
verification run beside the interface, say how far they are, and end with escape or when the room is left.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import DataTable, Static

from matcher.domain.desk import LogLine, LogPage
from matcher.errors import MatcherError
from matcher.review import wording
from matcher.review.rows import Column, Order
from matcher.tui.plain import joined, lines, plain, prose
from matcher.tui.screens.table_room import MOST_ROWS, TableRoom

T = TypeVar("T")

BAR = 30
TICK_SECONDS = 0.2


class Stopped(Exception):
    """Somebody stopped a long piece of work; raised in its thread, and an answer like any other."""


class Errand:
    """Long work in a thread: how far it is, and whether it shall stop."""

    def __init__(self, title: str) -> None:
        self.title, self.done, self.total = title, 0, 0
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ends it at its next step."""
        self._stop.set()

    def progress(self, done: int, total: int) -> None:
        """Called by the work; raises Stopped."""
        self.done, self.total = done, total
        if self._stop.is_set():
            raise Stopped


class LogScreen(TableRoom[LogLine]):
    """Entries, newest first."""

    TITLE_TEXT = "log"
    FILTER_HINT = "filter: words of an entry, such as list.searched; enter looks through the whole log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "open", "search all", show=False, priority=True, tooltip="look for the filter in the whole log"
        ),
        Binding("v", "verify", "verify", tooltip="verify log, tables and signatures"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(0, falling=True)
        self._page = LogPage((), 0, 0)
        self._searched = ""
        self._errand: Errand | None = None

    def extra(self) -> ComposeResult:
        """The entry under the cursor in full, and what a verification says."""
        yield Static(id="detail")
        yield Static(id="verification")

    def on_mount(self) -> None:
        """Reads the newest entries."""
        super().on_mount()
        self.query_one("#verification").display = False
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Back from a dialog nothing is read again; the first look reads."""
        if self.rows is None:
            self.action_reload()

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        self._stop()

    def columns(self) -> Sequence[Column[LogLine]]:
        """What `matcher audit show` shows."""
        rest = max(10, self.size.width - 70)
        return (
            Column("No", 8, lambda one: str(one.sequence), lambda one: one.sequence),
            Column("Time", 19, _time, lambda one: one.time),
            Column("Who", 10, lambda one: one.actor, lambda one: one.actor),
            Column("What", 19, lambda one: one.action, lambda one: one.action),
            Column("Details", rest, lambda one: wording.details(one.details), lambda one: one.details),
        )

    def summary(self) -> Content:
        """How much of the log this is."""
        shown = f", {self.shown.fitting} shown" if self.shown.fitting != len(self._page.lines) else ""
        return prose(f"{wording.log_state(self._page, self._searched)}{shown}", "$muted")

    def nothing(self) -> str:
        """Only a search can find nothing: a home begins with an entry."""
        return "No entry holds these words: esc shows the newest ones."

    def show_rows(self) -> None:
        """The rows, and the detail of the one under the cursor."""
        super().show_rows()
        self._show_detail()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """The detail follows the cursor."""
        self._show_detail()

    def _show_detail(self) -> None:
        line, detail = self.under_cursor(), self.query_one("#detail", Static)
        detail.display = line is not None
        if line is None:
            return
        seat = f"{line.account} at {line.terminal or 'no terminal'}" if line.account else "closed"
        width = max(60, self.size.width - 14)
        entry = plain(f"{line.sequence}, hash {line.hash}", "$ink", width)
        details = prose(wording.details(line.details), "$muted" if line.closed else "$ink")
        rows = (("Entry", entry), ("Seat", plain(seat, "$ink", width)), ("Details", details))
        detail.update(lines(*(joined((title.ljust(10), "$muted"), text) for title, text in rows)))

    # --- reading and searching ----------------------------------------------------------------------------------------

    @work(exclusive=True, group="log")
    async def action_reload(self) -> None:
        """The newest entries."""
        office = self.desk_app.office
        if office is None:
            return
        try:
            page = await self.ask(lambda: office.log().newest(MOST_ROWS))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self._page, self._searched = page, ""
        self.take(page.lines)

    def action_leave(self) -> None:
        """Stops what runs; then ends the search; then goes back."""
        if self._errand is not None:
            self._errand.stop()
        elif self._searched:
            super().action_leave()
            self.action_reload()
        else:
            super().action_leave()

    def filtered(self) -> None:
        """Enter in the filter: the whole log."""
        self.set_focus(self.query_one(DataTable))
        if self.wanted:
            self._search(self.wanted)

    @work
    async def _search(self, wanted: str) -> None:
        office = self.desk_app.office
        if office is None or self._errand is not None:
            return
        errand = Errand("looking through the log")
        page = await self._run(errand, lambda: office.log().search(wanted, MOST_ROWS, errand.progress))
        if page is not None:
            self._page, self._searched = page, wanted
            self.take(page.lines)

    # --- verifying ----------------------------------------------------------------------------------------------------

    @work
    async def action_verify(self) -> None:
        """Checks everything, beside the interface."""
        office, said = self.desk_app.office, self.query_one("#verification", Static)
        if office is None or self._errand is not None:
            return
        said.display = False
        errand = Errand("verifying")
        found = await self._run(errand, lambda: office.log().verify(errand.progress))
        if found is not None:
            said.display = True
            first, *rest = (prose(one, "$ink") for one in wording.verified(found))
            said.update(lines(joined(("VERIFIES  ", "bold $good"), first), *rest))

    async def _run(self, errand: Errand, call: Callable[[], T]) -> T | None:
        """Runs long work in a thread of its own, so that nobody waits for it; None where it ended without an answer."""
        self._errand = errand
        try:
            answer = await self.while_open(asyncio.to_thread(call))
        except Stopped:
            self.notice(f"Stopped {errand.title}")
        except MatcherError as error:
            said = self.query_one("#verification", Static)
            said.display = True
            said.update(joined(("DOES NOT VERIFY  ", "bold $bad"), prose(str(error), "$ink")))
        else:
            self.notice("")
            return answer
        finally:
            self._errand = None
        return None

    def _tick(self) -> None:
        errand = self._errand
        if errand is None:
            return
        full = BAR * errand.done // errand.total if errand.total else 0
        bar = f"{'█' * full}{'░' * (BAR - full)}"
        self.notice(f"{errand.title} {bar} {errand.done:,} of {errand.total:,}   esc stops", "$mark")

    def _stop(self) -> None:
        if self._errand is not None:
            self._errand.stop()


def _time(line: LogLine) -> str:
    return f"{line.time.astimezone():%Y-%m-%d %H:%M:%S}"
