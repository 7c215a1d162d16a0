"""Who is here: a name, a passphrase, and a card that shows how pictures are drawn."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import ScreenResume
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from matcher.errors import MatcherError
from matcher.review.wording import PROMISE
from matcher.tui.graphics import grid, mode_name, resolved, strips
from matcher.tui.plain import NEWLINE, joined, plain, prose
from matcher.tui.screens.room import Room
from matcher.tui.widgets.face_view import FaceView
from matcher.tui.widgets.trial_card import trial_card

TRIAL_TEXT = ("Ring, greys, red, green, blue: good.", "Letters, boxes or bands: press f2.")


class SignInScreen(Room):
    """Choosing a name and opening its key."""

    TITLE_TEXT = "sign in"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "app.image_mode", "image mode", tooltip="draw pictures another way")
    ]

    _names: tuple[str, ...] = ()
    _opening = False

    def body(self) -> ComposeResult:
        """Names and passphrase on the left, the trial card on the right."""
        with Horizontal(id="sign-in"):
            with Vertical(id="who"):
                yield Static(prose(self.desk_app.banner, "$warn"), id="banner")
                yield Static(prose(PROMISE, "$ink"), id="promise")
                yield Static(prose("Reviewer, approver or auditor", "$muted"))
                yield OptionList(id="names", markup=False)
                yield Static(prose("Passphrase, then enter", "$muted"), id="passphrase-label")
                yield Input(password=True, id="passphrase")
            with Vertical(id="trial"):
                yield FaceView(id="card")
                yield Static(id="card-text")

    def on_mount(self) -> None:
        """Reads the names."""
        self.query_one("#banner").display = bool(self.desk_app.banner)
        self._load_names()

    @work
    async def _load_names(self) -> None:
        try:
            self._names = tuple(await self.ask(self.desk_app.reception.names))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        names = self.query_one("#names", OptionList)
        names.clear_options()
        names.add_options([Option(plain(name)) for name in self._names])
        if not self._names:
            self.notice("Nobody can sign in yet: add people with `matcher user add`")
            return
        start = self.desk_app.start_user
        names.highlighted = self._names.index(start) if start in self._names else 0
        self.set_focus(self.query_one("#passphrase") if start in self._names else names)
        if start is not None and start not in self._names:
            self.notice(f"{start} is not among those who sign in here: choose a name")

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Signed out, or a first look: nothing of the last person stays."""
        self.query_one("#passphrase", Input).value = ""
        self.notice("")
        self.refresh_bar()
        if self._names:
            self.set_focus(self.query_one("#names"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A name: now its passphrase."""
        self.set_focus(self.query_one("#passphrase"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A passphrase: try it, once at a time."""
        chosen = self.query_one("#names", OptionList).highlighted
        if chosen is None or self._opening:
            return
        passphrase, event.input.value = event.input.value, ""
        self._opening = True
        self.notice("Opening the key", "$muted")
        self._sign_in(self._names[chosen], passphrase)

    @work
    async def _sign_in(self, name: str, passphrase: str) -> None:
        try:
            desk, office = await self.ask(lambda: self.desk_app.reception.sign_in(name, passphrase))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            self.set_focus(self.query_one("#passphrase"))
            return
        finally:
            self._opening = False
        self.desk_app.admit(desk, office)

    def on_face_view_resized(self, event: FaceView.Resized) -> None:
        """The card fills its place."""
        self.image_mode_changed()

    def image_mode_changed(self) -> None:
        """Draws the card in the present mode."""
        view, mode = self.query_one("#card", FaceView), resolved(self.desk_app.image_mode)
        if not view.size.area:
            return
        card = trial_card(grid(*view.size), mode)
        view.show(card, strips(card, mode), mode)
        self.query_one("#card-text", Static).update(
            joined(
                ("Image mode ", "$muted"),
                (mode_name(self.desk_app.image_mode), "bold $ink"),
                NEWLINE,
                (TRIAL_TEXT[0], "$muted"),
                NEWLINE,
                (TRIAL_TEXT[1], "$muted"),
            )
        )
