"""What each key does to an alert on screen: (state, key, time) -> (state, intent).

1. A verdict key chooses, enter commits; enter without a choice commits nothing. Escape never commits.
2. Key auto-repeat is ignored: a deciding key that comes too soon after the same key does nothing, and each that comes
   begins the wait anew. Keyboards wait 250 to 660 ms before they repeat (660 is the X server's default), so the wait
   is longer than that; longest for enter, which commits and goes on. The enter that opened an alert counts too.
3. *Same* needs faces as tall as the policy says, and a finding for every component.
4. Enter after the last judgement opens stage 2; in stage 2 it goes through every panel once before it finishes.
5. While the desk is working on an intent, no second one is made; while a question is open, no key does anything here.
6. DEEDS says of every key what it does; footer, help and palette are made from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from matcher.domain.case import Component, Correction, Finding, Judgement, Verdict
from matcher.domain.desk import Stage
from matcher.review.intents import (
    AskCorrection,
    AskRecusal,
    Commit,
    Disclose,
    Finish,
    Intent,
    Leave,
)
from matcher.review.pixels import ImageMode
from matcher.review.session import ZOOMS, Session, View, moved

REPEAT_SECONDS = 1.0  # enter
CHOICE_SECONDS = 0.7  # what is seen, and taken back, before enter
STILL_DRAWING = "The faces are still being drawn"
_ELSEWHERE = "one with Kitty or Sixel graphics, or matcher serve and a browser through ssh -L"

Step = tuple[Session, Intent | None]
Handler = Callable[[Session, float], Step]


def press(session: Session, key: str, now: float) -> Step:
    """The state after `key` at `now` (monotonic seconds), and what must be done about it."""
    if session.asking:
        return session, None
    wait = REPEAT_SECONDS if key == "enter" else CHOICE_SECONDS
    repeated = key == session.last_key and now - session.last_at < wait
    session = replace(session, last_key=key, last_at=now)
    handler = HANDLERS[session.stage].get(key)
    if handler is None or (repeated and key in DECIDING):
        return session, None
    return handler(replace(session, message=""), now)


def _say(session: Session, message: str) -> Step:
    return replace(session, message=message), None


def too_small(session: Session) -> str:
    """Why *same* is refused in triage."""
    return f"*Same* is refused here: {_shortcoming(session)}"


def how_to_enlarge(session: Session) -> str:
    """What would lift the triage: keys first, then a larger place, then another one; nothing that is in use already."""
    if not session.drawn.face_pixels:
        colours = "i another mode, a terminal with 24-bit colour (COLORTERM=truecolor)"
        return f"Try {colours}" if session.in_browser else f"Try {colours}, {_ELSEWHERE}"
    unused = [] if session.view.full else ["f full screen"]
    unused += [] if session.view.zoom == len(ZOOMS) - 1 else ["z zoom"]
    times = session.min_pixels / session.drawn.face_pixels
    if session.in_browser:
        larger = f"letters of 1/{times:.1f} the size (the browser's zoom, or /?fontsize=9 in its address)"
        return f"Try {', '.join([*unused, larger])}"
    unused.append(f"a terminal about {times:.1f} times as tall")
    drawn_in_pixels = session.drawn.mode.startswith((ImageMode.KITTY.value, ImageMode.SIXEL.value))
    return f"Try {', '.join(unused if drawn_in_pixels else [*unused, _ELSEWHERE])}"


def _shortcoming(session: Session) -> str:
    if not session.drawn.face_pixels:
        return "this terminal shows too few colours for a face, or the picture cannot be read"
    return f"faces are {session.drawn.face_pixels} pixels high, {session.min_pixels} are needed"


def _choose(verdict: Verdict) -> Handler:
    def handle(session: Session, now: float) -> Step:
        if verdict is not Verdict.SAME:
            return replace(session, chosen=verdict, findings=(), component=0), None
        if not session.drawn.ready:
            return _say(session, STILL_DRAWING)
        if session.triage:
            return _say(session, too_small(session))
        if session.chosen is Verdict.SAME:
            return session, None
        return replace(session, chosen=verdict, findings=(), component=0), None

    return handle


def _find(finding: Finding) -> Handler:
    def handle(session: Session, now: float) -> Step:
        if session.chosen is not Verdict.SAME:
            return session, None
        components = list(Component)
        found = dict(session.findings) | {components[session.component]: finding}
        after = replace(session, findings=tuple((one, found[one]) for one in components if one in found))
        still_open = after.open_components
        at = components.index(still_open[0]) if still_open else session.component
        return replace(after, component=at), None

    return handle


def _component(step: int) -> Handler:
    def handle(session: Session, now: float) -> Step:
        if session.chosen is not Verdict.SAME:
            return session, None
        return replace(session, component=(session.component + step) % len(Component)), None

    return handle


def _enter_blind(session: Session, now: float) -> Step:
    if session.busy:
        return _say(session, "The last judgement is still being written")
    if session.chosen is None and session.all_judged:
        return replace(session, busy=True), Disclose()
    objection = _objection(session)
    if session.chosen is None or objection:
        return _say(session, objection)
    judgement = Judgement(
        candidate_id=session.candidate.candidate_id,
        verdict=session.chosen,
        checklist=session.findings,
        mode=session.drawn.mode,
        face_pixels=session.drawn.face_pixels,
        seconds=round(session.seconds(now), 3),
    )
    return replace(session, busy=True), Commit(judgement)


def _objection(session: Session) -> str:
    if session.chosen is None:
        return "Nothing is chosen: s same, u undecided, d different, then enter"
    if not session.drawn.ready:
        return STILL_DRAWING
    if session.chosen is Verdict.SAME and session.triage:
        return too_small(session)
    if session.chosen is Verdict.SAME and session.open_components:
        return f"*Same* still needs: {', '.join(session.open_components)}"
    return ""


def _enter_disclosed(session: Session, now: float) -> Step:
    if session.busy:
        return _say(session, "The last change is still being written")
    unseen = [at for at, shown in enumerate(session.candidates) if shown.candidate_id not in session.seen]
    if unseen:
        return _go(session, unseen[0], now)
    return replace(session, busy=True), Finish()


def _withdraw(session: Session, now: float) -> Step:
    candidate = session.candidate.candidate_id
    if session.busy or session.own(candidate) is not Verdict.SAME or session.correction(candidate):
        return _say(session, "There is no *same* of yours to withdraw here")
    return replace(session, asking=True), AskCorrection(Correction(candidate, Verdict.UNDECIDED, ""))


def _third(session: Session, now: float) -> Step:
    candidate = session.candidate.candidate_id
    if session.busy or session.own(candidate) is Verdict.SAME or session.correction(candidate):
        return _say(session, "Only a judgement other than *same* can be sent to a third reviewer")
    return replace(session, asking=True), AskCorrection(Correction(candidate, Verdict.SAME, ""))


def _details(session: Session, now: float) -> Step:
    return replace(session, details=not session.details), None


def _recuse(session: Session, now: float) -> Step:
    return (session, None) if session.busy else (replace(session, asking=True), AskRecusal())


def _escape(session: Session, now: float) -> Step:
    if session.chosen is not None:
        return replace(session, chosen=None, findings=(), component=0), None
    if session.view.full or session.view.one_place:
        return _look(session, replace(session.view, full=False, blink=False, overlay=False))
    return (session, None) if session.busy else (session, Leave())


def _leave(session: Session, now: float) -> Step:
    return session, Leave()


def _go(session: Session, current: int, now: float) -> Step:
    session = moved(session, current % len(session.candidates), 0, now)
    if session.stage is Stage.DISCLOSED:
        session = replace(session, seen=session.seen | {session.candidate.candidate_id})
    return session, None


def _candidate(step: int) -> Handler:
    return lambda session, now: (session, None) if session.busy else _go(session, session.current + step, now)


def _reference(step: int) -> Handler:
    def handle(session: Session, now: float) -> Step:
        if session.candidate.references < 2:
            return _say(session, "This candidate has one reference")
        return moved(session, session.current, (session.reference + step) % session.candidate.references, now), None

    return handle


def _look(session: Session, view: View) -> Step:
    return replace(session, view=view, drawn=replace(session.drawn, ready=False)), None


def _zoom(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, zoom=(session.view.zoom + 1) % len(ZOOMS)))


def _blink(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, blink=not session.view.blink, overlay=False))


def _overlay(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, overlay=not session.view.overlay, blink=False))


def _contrast(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, contrast=not session.view.contrast))


def _grid(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, grid=not session.view.grid))


def _mirror(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, mirror=not session.view.mirror))


def _full(session: Session, now: float) -> Step:
    return _look(session, replace(session.view, full=not session.view.full))


JUDGING, LOOKING, AFTERWARDS = "Judging", "Looking", "After the score"


@dataclass(frozen=True, slots=True)
class Deed:
    """What a key does. `words` stand in help and palette under `section`, `footer` (if any) in the footer."""

    handler: Handler
    words: str
    section: str
    footer: str = ""
    sign: str = ""  # how the footer writes the key, where not by its name


_LOOKING: Mapping[str, Deed] = {
    "z": Deed(_zoom, "zoom", LOOKING, "zoom"),
    "b": Deed(_blink, "blink: both faces in one place", LOOKING, "blink"),
    "o": Deed(_overlay, "overlay: half of each face", LOOKING),
    "f": Deed(_full, "full screen", LOOKING, "full"),
    "n": Deed(_reference(1), "next reference", LOOKING, "ref", "n p"),
    "p": Deed(_reference(-1), "previous reference", LOOKING),
    "right": Deed(_candidate(1), "next candidate", LOOKING, "next", "← →"),
    "tab": Deed(_candidate(1), "next candidate", LOOKING),
    "left": Deed(_candidate(-1), "previous candidate", LOOKING),
    "shift+tab": Deed(_candidate(-1), "previous candidate", LOOKING),
    "m": Deed(_mirror, "mirror the probe", LOOKING),
    "c": Deed(_contrast, "contrast of each face", LOOKING),
    "g": Deed(_grid, "grid over both faces", LOOKING),
    "escape": Deed(_escape, "undo the choice; then back to the queue", LOOKING),
}
_BLIND: Mapping[str, Deed] = {
    "enter": Deed(_enter_blind, "commit the choice; once all are judged, see the score", JUDGING, "commit", "⏎"),
    "s": Deed(_choose(Verdict.SAME), "same", JUDGING),
    "u": Deed(_choose(Verdict.UNDECIDED), "undecided", JUDGING),
    "d": Deed(_choose(Verdict.DIFFERENT), "different", JUDGING),
    "a": Deed(_find(Finding.AGREE), "checklist: agree", JUDGING),
    "x": Deed(_find(Finding.DIFFER), "checklist: differ", JUDGING),
    "v": Deed(_find(Finding.NOT_VISIBLE), "checklist: not visible", JUDGING),
    "up": Deed(_component(-1), "checklist: line above", JUDGING),
    "down": Deed(_component(1), "checklist: line below", JUDGING),
    "k": Deed(_recuse, "I know this person: step back", JUDGING, "known"),
}
_DISCLOSED: Mapping[str, Deed] = {
    "enter": Deed(_enter_disclosed, "next candidate, then finish", AFTERWARDS, "next, finish", "⏎"),
    "e": Deed(_details, "what the score says, and back", AFTERWARDS, "details"),
    "w": Deed(_withdraw, "withdraw *same*, with a reason", AFTERWARDS),
    "t": Deed(_third, "ask for a third reviewer", AFTERWARDS),
}
_FINISHED = Deed(_leave, "back to the queue", AFTERWARDS, "queue", "⏎")

DEEDS: Mapping[Stage, Mapping[str, Deed]] = {
    Stage.BLIND: {**_BLIND, **_LOOKING},
    Stage.DISCLOSED: {**_DISCLOSED, **_LOOKING},
    Stage.FINISHED: {"enter": _FINISHED, "escape": Deed(_leave, "back to the queue", AFTERWARDS)},
}
HANDLERS: Mapping[Stage, Mapping[str, Handler]] = {
    stage: {key: deed.handler for key, deed in deeds.items()} for stage, deeds in DEEDS.items()
}
DECIDING = frozenset({*_BLIND, *_DISCLOSED, "escape"}) - {"up", "down"}
