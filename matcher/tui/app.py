"""The review app: signs people in, holds their desk, and moves between screens."""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from matcher.domain.ports import ListOffice, Reception, ReviewDesk
from matcher.review.pixels import Colours, ImageMode
from matcher.review.safe_text import safe_display
from matcher.tui.dialogs.help import HelpDialog
from matcher.tui.graphics import available, mode_name
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.screens.sign_in import SignInScreen
from matcher.tui.themes import DARK, MONOCHROME, TITLES, themes

T = TypeVar("T")
ReportTable = Callable[[bytes, int], "Text | str"]


class ReviewApp(App[None]):
    """`report_table` turns the canonical JSON of a report into a page; `banner` stands on the sign-in screen."""

    CSS_PATH = "app.tcss"
    TITLE = "matcher"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i,f2", "image_mode", "image mode", key_display="i", show=False),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("ctrl+l", "switch_reviewer", "switch reviewer", key_display="^l", priority=True),
        Binding("ctrl+q", "leave", "quit", priority=True),
    ]

    def __init__(
        self,
        reception: Reception,
        *,
        colours: Colours,
        start_user: str | None = None,
        banner: str = "",
        report_table: ReportTable = lambda report, width: report.decode("utf-8", "replace"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-thin"), (80, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-tall")]
        for theme in themes():
            self.register_theme(theme)
        self.theme = MONOCHROME if self.no_color else DARK
        self.reception, self.start_user, self.banner, self.report_table = reception, start_user, banner, report_table
        self.clock = clock
        self.colours = colours
        self.desk: ReviewDesk | None = None
        self.office: ListOffice | None = None
        self.image_mode = ImageMode.AUTO
        # One thread for every desk and office call: they happen in the order in which they were asked for.
        self._desk_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")

    @property
    def signed_in_as(self) -> str:
        """The signed-in person's name, empty before."""
        return safe_display(self.desk.user.name, 16) if self.desk else ""

    def get_default_screen(self) -> Screen[None]:
        """Signing in lies under every other screen."""
        return SignInScreen()

    async def ask(self, call: Callable[[], T]) -> T:
        """Runs a desk or office call on the desk thread."""
        return await asyncio.get_running_loop().run_in_executor(self._desk_thread, call)

    def tell(self, call: Callable[[], None]) -> None:
        """Has the desk thread do something nobody waits for."""
        self._desk_thread.submit(call)

    def admit(self, desk: ReviewDesk, office: ListOffice) -> None:
        """Somebody signed in: on to the queue."""
        self.desk, self.office = desk, office
        self.push_screen(QueueScreen())

    def on_exit_app(self) -> None:
        """Told to end from outside (a signal, a browser that went): what is held goes back."""
        self._give_back()

    def on_unmount(self) -> None:
        """Lets the desk thread finish what was asked of it, then end."""
        self._desk_thread.shutdown(wait=False)

    # --- actions ------------------------------------------------------------------------------------------------------

    def action_image_mode(self) -> None:
        """Draws pictures another way."""
        if isinstance(self.screen, CompareScreen) and self.screen.session.asking:
            return  # a question is opening
        self.image_mode = self.image_mode.next(available())
        if isinstance(self.screen, SignInScreen | CompareScreen):
            self.screen.image_mode_changed()
        else:
            self.notify(f"Image mode: {mode_name(self.image_mode)}", markup=False)

    def action_help(self) -> None:
        """The keys."""
        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog())

    def action_lists(self) -> None:
        """The lists, from the queue."""
        if isinstance(self.screen, QueueScreen):
            self.push_screen(ListsScreen())

    def action_switch_reviewer(self) -> None:
        """Gives back what is held, forgets the keys, and asks who is here."""
        self._give_back()
        self.desk = self.office = None
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_leave(self) -> None:
        """Gives back what is held and ends."""
        self._give_back()
        self.exit()

    def action_use_theme(self, name: str) -> None:
        """One of our themes."""
        self.theme = name

    def _give_back(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, CompareScreen):
                screen.give_back()

    # --- what Textual brings along and we narrow ----------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Our actions only: no screenshot (it would leave faces on the disk), no themes without enough contrast."""
        if isinstance(screen, QueueScreen):
            yield SystemCommand("Lists", "States of the lists, reports, activation", self.action_lists)
        yield SystemCommand("Image mode", "Draw pictures another way", self.action_image_mode)
        for name, title in TITLES.items():
            yield SystemCommand(f"{title} theme", "Change the colours", lambda name=name: self.action_use_theme(name))
        yield SystemCommand("Keys", "What every key does", self.action_help)
        yield SystemCommand("Switch reviewer", "Sign in as somebody else", self.action_switch_reviewer)
        yield SystemCommand("Quit", "Leave; committed judgements stay", self.action_leave)

    def _fatal_error(self) -> None:
        # Textual's own version prints every local variable: names, faces and keys. Ours names the place only.
        self.bell()
        self._give_back()
        self._exit_renderables.append(Text(crash_line(self._exception)))
        self._close_messages_no_wait()


def crash_line(error: BaseException | None) -> str:
    """One line for an unexpected error: its type and place, nothing of what was on screen."""
    cause = error
    while cause is not None and (inner := getattr(cause, "error", None) or cause.__cause__) is not None:
        cause = inner
    place = "unknown place"
    trace = cause.__traceback__ if cause else None
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"matcher review stopped: internal error {type(cause).__name__} at {place}. Committed judgements are kept."
