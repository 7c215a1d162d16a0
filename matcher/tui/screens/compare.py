"""One alert: faces, judgement, disclosure, outcome. The state and every rule of the keys are in `matcher.review`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from matcher.domain.case import Correction, Judgement
from matcher.domain.desk import BlindAlert, ConcludedCandidate, DisclosedAlert, Stage
from matcher.domain.rooms import ReviewDesk
from matcher.errors import BadInput, MatcherError, Refused
from matcher.review import session as sessions
from matcher.review import wording
from matcher.review.intents import AskCorrection, AskRecusal, Commit, Disclose, Finish, Intent, Leave
from matcher.review.keys import DEEDS, LOOKING, STILL_DRAWING, how_to_enlarge, press
from matcher.review.safe_text import safe_display
from matcher.review.session import ZOOMS, Drawn
from matcher.tui.album import Album, Job
from matcher.tui.dialogs.question import Reason, YesNo
from matcher.tui.graphics import grid, resolved
from matcher.tui.plain import bare, joined, lines, prose
from matcher.tui.screens.room import APART, BAR_PADDING, Room
from matcher.tui.widgets import panels
from matcher.tui.widgets.face_pair import FacePair
from matcher.tui.widgets.face_view import FaceView

T = TypeVar("T")

LOOK_SECONDS = 15.0  # after other terminals of the same person
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
        self.set_interval(LOOK_SECONDS, self._look_elsewhere)
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
        else:
            self._look_elsewhere()

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
        except Refused as error:
            if self.session.stage is Stage.BLIND:
                self._look_elsewhere(str(error))
            self.session = replace(self.session, busy=False, message=str(error))
            self._refresh()
            return
        except MatcherError as error:
            self.session = replace(self.session, busy=False, message=str(error))
            self._refresh()
            return
        then(answer)
        if not self._left:
            self._refresh()

    @work(exclusive=True, group="elsewhere")
    async def _look_elsewhere(self, refusal: str = "") -> None:
        """Back to the queue where this alert went on in another terminal, or waits for this reviewer no more.

        The claim is not given back: it is the other terminal's, or nobody's.
        """
        before = self.session
        if before.stage is not Stage.BLIND or before.busy or not self._open_on_top:
            return None
        try:
            stage, judged = await self.ask(partial(self._desk.progress, before.alert_id))
        except Refused as error:
            return self._leave_saying(refusal or str(error))
        except MatcherError as error:
            return self.notice(str(error))
        now = self.session
        if (now.stage, now.committed, now.busy) != (before.stage, before.committed, False):
            return None
        if stage is not Stage.BLIND or dict(judged) != dict(now.committed):
            self._leave_saying(wording.ELSEWHERE)
        return None

    @property
    def _open_on_top(self) -> bool:
        return self.is_current and not self._left and not self._concealed

    def _leave_saying(self, message: str) -> None:
        if not self._open_on_top:
            return  # a question, or the lock: the next look is after it
        self._left = True
        self.app.pop_screen()
        if isinstance(self.app.screen, Room):
            self.app.screen.refused(message)

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
        if self.session.stage is Stage.FINISHED:
            return joined(("matcher ", "$muted"), ("outcome", "bold $ink"))
        return self._place(self._name_cells())

    def bar_right(self) -> Content:
        """Mode, size of the drawn face, and who is signed in."""
        name = self.desk_app.signed_in_as
        if self.session.stage is Stage.FINISHED:
            return joined((name, "$muted"))
        cells = self._name_cells()
        who = f"{APART}{safe_display(name, cells)}" if cells else ""
        mode, size = self._drawn()
        return joined((mode, "$muted"), (size, "bold $warn" if self.session.triage else "$ink"), (who, "$muted"))

    def _drawn(self) -> tuple[str, str]:
        """How the faces are drawn, and how large."""
        drawn, zoomed = self.session.drawn, self.session.view.zoom
        zoom = f"zoom {ZOOMS[zoomed]:g}x, " if zoomed else ""
        size = f"face {drawn.face_pixels} px" if drawn.ready else "drawing"
        return f"{zoom}{drawn.mode or resolved(self.desk_app.image_mode).value}, ", size

    def _left_over(self) -> int:
        """Cells of the head beside mode and size, which are never shortened; what they leave is shared by the rest."""
        return self.app.size.width - BAR_PADDING - sum(map(len, self._drawn())) - len(APART)

    def _name_cells(self) -> int:
        """Cells for the reviewer's name, once the shortest place has its own."""
        name = self.desk_app.signed_in_as
        left = self._left_over() - cell_len(self._place(0).plain) - len(APART)
        return min(cell_len(name), left) if left > 1 else 0

    def _place(self, name_cells: int) -> Content:
        """Which candidate and reference, as much as fits; the captions under the faces tell the reference too."""
        at, shown = self.session.current + 1, self.session.candidate
        told = (
            (f"candidate {at} of {len(self.session.candidates)}", "bold $ink"),
            (f" ({wording.handle(shown.candidate_id)})", "$muted"),
            (f", reference {self.session.reference + 1} of {shown.references}", "$ink"),
        )
        room = self._left_over() - name_cells - len(APART)
        for parts in range(len(told), 0, -1):
            if name_cells and sum(len(text) for text, _ in told[:parts]) <= room:
                return joined(*told[:parts])
        return joined((f"{at}/{len(self.session.candidates)}", "bold $ink"))

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
        self._advise()

    def _advise(self) -> None:
        """The message, and in triage what would end it: over the panel where that takes more than a line."""
        said = [prose(self.session.message, "$warn")] if self.session.message else []
        blind = self.session.stage is Stage.BLIND
        advice = [prose(how_to_enlarge(self.session), "$ink")] if blind and self.session.triage else []
        self.put(".notice", lines(*said, *advice))

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
