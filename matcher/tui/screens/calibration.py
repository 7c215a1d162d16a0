"""One list's report, and activation by an approver who types the number they answer for."""

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, ScrollableContainer, Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Button, Input, Static

from matcher.domain.desk import ListLine
from matcher.domain.people import Role
from matcher.domain.rooms import ListOffice
from matcher.errors import MatcherError
from matcher.tui.plain import joined, page, plain, prose
from matcher.tui.screens.room import Room

LONGEST_NUMBER = 9
PAGES = "a page of the report, from wherever you are"


class CalibrationScreen(Room):
    """Report above, activation below."""

    TITLE_TEXT = "calibration"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "lists", key_display="esc", tooltip="back to the lists"),
        Binding("tab", "app.focus_next", "next", tooltip="report, number, activate: the next one"),
        # a field and a scrolled part have these keys too, and do not say so in the footer: priority
        Binding("pagedown", "turn(1)", "page", key_display="pgdn", tooltip=PAGES, priority=True),
        Binding("pageup", "turn(-1)", "page", show=False, tooltip=PAGES, priority=True),
        Binding("f", "full", "full", tooltip="the report on the whole screen, and back"),
    ]

    def __init__(self, office: ListOffice, line: ListLine) -> None:
        super().__init__()
        self._office, self._line = office, line
        self._working = False
        self._body: bytes | None = None

    def bar_left(self) -> Content:
        """Which list."""
        return joined(("matcher  ", "$muted"), ("calibration ", "bold $ink"), plain(self._line.name, "$ink", 32))

    def body(self) -> ComposeResult:
        """The report scrolls; the approver's part stays, and so does why the list is stopped."""
        yield Static(joined(("Stopped ", "bold $bad"), prose(self._line.stopped, "$ink")), id="stopped")
        with ScrollableContainer(id="report-scroll"):
            yield Static(prose("Reading the report", "$muted"), id="report")
        with Vertical(id="activation"):
            yield Static(id="consequence")
            with Horizontal(id="signing"):
                yield Static(prose("False alarms a day:", "$muted"), id="number-label")
                yield Input(id="number", restrict="[0-9]*", max_length=LONGEST_NUMBER)
                yield Button("Activate", id="activate")

    def on_mount(self) -> None:
        """Reads report and consequence."""
        self.query_one("#signing").display = False
        self.set_focus(self.query_one("#report-scroll"))
        self.query_one("#stopped").display = bool(self._line.stopped)
        self._read()

    @work
    async def _read(self) -> None:
        name, office = self._line.name, self._office
        try:
            report = await self.ask(lambda: office.report(name))
        except MatcherError as error:
            self.query_one("#report", Static).update(prose(str(error), "$warn"))
            self.query_one("#activation").display = False
            return
        self._body = report
        await self._lay_out()
        await self._read_consequence()

    def on_resize(self, event: Resize) -> None:
        """The page follows the width of the screen."""
        self._follow()

    @work(exclusive=True, group="layout")
    async def _follow(self) -> None:
        await self._lay_out()

    async def _lay_out(self) -> None:
        body, table, width = self._body, self.desk_app.report_table, max(60, self.size.width - 5)
        if body is not None:
            laid_out = await self.while_open(asyncio.to_thread(table, body, width))
            self.query_one("#report", Static).update(page(laid_out))

    async def _read_consequence(self) -> None:
        consequence, desk = self.query_one("#consequence", Static), self.desk_app.desk
        if desk is None or Role.APPROVER not in desk.user.roles:
            consequence.update(prose("Activation needs an approver who did not load this list.", "$muted"))
            return
        try:
            sentence, _ = await self.ask(lambda: self._office.consequence(self._line.name))
        except MatcherError as error:
            consequence.update(prose(str(error), "$warn"))
            return
        consequence.update(joined(("You sign: ", "$muted"), prose(sentence, "bold $ink")))
        self.query_one("#signing").display = True
        self.set_focus(self.query_one("#number"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the number."""
        self._activate()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The button does what enter does."""
        self._activate()

    def _activate(self) -> None:
        field = self.query_one("#number", Input)
        if self._working or not field.value:
            if not field.value:
                self.notice("Type how many false alarms a day the sentence above allows: you answer for it")
            return
        self._working, typed, field.value = True, int(field.value), ""
        self.notice("Signing", "$muted")
        self._sign(typed)

    @work
    async def _sign(self, typed: int) -> None:
        try:
            await self.ask(lambda: self._office.activate(self._line.name, typed))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        finally:
            self._working = False
        self.query_one("#signing").display = self.query_one("#stopped").display = False
        self.query_one("#consequence", Static).update(prose("Active. Your signature is in the log.", "$good"))
        self.notice("")
        self.set_focus(self.query_one("#report-scroll"))

    def action_turn(self, pages: int) -> None:
        """The report by a page, while the number is in focus too."""
        scroll = self.query_one("#report-scroll", ScrollableContainer)
        (scroll.scroll_page_down if pages > 0 else scroll.scroll_page_up)(animate=False)

    def action_full(self) -> None:
        """The approver's part makes room for the report, or comes back."""
        self.toggle_class("-full")
        self.set_focus(self.query_one("#report-scroll"))

    def action_back(self) -> None:
        """To the lists."""
        self.app.pop_screen()
