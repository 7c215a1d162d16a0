"""The review app: signs people in, holds their desk, and moves between screens."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, MouseEvent, Paste
from textual.message import Message
from textual.screen import Screen

from matcher.domain.desk import ListLine
from matcher.domain.rooms import ListOffice, Reception, ReviewDesk
from matcher.errors import MatcherError
from matcher.review.pixels import Colours, ImageMode
from matcher.review.safe_text import safe_display
from matcher.review.wording import lists_states
from matcher.tui.dialogs.help import HelpDialog
from matcher.tui.graphics import available, mode_name
from matcher.tui.offers import offers
from matcher.tui.plain import bare, page
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.lock import LockScreen
from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.screens.room import ROOMS, Room
from matcher.tui.screens.sign_in import SignInScreen
from matcher.tui.screens.work import WorkScreen
from matcher.tui.themes import DARK, MONOCHROME, TITLES, themes

T = TypeVar("T")
ReportTable = Callable[[bytes, int], "Text | str"]

IDLE_SECONDS = 300.0  # five minutes: shorter than a claim's lease, which goes on meanwhile
INDEX_SECONDS = 15.0  # between two looks at the cluster that searches
SIGN_OUT_SECONDS = 900.0  # a claim's lease: nothing is held any more, and the keys are forgotten
ENDING = (signal.SIGTERM, signal.SIGHUP)  # told to end; the terminal is gone
WAYS: Mapping[str, str] = {
    "queue": "queue: alerts that wait for you",
    "lists": "lists, reports, activation",
    "log": "log: who did what, and does it verify",
    "my work": "my work: your own figures",
}
BEHIND: Mapping[str, type[Room]] = {"lists": ListsScreen, "log": LogScreen, "my work": WorkScreen}


class ReviewApp(App[None]):
    """`report_table` turns the canonical JSON of a report into a page; `banner` stands on the sign-in screen.

    `index_state` says what stands in the way of searching, where a cluster searches; it may take its time.

    An `image_mode` that this terminal did not answer to is not used, and the banner says so: a face that nobody sees
    must not count as large.
    """

    CSS_PATH = "app.tcss"
    TITLE = "matcher"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"room('{name}')", name, show=False, tooltip=WAYS[name]) for name, key in ROOMS.items()),
        Binding("i,f2", "image_mode", "image mode", key_display="i", show=False, tooltip="draw pictures another way"),
        Binding("question_mark", "help", "help", key_display="?", tooltip="what every key does"),
        Binding("ctrl+p", "command_palette", "actions", key_display="^p", priority=True, tooltip="actions by name"),
        Binding("ctrl+l", "switch_reviewer", "switch", key_display="^l", priority=True, tooltip="switch reviewer"),
        Binding("ctrl+q", "leave", "quit", key_display="^q", priority=True, tooltip="quit; committed judgements stay"),
    ]

    def __init__(
        self,
        reception: Reception,
        *,
        colours: Colours,
        image_mode: ImageMode = ImageMode.AUTO,
        start_user: str | None = None,
        banner: str = "",
        index_state: Callable[[], str] | None = None,
        report_table: ReportTable = lambda report, width: report.decode("utf-8", "replace"),
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-thin"), (80, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-tall"), (30, "-roomy")]
        for theme in themes():
            self.register_theme(theme)
        self.theme = MONOCHROME if self.no_color else DARK
        self.reception, self.start_user, self.report_table = reception, start_user, report_table
        self.clock, self.today = clock, today
        self.lists_states: Sequence[str] = ()
        self.index_state, self._ask_index_state, self._ended = "", index_state, threading.Event()
        self.colours = colours
        self.desk: ReviewDesk | None = None
        self.office: ListOffice | None = None
        answered = image_mode in available()
        self.image_mode = image_mode if answered else ImageMode.AUTO
        self.banner = banner if answered else f"{image_mode}: not answered by this terminal. {banner}"
        self._touched = self.locked_at = clock()
        self._asked = 0
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
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._desk_thread, call)
        finally:
            self._asked -= 1

    def tell(self, call: Callable[[], None]) -> None:
        """Has the desk thread do something nobody waits for."""
        self._desk_thread.submit(call)

    def admit(self, desk: ReviewDesk, office: ListOffice) -> None:
        """Somebody signed in: on to the queue."""
        self.desk, self.office = desk, office
        self.push_screen(QueueScreen())

    def on_mount(self) -> None:
        """Starts to watch for an empty chair, and for whoever ends the program or closes its terminal."""
        self.set_interval(1.0, self.look_at_the_clock)
        if self._ask_index_state is not None:  # a thread of its own: it waits for machines, and a desk must not
            threading.Thread(target=self._watch_index, args=(self._ask_index_state,), name="index", daemon=True).start()
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self.exit, None, 128 + number)

    def on_exit_app(self) -> None:
        """Told to end from outside (a signal, a browser that went): what is held goes back."""
        self._give_back()

    def on_unmount(self) -> None:
        """Lets the desk thread finish what was asked of it, then end."""
        for number in ENDING:
            asyncio.get_running_loop().remove_signal_handler(number)
        self._desk_thread.shutdown(wait=False)
        self._ended.set()

    # --- how the lists stand, for the head of every room --------------------------------------------------------------

    def know_lists(self, lines: Sequence[ListLine]) -> None:
        """Somebody read the lists."""
        self.lists_states = lists_states(lines)
        for screen in self.screen_stack:
            if isinstance(screen, Room):
                screen.refresh_bar()

    @work(exclusive=True, group="lists state")
    async def read_lists_state(self) -> None:
        """Asks the office how the lists stand; a failure is shown where the lists are."""
        office = self.office
        if office is None:
            return
        try:
            lines = await self.ask(office.lists)
        except MatcherError:
            self.lists_states = ("lists: see 2",)
            return
        if office is self.office:
            self.know_lists(lines)

    # --- the state of a cluster, for the line under the head of every room --------------------------------------------

    class IndexState(Message):
        """What stands in the way of searching; empty: nothing."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    def _watch_index(self, ask: Callable[[], str]) -> None:
        while not self._ended.is_set():
            self.post_message(self.IndexState(ask()))
            self._ended.wait(INDEX_SECONDS)

    def on_review_app_index_state(self, message: IndexState) -> None:
        """Somebody looked."""
        self.index_state = message.line
        for screen in self.screen_stack:
            if isinstance(screen, Room):
                screen.show_index_state()

    # --- the empty chair ----------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Notes that somebody is here, before anything else hears of it."""
        if isinstance(event, Key | MouseEvent | Paste):
            self._touched = self.clock()
        await super().on_event(event)

    def look_at_the_clock(self) -> None:
        """Locks after IDLE_SECONDS without a key or the mouse; signs out once the claim's lease is over too.

        While a call runs its answer may open or close a screen, so the lock waits for it, as long as once more.
        """
        idle = self.clock() - self._touched
        if self.desk is None:
            return
        if any(isinstance(screen, LockScreen) for screen in self.screen_stack):  # the palette may lie on it
            if idle >= SIGN_OUT_SECONDS:
                self.action_switch_reviewer()
        elif idle >= IDLE_SECONDS and (not self._asked or idle >= 2 * IDLE_SECONDS):
            self.lock(self.desk.user.name)

    def lock(self, name: str) -> None:
        """Takes the faces away, then covers everything."""
        self.locked_at = self._touched
        for screen in self.screen_stack:
            if isinstance(screen, Room):
                screen.conceal()
        self.clear_notifications()
        self.push_screen(LockScreen(name))

    def unlock(self) -> None:
        """The same person is back."""
        away = self.clock() - self.locked_at
        if isinstance(self.screen, LockScreen):
            self.pop_screen()
        for screen in self.screen_stack:
            if isinstance(screen, Room):
                screen.reveal(away)

    # --- actions ------------------------------------------------------------------------------------------------------

    def action_image_mode(self) -> None:
        """Draws pictures another way."""
        if isinstance(self.screen, CompareScreen) and self.screen.session.asking:
            return  # a question is opening
        self.image_mode = self.image_mode.next(available())
        if isinstance(self.screen, SignInScreen | CompareScreen):
            self.screen.image_mode_changed()
        else:
            self.notify(bare(f"Image mode: {mode_name(self.image_mode)}"), markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rooms are for who signed in, and never a way out of an alert; a locked terminal only opens or is left."""
        room = self._room
        if action == "room":
            return self.desk is not None and not isinstance(room, CompareScreen | LockScreen | SignInScreen)
        return action not in {"image_mode", "help"} or not isinstance(room, LockScreen)

    @property
    def _room(self) -> Screen[Any]:
        """The screen under dialogs and palette."""
        return next((one for one in reversed(self.screen_stack) if isinstance(one, Room)), self.screen)

    def action_help(self) -> None:
        """The keys."""
        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(offers(self.screen)))

    def action_room(self, name: str) -> None:
        """Another room; the queue lies under all of them."""
        if not isinstance(self.screen, Room) or name == self.screen.TITLE_TEXT:
            return
        while not isinstance(self.screen, QueueScreen):
            self.pop_screen()
        if name in BEHIND:
            self.push_screen(BEHIND[name]())

    def action_switch_reviewer(self) -> None:
        """Gives back what is held, forgets the keys, and asks who is here."""
        self._give_back()
        self.desk = self.office = None
        self.lists_states = ()
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
        """Every action of the screen below and of the app, as its keys do it, and our themes.

        Nothing else: a screenshot would leave faces on the disk, and other themes lack contrast.
        """
        for offer in offers(screen):
            keys = f"{offer.section}: {' '.join(offer.keys)}"
            title = bare(f"{offer.words[:1].upper()}{offer.words[1:]}")
            yield SystemCommand(title, bare(keys), partial(self.call_later, self.run_action, offer.action, offer.node))
        for name, colours in TITLES.items():
            yield SystemCommand(bare(f"{colours} theme"), "colours", partial(self.action_use_theme, name))

    def _fatal_error(self) -> None:
        # Textual's own version prints every local variable: names, faces and keys. Ours names the place only.
        self.bell()
        self._give_back()
        self._exit_renderables.append(page(crash_line(self._exception)))
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
