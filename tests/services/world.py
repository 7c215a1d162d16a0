"""A small world with the real store, the real keys and the real index; only the faces are vectors."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from matcher.bootstrap import match_confidence
from matcher.calibration.report import Report
from matcher.domain.case import Component, Finding, Judgement, Verdict
from matcher.domain.cohort import CohortTerms
from matcher.domain.engine import Factory
from matcher.domain.events import Action, Detail, event
from matcher.domain.face import Face, FacePlace, Picture, QualityMeasures
from matcher.domain.people import Role, Seat
from matcher.domain.policy import Policy, Quality, parse_policy
from matcher.domain.rejection import Rejected
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, ModelIdentity
from matcher.domain.watchlist import ListTerms
from matcher.index.approximate import ApproximateIndex
from matcher.index.exact import ExactIndex
from matcher.index.screen import screen_of
from matcher.kernels import normalise
from matcher.services.activate import activate, prepare
from matcher.services.audit_replay import Replay
from matcher.services.calibrate import Question, Shipped, calibrate_list
from matcher.services.collections import create_cohort, create_list
from matcher.services.load import load_cohort, load_list
from matcher.services.people import add_user, begin_home
from matcher.services.review_desk import Desk
from matcher.services.sources import EmbeddingSource
from matcher.services.submit import Errand, Submission, submit
from matcher.services.workplace import Session, Workplace, sign_in
from matcher.store.belonging import note_belonging
from matcher.store.home import new_home
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.unit_of_work import Store, create_store
from tests.databases import address_of

DIM = 16
MODEL = ModelIdentity("test@1", "unseen", "unseen", "unseen", DIM)
PASSPHRASE = "correct horse battery"
NOBODY = Shipped(frozenset(), frozenset())
PILOT = parse_policy('[certification]\nalpha = 0.05\n[review]\nsame_account = "mark"\n')
PLACE = FacePlace((0.0, 0.0, 10.0, 10.0), ((3.0, 3.0), (7.0, 3.0), (5.0, 5.0), (3.0, 7.0), (7.0, 7.0)))
MEASURES = QualityMeasures(50, 50, 0, 0.5, 0, 128, 40, 7, 0, 0, 0.9, 1, 1.5, 0.8, 10)
ROLES = {
    "boss": {Role.ADMIN},
    "vera": {Role.APPROVER},
    "ana": {Role.REVIEWER},
    "ben": {Role.REVIEWER},
    "cleo": {Role.REVIEWER},
    "audrey": {Role.AUDITOR},
}


@dataclass(frozen=True)
class Row:
    subject_id: str
    image: Path | None = None
    name: str = ""
    labels: Pairs = ()
    attributes: Pairs = ()
    session: str | None = None


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class VectorPipeline:
    """Takes a picture's bytes for a template: the seam where real faces come in."""

    identity = MODEL
    touchstone = b""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        template = normalise(np.frombuffer(picture.data, np.float32).reshape(1, DIM))[0]
        return [Face(PLACE, MEASURES, template)]

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        for number, picture in enumerate(pictures):
            yield number, picture if isinstance(picture, Rejected) else self.faces(picture, quality)[0]


@dataclass
class World:
    folder: Path
    clock: Clock = field(default_factory=Clock)
    sessions: dict[str, Session] = field(default_factory=dict)
    store: Store = field(init=False)
    place: Workplace = field(init=False)
    code: str = field(init=False)

    def __post_init__(self) -> None:
        home = self.folder / "home"
        with new_home(home, demo=False) as made:
            self.place, self.store = workplace(home, self.clock)
            self.code = begin_home(self.place, demo=False)
            note_belonging(made, self.store)
        for name, roles in ROLES.items():
            add_user(self.place, self.sessions.get("boss"), name, frozenset(roles), PASSPHRASE)
            self.sessions[name] = sign_in(self.place, name, PASSPHRASE)
        self.templates = vectors(20, seed=1)

    def create(self, expires: date = date(2027, 1, 31), searches_per_day: int = 10) -> None:
        create_list(self.sessions["boss"], "missing", ListTerms("find", "consent", "unit", expires, searches_per_day))

    def load(self, count: int = 20, who: str = "boss", fresh: bool = False) -> None:
        rows = [Row(f"S{i:03}", labels=(("name", f"Planted Name {i}"), ("note", "a note"))) for i in range(count)]
        source = EmbeddingSource(rows, self.templates[:count], MODEL)
        load_list(self.sessions[who], "missing", source, fresh, lambda *_: None)

    def cohort(self, people: int = 400) -> None:
        session = self.sessions["boss"]
        create_cohort(session, "staff", CohortTerms("volunteers", "consent", date(2027, 1, 31)))
        base = vectors(people, seed=2)
        second = normalise(base + 0.05 * vectors(people, seed=3))
        groups = ["a" if i % 2 else "b" for i in range(people)]
        rows = [Row(f"C{i:04}", attributes=(("group", groups[i]),)) for i in range(people)]
        source = EmbeddingSource([*rows, *rows], np.concatenate([base, second]), MODEL)
        load_cohort(session, "staff", source, False, lambda *_: None)

    def calibrate(self, policy: Policy = PILOT, threshold: int | None = None, engine: Factory | None = None) -> Report:
        question = Question("missing", "staff", policy, threshold, engine=engine)
        return calibrate_list(self.sessions["boss"], question, NOBODY)

    def activate(self, who: str = "vera") -> None:
        prepared = prepare(self.sessions[who], "missing")
        activate(self.sessions[who], prepared, prepared.number, prepared.missed_group)

    def active(self) -> "World":
        self.create()
        self.load()
        self.cohort()
        self.calibrate()
        self.activate()
        return self

    def submit(self, template: Floats, who: str = "boss", case: str = "2026/1") -> list[Submission]:
        picture = Picture("probe", template.astype(np.float32).tobytes())
        images = [(Path("probe.jpg"), lambda _: picture)]
        return list(submit(self.sessions[who], "missing", images, Errand(case, "seen"), VectorPipeline))

    def desk(self, who: str) -> Desk:
        return Desk(self.sessions[who], match_confidence)

    def judge(self, who: str, verdict: Verdict) -> str:
        """Judges every candidate of the first waiting alert and ends there; returns the alert."""
        desk = self.desk(who)
        alert_id = desk.queue().entries[0].alert_id
        for candidate in desk.claim(alert_id).candidates:
            desk.judge(alert_id, judgement(candidate.candidate_id, verdict))
        desk.disclose(alert_id)
        return alert_id

    def plays(self, action: Action, **details: Detail) -> None:
        """Plays the log with one more entry, which is not kept. Raises what the replay raises."""
        with self.place.work() as work:
            work.log.append(event(action, "boss", **details))
            replay = Replay()
            for entry in work.log.entries():
                replay.take(entry)

    def newest(self, action: Action) -> dict[str, Detail]:
        """The details of the newest log entry of a kind."""
        with self.place.work(write=False) as work:
            found = [entry for entry in work.log.entries() if entry.action == action]
        details: dict[str, Detail] = json.loads(found[-1].details)
        return details

    def conclude(self, verdict: Verdict) -> str:
        """Two reviewers say the same of the first waiting alert; the reason, if that stops the list."""
        for who in ("ana", "ben"):
            found = self.desk(who).finish(self.judge(who, verdict))
        return found[0].stopped

    def log_actions(self) -> list[str]:
        with self.place.work(write=False) as work:
            return [entry.action for entry in work.log.entries()]


def workplace(home: Path, clock: Clock, opened: Callable[..., Store] = create_store) -> tuple[Workplace, Store]:
    seat = Seat("tester", "")
    store = opened(home, seat, clock, address_of(home))
    keyring = HomeKeyring(home / "sealed", KeyCost(passes=1, memory_kib=64, lanes=1))
    place = Workplace(
        work=store.unit_of_work,
        revisions=SealedRevisions(home / "sealed"),
        keyring=keyring,
        build_index=ExactIndex.build,
        open_index=ExactIndex.opened,
        screen_of=screen_of,
        clock=clock,
        random=os.urandom,
        seat=seat,
        approximate=ApproximateIndex,
    )
    return place, store


def vectors(count: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return normalise(rows)


def judgement(candidate_id: str, verdict: Verdict) -> Judgement:
    checklist = tuple((one, Finding.AGREE) for one in Component) if verdict is Verdict.SAME else ()
    return Judgement(candidate_id, verdict, checklist, "half block", 100, 2.5)
