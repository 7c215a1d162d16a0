"""A throw-away home in which everything forbidden can be tried: people of every role, a list that serves, and alerts.

1. It lies in a temporary folder, is made by the product's own services from vectors that stand for faces, and knows
   nobody's home.
2. It is made once; every attempt gets a copy of its own.
3. `eve` is admin, approver and reviewer: whatever roles allow, she may not do twice. She loaded `missing`, which `vera`
   activated. Of her search `ana` said *same*; the search of `boss` waits. `other` was never tested.
4. Everybody sits at an account and a terminal of their own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlcipher3 import dbapi2

from matcher.bootstrap import match_confidence
from matcher.domain.case import Component, Finding, Judgement, Verdict
from matcher.domain.cohort import CohortTerms
from matcher.domain.face import Face, FacePlace, Picture, QualityMeasures
from matcher.domain.people import Role, Seat
from matcher.domain.policy import Policy, Quality, parse_policy
from matcher.domain.rejection import Rejected
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, ModelIdentity
from matcher.domain.watchlist import ListTerms
from matcher.errors import IntegrityError
from matcher.index.exact import ExactIndex
from matcher.index.screen import screen_of
from matcher.kernels import normalise
from matcher.services.activate import activate, prepare
from matcher.services.calibrate import Question, Shipped, calibrate_list
from matcher.services.collections import create_cohort, create_list
from matcher.services.load import load_cohort, load_list
from matcher.services.outcomes import outcomes
from matcher.services.people import add_user, begin_home
from matcher.services.review_desk import Desk
from matcher.services.sources import EmbeddingSource
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Session, Workplace, sign_in
from matcher.store.engine import DATABASE, schema_statements
from matcher.store.home import new_home
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.unit_of_work import create_store, open_store

DIM = 16
PASSPHRASE = "correct horse battery"  # noqa: S105 -- of a home that is thrown away
PLANTED = "Planted Name"
LIST, OTHER, COHORT = "missing", "other", "staff"
MODEL = ModelIdentity("vectors@1", "unseen", "unseen", "unseen", DIM)
POLICY = parse_policy("[certification]\nalpha = 0.05\n")
SHARED = parse_policy('[certification]\nalpha = 0.05\n[review]\nsame_account = "mark"\n')
ROLES = {
    "boss": {Role.ADMIN},
    "eve": {Role.ADMIN, Role.APPROVER, Role.REVIEWER},
    "vera": {Role.APPROVER},
    "ana": {Role.REVIEWER},
    "ben": {Role.REVIEWER},
    "cleo": {Role.REVIEWER},
    "audrey": {Role.AUDITOR},
}
_COST = KeyCost(passes=1, memory_kib=64, lanes=1)
_CELL = FacePlace((0.0, 0.0, 10.0, 10.0), ((3.0, 3.0), (7.0, 3.0), (5.0, 5.0), (3.0, 7.0), (7.0, 7.0)))
_MEASURES = QualityMeasures(50, 50, 0, 0.5, 0, 128, 40, 7, 0, 0, 0.9, 1, 1.5, 0.8, 10)
_PEOPLE, _TESTED = 20, 400
_MOST_SECONDS = 60.0  # for one command


@dataclass(frozen=True, slots=True)
class Row:
    """One vector to load."""

    subject_id: str
    name: str
    labels: Pairs = ()
    attributes: Pairs = ()
    image: Path | None = None
    session: str | None = None


@dataclass(slots=True)
class Clock:
    """A clock that an attempt may set."""

    now: datetime

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.now


@dataclass(frozen=True, slots=True)
class VectorPipeline:
    """Takes a picture's bytes for a template: the seam at which real faces come in."""

    identity: ModelIdentity = MODEL
    touchstone: bytes = b""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        """The one face."""
        template = normalise(np.frombuffer(picture.data, np.float32).reshape(1, DIM))[0]
        return [Face(_CELL, _MEASURES, template)]

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        """One face a picture."""
        for number, picture in enumerate(pictures):
            yield number, picture if isinstance(picture, Rejected) else self.faces(picture, quality)[0]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    code: int
    said: str

    @property
    def complaint(self) -> str:
        """Its last line."""
        return self.said.strip().rpartition("\n")[2]


@dataclass(eq=False)
class Town:
    """A home, everybody in it and its recovery `code`; `altered` once an attempt changed something past the program."""

    folder: Path
    clock: Clock
    code: str = field(default="", repr=False)
    altered: bool = False
    _sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The folder of the home."""
        return self.folder / "home"

    @property
    def templates(self) -> Floats:
        """Of the people on both lists."""
        return vectors(_PEOPLE, seed=1)

    def place(self, seat: Seat) -> Workplace:
        """The home as opened by somebody at that seat."""
        return Workplace(
            work=open_store(self.home, seat, self.clock).unit_of_work,
            revisions=SealedRevisions(self.home / "sealed"),
            keyring=HomeKeyring(self.home / "sealed", _COST),
            build_index=ExactIndex.build,
            open_index=ExactIndex.opened,
            screen_of=screen_of,
            clock=self.clock,
            random=os.urandom,
            seat=seat,
        )

    def session(self, name: str, seat: str | None = None) -> Session:
        """Somebody, signed in at their own seat or at somebody else's."""
        place = self.place(Seat(f"account of {seat or name}", f"/dev/{seat or name}"))
        if seat is not None:
            return sign_in(place, name, PASSPHRASE)
        if name not in self._sessions:
            self._sessions[name] = sign_in(place, name, PASSPHRASE)
        return self._sessions[name]

    def desk(self, name: str, seat: str | None = None) -> Desk:
        """Their desk."""
        return Desk(self.session(name, seat), match_confidence)

    def alerts(self) -> Sequence[str]:
        """The alert of eve's search, and the one of boss's."""
        with self.session("boss").place.work(write=False) as work:
            return [line.alert_id for line in work.alerts.lines()]

    def submit(self, who: str, number: int, pipeline: VectorPipeline | None = None) -> None:
        """Searches `missing` for the so-many-th person on it."""
        picture = Picture("probe", self.templates[number].astype(np.float32).tobytes())
        images = [(Path("probe.jpg"), lambda _: picture)]
        made = pipeline or VectorPipeline()
        for _ in submit(self.session(who), LIST, images, Errand(f"2026/{number}", "seen"), lambda: made):
            pass

    def judge(self, who: str, alert: str, verdict: Verdict, seat: str | None = None) -> Desk:
        """Judges every candidate of an alert; the desk at which the score was shown."""
        desk = self.desk(who, seat)
        for candidate in desk.claim(alert).candidates:
            desk.judge(alert, judgement(candidate.candidate_id, verdict))
        desk.disclose(alert)
        return desk

    def names(self, who: str = "boss") -> list[str]:
        """The names that somebody is shown among the outcomes."""
        session = self.session(who)
        found = outcomes(session.place, session, None)
        return [one.label.name for one in (*found.concluded, *found.disputed) if one.label is not None]

    def rows(self, query: str) -> list[Any]:
        """Rows of the database, read past the program."""
        with closing(self._opened()) as database:
            return list(database.execute(query).fetchall())

    def sql(self, *statements: str) -> None:
        """SQL past the program, with the driver's own settings and foreign keys off. Raises the driver's errors."""
        with closing(self._opened()) as database:
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute("BEGIN")
            for statement in statements:
                database.execute(statement)
            database.execute("COMMIT")
            self.altered = True

    @contextmanager
    def rules_off(self) -> Iterator[None]:
        """While it lasts the database has no rule of its own; afterwards it has every one again."""
        names = [name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        self.sql(*(f"DROP TRIGGER {name}" for name in names))
        yield
        self.sql(*(one for one in schema_statements() if one.startswith("CREATE TRIGGER ")))

    def overwrite(self, path: Path, data: bytes) -> None:
        """Puts other bytes into a file of the home."""
        path.write_bytes(data)
        self.altered = True

    def command(self, *words: str, user: str = "boss", **environment: str) -> Done:
        """Runs the program as somebody does without a terminal: a process of its own, and nobody's folders."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MATCHER_", "XDG_"))}
        ours = {
            "HOME": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MATCHER_HOME": str(self.home),
            "MATCHER_USER": user,
            "MATCHER_PASSPHRASE": PASSPHRASE,
        }
        ran = subprocess.run(
            [sys.executable, "-m", "matcher", *words],
            env=kept | ours | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
        return Done(ran.returncode, ran.stdout + ran.stderr)

    def copy(self, folder: Path) -> "Town":
        """The same home elsewhere; its clock goes its own way."""
        shutil.copytree(self.folder, folder)
        return Town(folder, Clock(self.clock.now), self.code)

    def _opened(self) -> Any:
        return dbapi2.connect(str(self.home / DATABASE), isolation_level=None)


@contextmanager
def throw_away_town() -> Iterator[Town]:
    """A town in a temporary folder, for as long as it lasts."""
    with TemporaryDirectory(prefix="matcher-bypass-") as folder:
        town = Town(Path(folder) / "town", Clock(datetime.now(UTC).replace(microsecond=0)))
        _build(town)
        yield town


def judgement(candidate_id: str, verdict: Verdict, face_pixels: int = 100) -> Judgement:
    """A judgement as the screens make it."""
    checklist = tuple((one, Finding.AGREE) for one in Component) if verdict is Verdict.SAME else ()
    return Judgement(candidate_id, verdict, checklist, "half block", face_pixels, 2.5)


def vectors(count: int, seed: int) -> Floats:
    """Unit templates of nobody."""
    return normalise(np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32))


def calibrate(town: Town, policy: Policy = POLICY, threshold: int | None = None) -> None:
    """Tests `missing` on `staff`."""
    question = Question(LIST, COHORT, policy, threshold)
    calibrate_list(town.session("boss"), question, Shipped(frozenset(), frozenset()))


def activated(town: Town) -> None:
    """Vera signs for `missing`."""
    prepared = prepare(town.session("vera"), LIST)
    activate(town.session("vera"), prepared, prepared.number, prepared.missed_group)


def _build(town: Town) -> None:
    town.folder.mkdir()
    with new_home(town.home, demo=False):
        pass
    create_store(town.home, Seat("account of boss", "/dev/boss"), town.clock).close()
    town.code = begin_home(town.place(Seat("account of boss", "/dev/boss")), demo=False)
    for name, roles in ROLES.items():
        place = town.place(Seat(f"account of {name}", f"/dev/{name}"))
        add_user(place, None if name == "boss" else town.session("boss"), name, frozenset(roles), PASSPHRASE)
    expires = (town.clock.now + timedelta(days=60)).date()
    _load_lists(town, expires)
    _load_cohort(town, expires)
    calibrate(town)
    activated(town)
    town.submit("eve", 7)
    town.judge("ana", town.alerts()[0], Verdict.SAME).finish(town.alerts()[0])
    town.clock.now += timedelta(seconds=1)
    town.submit("boss", 8)
    if len(town.alerts()) != 2 or town.names():
        raise IntegrityError("the home for the attempts did not become what it should be: report this")


def _load_lists(town: Town, expires: date) -> None:
    for name, loader in ((LIST, "eve"), (OTHER, "boss")):
        create_list(town.session("boss"), name, ListTerms("find", "consent", "unit", expires, 10))
        rows = [Row(f"S{i:03}", "", (("name", f"{PLANTED} {i}"), ("note", "planted note"))) for i in range(_PEOPLE)]
        templates = town.templates if name == LIST else vectors(_PEOPLE, seed=4)
        load_list(town.session(loader), name, EmbeddingSource(rows, templates, MODEL), False, lambda *_: None)


def _load_cohort(town: Town, expires: date) -> None:
    create_cohort(town.session("boss"), COHORT, CohortTerms("volunteers", "consent", expires))
    base = vectors(_TESTED, seed=2)
    second = normalise(base + 0.05 * vectors(_TESTED, seed=3))
    rows = [Row(f"C{i:04}", "", (), (("group", "ab"[i % 2]),)) for i in range(_TESTED)]
    source = EmbeddingSource([*rows, *rows], np.concatenate([base, second]), MODEL)
    load_cohort(town.session("boss"), COHORT, source, False, lambda *_: None)
