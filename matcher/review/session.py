"""One alert on one reviewer's screen: everything that decides what is shown and what a key may do.

1. No verdict is chosen until a key chooses it; a commit takes a chosen verdict and nothing else.
2. Moving to another candidate or reference takes the faces off the screen until the new ones are drawn (`drawn`).
3. A choice belongs to its candidate: moving to another candidate drops it.
4. Triage: while the drawn face is lower than the policy's limit, *same* is refused.
"""

from dataclasses import dataclass, replace

from matcher.domain.case import Component, Correction, Finding, Judgement, Verdict
from matcher.domain.desk import BlindAlert, Stage

ZOOMS = (1.0, 1.6, 2.4)


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate of the alert and how many references it has."""

    candidate_id: str
    references: int


@dataclass(frozen=True, slots=True)
class View:
    """How faces are shown.

    `zoom` indexes ZOOMS; `blink` shows one after the other in one place and `overlay` half of each (never both);
    `mirror` flips the probe; `contrast` stretches the levels of each face; `grid` draws the same lines over both.
    """

    zoom: int = 0
    blink: bool = False
    overlay: bool = False
    mirror: bool = False
    contrast: bool = False
    grid: bool = False
    full: bool = False

    @property
    def one_place(self) -> bool:
        """True where both faces share one view."""
        return self.blink or self.overlay

    @property
    def recorded(self) -> tuple[str, ...]:
        """What a judgement says beside the image mode: the faces were not drawn as they are."""
        return tuple(name for name in ("overlay", "contrast") if getattr(self, name))


@dataclass(frozen=True, slots=True)
class Drawn:
    """What stands on the screen: nothing yet, or faces of this height in this mode (0 pixels: unreadable picture)."""

    ready: bool = False
    mode: str = ""
    face_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """The whole state; times are monotonic seconds.

    `seen` are candidates whose stage 2 panel was on screen, `details`: it says what the score says; `busy`: the desk
    works on an intent; `asking`: a question is open; `in_browser`: letters may be made smaller there.
    """

    alert_id: str
    candidates: tuple[Shown, ...]
    min_pixels: int
    stage: Stage
    shown_since: float
    current: int = 0
    reference: int = 0
    chosen: Verdict | None = None
    findings: tuple[tuple[Component, Finding], ...] = ()
    component: int = 0
    committed: tuple[tuple[str, Verdict], ...] = ()
    corrections: tuple[Correction, ...] = ()
    seen: frozenset[str] = frozenset()
    details: bool = False
    watched: tuple[tuple[str, float], ...] = ()
    view: View = View()
    drawn: Drawn = Drawn()
    busy: bool = False
    asking: bool = False
    in_browser: bool = False
    message: str = ""
    last_key: str = ""
    last_at: float = float("-inf")

    @property
    def candidate(self) -> Shown:
        """The candidate on screen."""
        return self.candidates[self.current]

    @property
    def triage(self) -> bool:
        """True while faces are drawn too small for *same*."""
        return self.drawn.ready and self.drawn.face_pixels < self.min_pixels

    @property
    def all_judged(self) -> bool:
        """True when every candidate has a committed judgement."""
        return {candidate for candidate, _ in self.committed} == {shown.candidate_id for shown in self.candidates}

    @property
    def open_components(self) -> tuple[Component, ...]:
        """Components of the checklist without a finding."""
        found = dict(self.findings)
        return tuple(component for component in Component if component not in found)

    def own(self, candidate_id: str) -> Verdict | None:
        """The committed verdict on a candidate."""
        return dict(self.committed).get(candidate_id)

    def correction(self, candidate_id: str) -> Correction | None:
        """The change made after the score, if any."""
        return next((made for made in self.corrections if made.candidate_id == candidate_id), None)

    @property
    def judged(self) -> int:
        """How many candidates have a committed judgement."""
        return len(self.committed)

    def seconds(self, now: float) -> float:
        """How long the candidate on screen has been there in all."""
        return dict(self.watched).get(self.candidate.candidate_id, 0.0) + max(0.0, now - self.shown_since)


def opened(alert: BlindAlert, now: float) -> Session:
    """The session for an alert just claimed; judgements of an earlier sitting are kept."""
    session = Session(
        alert_id=alert.alert_id,
        candidates=tuple(Shown(one.candidate_id, len(one.references)) for one in alert.candidates),
        min_pixels=alert.min_pixels,
        stage=alert.stage,
        shown_since=now,
        committed=tuple((judged.candidate_id, judged.verdict) for judged in alert.judged),
        last_key="enter",  # which opened it, and may be held down still
        last_at=now,
    )
    return moved(session, _first_open(session), 0, now)


def moved(session: Session, current: int, reference: int, now: float) -> Session:
    """Another candidate or reference; the choice stays only with its candidate (rules 2 and 3)."""
    if (current, reference) == (session.current, session.reference):
        return session
    watched = dict(session.watched) | {session.candidate.candidate_id: session.seconds(now)}
    same_candidate = current == session.current
    return replace(
        session,
        current=current,
        reference=reference,
        shown_since=now,
        watched=tuple(watched.items()),
        drawn=Drawn(),
        chosen=session.chosen if same_candidate else None,
        findings=session.findings if same_candidate else (),
        component=session.component if same_candidate else 0,
    )


def saved(session: Session, judgement: Judgement, now: float) -> Session:
    """After the desk took a judgement: on to the next candidate without one."""
    committed = dict(session.committed) | {judgement.candidate_id: judgement.verdict}
    session = replace(
        session, committed=tuple(committed.items()), chosen=None, findings=(), component=0, busy=False, message=""
    )
    session = moved(session, _first_open(session), 0, now)
    if session.all_judged:
        return replace(session, message="")
    return session


def disclosed(session: Session, now: float) -> Session:
    """Stage 2, from the first candidate on."""
    session = moved(session, 0, 0, now)
    return replace(
        session, stage=Stage.DISCLOSED, chosen=None, findings=(), busy=False, message="", view=View(),
        seen=frozenset({session.candidate.candidate_id}),
    )  # fmt: skip


def corrected(session: Session, correction: Correction) -> Session:
    """After the desk took a correction."""
    return replace(session, corrections=(*session.corrections, correction), busy=False, message="Noted and signed")


def finished(session: Session) -> Session:
    """Stage 3."""
    return replace(session, stage=Stage.FINISHED, busy=False, message="")


def _first_open(session: Session) -> int:
    judged = dict(session.committed)
    waiting = [at for at, shown in enumerate(session.candidates) if shown.candidate_id not in judged]
    return waiting[0] if waiting else session.current
