"""Alerts waiting for the signed-in reviewer: their age and how many candidates, nothing else."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import ScreenResume

from matcher.domain.desk import QueueEntry, QueueOrder, QueuePage
from matcher.domain.people import Role
from matcher.errors import MatcherError, Refused
from matcher.review.rows import Column, Order
from matcher.review.wording import age
from matcher.tui.plain import NEWLINE, NOTHING, joined, prose
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.table_room import TableRoom

REFRESH_SECONDS = 15.0
# What the desk is asked to give first, by column and whether it falls: the table holds the first of very many.
ASKED = {
    (0, False): QueueOrder.NEWEST,
    (0, True): QueueOrder.OLDEST,
    (1, False): QueueOrder.OLDEST,
    (1, True): QueueOrder.NEWEST,
    (2, False): QueueOrder.FEWEST,
    (2, True): QueueOrder.CANDIDATES,
    (3, False): QueueOrder.BEGUN,
    (3, True): QueueOrder.OLDEST,
}
SIGN_OUT = "What you signed is kept. ctrl+l signs out."
HIDDEN = "List, case and score stay closed until you have judged."


class QueueScreen(TableRoom[QueueEntry]):
    """The reviewer's work."""

    TITLE_TEXT = "queue"
    FILTER_HINT = "filter: words of a row, such as begun or 2026-11"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "compare", key_display="⏎", priority=True, tooltip="compare the faces of this alert"),
        Binding("l", "app.room('lists')", "lists", show=False, tooltip="lists, reports, activation"),
        Binding("escape", "leave", "all", show=False, priority=True, tooltip="end the filter"),
    ]

    _closings: tuple[str, ...] = ()
    _waiting = 0
    _why_closed = ""
    _opening = False

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(1)

    def columns(self) -> Sequence[Column[QueueEntry]]:
        """Age and number of candidates; whether this reviewer began."""
        now = self.desk_app.today()
        return (
            Column("Waiting for", 14, lambda one: age(one.queued_at, now), lambda one: now - one.queued_at),
            Column("Since", 24, _since, lambda one: one.queued_at),
            Column("Candidates", 12, lambda one: str(one.candidates), lambda one: one.candidates),
            Column("State", 14, lambda one: "begun by you" if one.begun else "new", lambda one: not one.begun),
        )

    def on_mount(self) -> None:
        """Starts the timer."""
        super().on_mount()
        self.set_interval(REFRESH_SECONDS, self.action_reload)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Another look after every visit elsewhere."""
        self._opening = False
        self.action_reload()
        self.desk_app.read_lists_state()

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
            order = ASKED[self.order.column, self.order.falling]
            page, closings = await self.ask(lambda: (desk.queue(order), desk.closings()))
        except Refused as error:  # suspended, or removed, since they signed in: nothing here is theirs any more
            page, closings = QueuePage((), 0, f"{str(error)[:1].upper()}{str(error)[1:]}. {SIGN_OUT}"), ()
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self._closings, self._waiting, self._why_closed = tuple(closings), page.waiting, page.closed
        self.take(page.entries)

    def nothing(self) -> str:
        """Why nothing waits, and what else there is."""
        if self._why_closed:
            return self._why_closed
        roles = self.desk_app.desk.user.roles if self.desk_app.desk else frozenset()
        if Role.REVIEWER not in roles:
            return "Nothing ever waits for you: you are not a reviewer. Press 2 for lists and reports, 3 for the log."
        return "Nothing is waiting for you. New alerts appear here by themselves; 4 shows what you have done."

    def summary(self) -> Content:
        """How many wait, and what was closed lately."""
        count, fitting = len(self.rows or ()), self.shown.fitting
        more = f", the first {count:,} of them are here" if self._waiting > count else ""
        shown = f", {fitting} fit the filter" if fitting != count else ""
        text = f"{self._waiting:,} waiting for you{more}{shown}. {HIDDEN}" if count else ""
        closed = [part for line in self._closings[:2] for part in (NEWLINE, prose(line, "$warn"))]
        return joined((text, "$muted"), *closed) if text or closed else NOTHING

    def ordered(self) -> None:
        """Another order: where not all that wait are here, others come first."""
        if self._waiting > len(self.rows or ()):
            self.action_reload()

    def back(self) -> None:
        """There is nothing behind the queue; ctrl+l signs out."""

    def refused(self, message: str) -> None:
        """Says why an alert is not open here, and reads again what waits."""
        self.notice(message)
        self.action_reload()

    def open_row(self, row: QueueEntry) -> None:
        """Claims the alert."""
        if not self._opening and not self.too_small:
            self._opening = True
            self.notice("Opening", "$muted")
            self._claim(row.alert_id)

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
            self.refused(str(error))
            return
        self.notice("")
        self.app.push_screen(CompareScreen(desk, alert, self.desk_app.clock()))


def _since(entry: QueueEntry) -> str:
    return f"{entry.queued_at.astimezone():%Y-%m-%d %H:%M %z}"
