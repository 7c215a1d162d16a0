"""One alert: faces, judgement, disclosure, outcome. The state and every rule of the keys are in `matcher.review`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from matcher.domain.case import Correction, Judgement
from matcher.domain.desk import BlindAlert, ConcludedCandidate, DisclosedAlert, Stage
from matcher.domain.rooms import ReviewDesk
from matcher.errors import BadInput, MatcherError
from matcher.review import session as sessions
from matcher.review import wording
from matcher.review.intents import AskCorrection, AskRecusal, Commit, Disclose, Finish, Intent, Leave
from matcher.review.keys import DEEDS, LOOKING, STILL_DRAWING, press
from matcher.review.session import ZOOMS, Drawn
from matcher.tui.album import Album, Job
from matcher.tui.dialogs.question import Reason, YesNo
from matcher.tui.graphics import grid, resolved
from matcher.tui.plain import bare, joined
from matcher.tui.screens.room import Room
from matcher.tui.widgets import panels
from matcher.tui.widgets.face_pair import FacePair
from matcher.tui.widgets.face_view import FaceView

T = TypeVar("T")

IMAGE_MODE = "draw pictures another way"


class CompareScreen(Room):
    """Three stages of one alert."""

    TITLE_TEXT = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                key,
                f"press('{key}', '{stage}')",
                deed.footer,
                show=bool(deed.footer),
                key_display=deed.sign or None,
                tooltip=deed.words,
            )
            for stage, deeds in DEEDS.items()
            for key, deed in deeds.items()
        ),
        Binding("i,f2", "app.image_mode", "mode", key_display="i", tooltip=IMAGE_MODE),
        Binding("ctrl+l", "app.switch_reviewer", "switch reviewer", show=False, priority=True),
        Binding("ctrl+q", "app.leave", "quit", show=False, priority=True),
    ]

    def __init__(self, desk: ReviewDesk, alert: BlindAlert, now: float) -> None:
        super().__init__()
        self._desk, self._alert = desk, alert
        self._album = Album(alert)
        self._job: Job | None = None
        self._disclosed: DisclosedAlert | None = None
        self._concluded: Sequence[ConcludedCandidate] = ()
        self._left = self._concealed = False
        self.session = sessions.opened(alert, now)

    def body(self) -> ComposeResult:
        """Banner, faces, panel."""
        yield Static(id="stage-banner")
        yield FacePair(id="faces")
        with VerticalScroll(id="panel-scroll", can_focus=False):
            panel = Static(id="panel")
            panel.auto_links = False  # a verdict that can be clicked keeps its colours
            yield panel

    def on_mount(self) -> None:
        """An alert left in stage 2 comes back there."""
        self.session = replace(self.session, in_browser=self.app.is_web)
        self._refresh()
        if self.session.stage is Stage.DISCLOSED:
            self._carry_out(Disclose())
        elif self.session.stage is Stage.FINISHED:
            self._carry_out(Finish())

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_press(self, key: str, stage: str = "") -> None:
        """Every key of this screen."""
        if self.too_small or self._concealed:
            return
        self.session, intent = press(self.session, key, self.desk_app.clock())
        self._refresh()
        if intent is not None:
            self._carry_out(intent)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing in the present stage are not in the footer."""
        return action != "press" or parameters[1:] in {(), (self.session.stage,)}

    def section(self, binding: Binding) -> str:
        """What the key is for, in this stage."""
        deed = DEEDS[self.session.stage].get(binding.key)
        return LOOKING if deed is None else deed.section

    def image_mode_changed(self) -> None:
        """Draws the faces another way."""
        self._refresh()

    def _carry_out(self, intent: Intent) -> None:
        alert_id = self.session.alert_id
        match intent:
            case Commit(judgement):
                self._tell(partial(self._desk.judge, alert_id, judgement), partial(self._saved, judgement))
            case Disclose():
                self._tell(partial(self._desk.disclose, alert_id), self._show_disclosed)
            case Finish():
                self._tell(partial(self._desk.finish, alert_id), self._show_concluded)
            case AskRecusal():
                self._ask_recusal()
            case AskCorrection(correction):
                self._ask_correction(correction)
            case Leave():
                self.give_back()
                self.app.pop_screen()

    @work
    async def _tell(self, call: Callable[[], T], then: Callable[[T], None]) -> None:
        """Calls the desk, then `then` with its answer; a refusal is a line on screen and changes nothing."""
        try:
            answer = await self.ask(call)
        except MatcherError as error:
            self.session = replace(self.session, busy=False, message=str(error))
            self._refresh()
            return
        then(answer)
        if not self._left:
            self._refresh()

    def _saved(self, judgement: Judgement, _: None) -> None:
        self.session = sessions.saved(self.session, judgement, self.desk_app.clock())

    def _show_disclosed(self, disclosed: DisclosedAlert) -> None:
        self._disclosed = disclosed
        self.refresh_bindings()
        self.session = sessions.disclosed(self.session, self.desk_app.clock())

    def _show_concluded(self, concluded: Sequence[ConcludedCandidate]) -> None:
        self._concluded = concluded
        self.refresh_bindings()
        self.session = sessions.finished(self.session)

    def _corrected(self, correction: Correction, _: None) -> None:
        self.session = sessions.corrected(self.session, correction)

    @work
    async def _ask_recusal(self) -> None:
        agreed = await self.app.push_screen_wait(YesNo("Do you know this person?", wording.RECUSAL))
        self.session = replace(self.session, asking=False, busy=agreed)
        if agreed:
            self._tell(partial(self._desk.recuse, self.session.alert_id, wording.KNOWN_PERSON), self._recused)

    def _recused(self, _: None) -> None:
        self._left = True
        self.app.pop_screen()
        self.app.notify(bare(wording.RECUSED), markup=False)

    @work
    async def _ask_correction(self, correction: Correction) -> None:
        reason = await self.app.push_screen_wait(Reason(*wording.correction_question(correction)))
        self.session = replace(self.session, asking=False, busy=reason is not None)
        if reason is not None:
            made = replace(correction, reason=reason)
            self._tell(partial(self._desk.correct, self.session.alert_id, made), partial(self._corrected, made))

    def give_back(self) -> None:
        """Releases the claim, once; committed judgements stay."""
        if not self._left and self.session.stage is not Stage.FINISHED:
            self.desk_app.tell(partial(self._desk.release, self.session.alert_id))
        self._left = True

    def conceal(self) -> None:
        """Takes the faces off and forgets the decoded pictures; nothing is drawn until `reveal`."""
        self._concealed, self._job = True, None
        self.query_one(FacePair).clear()
        self._album = Album(self._alert)

    def reveal(self, seconds: float) -> None:
        """Goes on; the time away is nobody's time on the candidate."""
        self._concealed = False
        self.session = replace(self.session, shown_since=self.session.shown_since + seconds)
        self._refresh()

    # --- what is on screen --------------------------------------------------------------------------------------------

    def bar_left(self) -> Content:
        """The alert's only names: numbers and a random handle."""
        at, shown = self.session.current + 1, self.session.candidate
        if self.session.stage is Stage.FINISHED:
            return joined(("matcher ", "$muted"), ("outcome", "bold $ink"))
        return joined(
            (f"candidate {at} of {len(self.session.candidates)}", "bold $ink"),
            (f" ({wording.handle(shown.candidate_id)})", "$muted"),
            (f", reference {self.session.reference + 1} of {shown.references}", "$ink"),
        )

    def bar_right(self) -> Content:
        """Mode, size of the drawn face, and who is signed in."""
        drawn, who = self.session.drawn, (f"   {self.desk_app.signed_in_as}", "$muted")
        if self.session.stage is Stage.FINISHED:
            return joined(who)
        size = f"face {drawn.face_pixels} px" if drawn.ready else "drawing"
        zoom = f"zoom {ZOOMS[self.session.view.zoom]:g}x, " if self.session.view.zoom else ""
        mode = f"{zoom}{drawn.mode or resolved(self.desk_app.image_mode).value}, "
        return joined((mode, "$muted"), (size, "bold $warn" if self.session.triage else "$ink"), who)

    def _refresh(self) -> None:
        stage, view = self.session.stage, self.session.view
        self.set_class(view.full, "-full")
        self.set_class(self.session.details, "-details")
        for one in Stage:
            self.set_class(stage is one, f"-{one.value}")
        self.query_one(FacePair).share(view)
        self._redraw()
        self.refresh_bar()
        self.put("#stage-banner", joined(("STAGE ", "bold $mark"), (wording.STAGES[stage], "$ink")))
        self.query_one(FacePair).caption(*self._captions())
        self.put("#panel", self._panel())
        self.notice(self.session.message)

    def _captions(self) -> tuple[str, str]:
        probe = "probe, mirrored" if self.session.view.mirror else "probe"
        return probe, f"reference {self.session.reference + 1} of {self.session.candidate.references}"

    def _panel(self) -> Content:
        if self.session.stage is Stage.FINISHED:
            return panels.outcome(self._concluded)
        if self.session.stage is Stage.DISCLOSED and self._disclosed is not None:
            return panels.disclosure(self.session, self._disclosed)
        return panels.judgement(self.session)

    # --- drawing ------------------------------------------------------------------------------------------------------

    def on_face_view_resized(self, event: FaceView.Resized) -> None:
        """Another size: draw again."""
        self._refresh()

    def _redraw(self) -> None:
        columns, rows = self.query_one(FacePair).view_size
        if not columns or not rows or self._concealed or self.session.stage is Stage.FINISHED:
            return
        mode = resolved(self.desk_app.image_mode)
        job = Job(self.session.current, self.session.reference, self.session.view, mode, grid(columns, rows))
        if job == self._job:
            return
        if self._job is None or (job.current, job.reference) != (self._job.current, self._job.reference):
            self.query_one(FacePair).clear()
        self._job = job
        self.session = replace(self.session, drawn=Drawn())
        self._draw(job)

    @work(exclusive=True, group="draw")
    async def _draw(self, job: Job) -> None:
        message = ""
        try:
            pair = await self.while_open(asyncio.to_thread(self._album.draw, job))
        except BadInput as error:
            pair, message = None, str(error)
        if job != self._job:
            return
        faces, colours = self.query_one(FacePair), self.desk_app.colours
        mode = ", ".join((colours.described(job.mode), *job.view.recorded))
        if pair is None:
            faces.clear()
        else:
            faces.show(pair)
        pixels = pair.crops.face_pixels if pair is not None and colours.shows_faces(job.mode) else 0
        waited = self.session.message if self.session.message != STILL_DRAWING else ""
        self.session = replace(self.session, drawn=Drawn(True, mode, pixels), message=message or waited)
        self._refresh()
