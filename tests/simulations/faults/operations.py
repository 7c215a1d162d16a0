"""The operations that faults are put into: one line of `OPERATIONS` each.

An operation yields whenever the program has acknowledged something: that, and all before it, must survive anything.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from matcher.bootstrap import match_confidence
from matcher.domain.case import Verdict
from matcher.domain.desk import Stage
from matcher.domain.events import Action
from matcher.domain.face import Picture
from matcher.errors import BadInput, MatcherError, Refused
from matcher.services.activate import activate, prepare
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.erase import erase_listed
from matcher.services.load import load_list
from matcher.services.remove import remove_subjects
from matcher.services.review_desk import Desk
from matcher.services.rotate import rotate_home_key
from matcher.services.sources import PictureSource, Resuming
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Session
from tests.services.world import MODEL, NOBODY, PILOT, Row, VectorPipeline, judgement, vectors
from tests.simulations.faults.homes import ALERT_OF, OpenedHome

Steps = Generator[None, None, None]
PICTURES = 30
PROBES = 6


@dataclass(frozen=True)
class Operation:
    """Who does what, in a home of which stage; `refusals`: what doing it again may say once all of it is done.

    `pauses`: entries of the log after which it may end unacknowledged, because whoever sweeps next finishes it.
    `alone`: it is refused its end while another process reads.
    """

    stage: str
    who: str
    steps: Callable[[OpenedHome, Session], Steps]
    refusals: tuple[type[MatcherError], ...] = ()
    pauses: tuple[Action, ...] = ()
    alone: bool = False


class _Seen(VectorPipeline):
    """Pictures that a pipeline of this program made templates of."""

    identity = MODEL


def _load(_: OpenedHome, session: Session) -> Steps:
    faces = {f"{at:02}.jpg": row.tobytes() for at, row in enumerate(vectors(PICTURES, seed=7))}
    rows = [Row(f"T{name[:2]}", Path(name), name, (("name", f"Planted {name}"),)) for name in faces]
    resuming = Resuming("people.csv", False, lambda _: None)
    source = PictureSource(rows, lambda path: Picture(path.name, faces[path.name]), _Seen(), PILOT.quality, resuming)
    load_list(session, "missing", source, False, lambda *_: None)
    yield


def _calibrate(_: OpenedHome, session: Session) -> Steps:
    calibrate_list(session, Question("missing", "staff", PILOT), NOBODY)
    yield


def _activate(_: OpenedHome, session: Session) -> Steps:
    prepared = prepare(session, "missing")
    activate(session, prepared, prepared.number, prepared.missed_group)
    yield


def _submit(_: OpenedHome, session: Session) -> Steps:
    listed, others = vectors(20, seed=1), vectors(PROBES, seed=9)
    probes = [listed[ALERT_OF + at] if at % 2 else others[at] for at in range(PROBES)]
    images = [
        (Path(f"{at}.jpg"), lambda path, row=row: Picture(path.name, row.tobytes())) for at, row in enumerate(probes)
    ]
    for _one in submit(session, "missing", images, Errand("2026/2", "seen"), VectorPipeline):
        yield


def _decide(home: OpenedHome, session: Session) -> Steps:
    with home.place.work(write=False) as work:
        (line,) = work.alerts.lines()
    desk = Desk(session, match_confidence)
    claimed = desk.claim(line.alert_id)
    yield
    if claimed.stage is Stage.BLIND:
        for candidate in claimed.candidates:
            desk.judge(line.alert_id, judgement(candidate.candidate_id, Verdict.SAME))
            yield
        desk.disclose(line.alert_id)
        yield
    desk.finish(line.alert_id)
    yield


def _at_once(act: Callable[[Session], object]) -> Callable[[OpenedHome, Session], Steps]:
    """One call, acknowledged at its end."""

    def steps(_: OpenedHome, session: Session) -> Steps:
        act(session)
        yield

    return steps


def _removed(session: Session) -> object:
    return remove_subjects(session, "missing", ["S003", "S007"])


def _erased(session: Session) -> object:
    return erase_listed(session, "missing", [f"S{ALERT_OF:03}"], stop=True)


def _rotated(session: Session) -> object:
    return rotate_home_key(session, lambda *_: None)


OPERATIONS = {
    "load": Operation("active", "boss", _load),
    "calibrate": Operation("loaded", "boss", _calibrate),
    "activate": Operation("calibrated", "vera", _activate),
    "submit": Operation("active", "boss", _submit),
    "decide": Operation("waiting", "ana", _decide, (Refused,)),
    "remove": Operation("active", "boss", _at_once(_removed), (BadInput,)),
    "erase": Operation("waiting", "boss", _at_once(_erased), (BadInput,), (Action.LIST_ERASED,), alone=True),
    "rotate": Operation("waiting", "boss", _at_once(_rotated), (), (Action.USER_REWRAPPED,), alone=True),
}
