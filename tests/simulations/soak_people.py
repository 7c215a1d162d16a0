"""Whoever works in a soak (`soak.py`): three who submit, two who judge, each in a process until it is killed."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher.bootstrap import _open_cluster, match_confidence
from matcher.cli.exit_codes import exit_code_of
from matcher.domain.case import Verdict
from matcher.domain.desk import Stage
from matcher.domain.face import Picture
from matcher.domain.people import Role
from matcher.domain.shards import ClusterAddress
from matcher.domain.template import Floats
from matcher.errors import MatcherError, Refused
from matcher.kernels import normalise
from matcher.services.people import add_user
from matcher.services.review_desk import Desk
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Workplace, sign_in
from matcher.store.unit_of_work import Store, open_store
from tests import databases
from tests.services.test_shards import on_a_cluster
from tests.services.world import DIM, PASSPHRASE, VectorPipeline, World, judgement, vectors, workplace
from tests.simulations.eight_workers import FastClock

SPEED = 60
SHARDS = 2
SUBMITTERS, REVIEWERS = ("sam", "sue", "sid"), ("ana", "ben")
PACE = 0.25  # seconds between two probes of a submitter, and that a reviewer looks at a candidate
DISPUTED = 26  # of 256 alerts: the reviewers disagree there, and nobody may ever be confirmed


@dataclass(frozen=True)
class Town:
    """What every process must know."""

    folder: Path
    database: str
    cluster: str
    began: float = 0.0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def opened(self) -> tuple[Workplace, Store]:
        """The home as one machine sees it."""
        databases.chosen.addresses[self.home] = self.database
        return workplace(self.home, FastClock(began=self.began, speed=SPEED), open_store)

    def note(self, who: str, **facts: Any) -> None:
        """Keeps what was acknowledged to somebody: in the file before this returns, whatever happens to the process."""
        line = json.dumps({"at": time.time(), **facts}).encode() + b"\n"
        file = os.open(self.folder / f"{who}.notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line)
        os.close(file)

    def notes(self, who: str) -> list[dict[str, Any]]:
        """What somebody noted, oldest first."""
        path = self.folder / f"{who}.notes"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def build(town: Town) -> None:
    """An active list that is signed for the cluster, and everybody."""
    databases.chosen.addresses[town.home] = town.database
    address = ClusterAddress.parse(town.cluster)
    world = on_a_cluster(World(town.folder), SHARDS, partial(_open_cluster, address)).active()
    for name in SUBMITTERS:
        add_user(world.place, world.sessions["boss"], name, frozenset({Role.ADMIN}), PASSPHRASE)
    world.store.close()


def submitter(town: Town, name: str) -> None:
    """Searches, one probe after the other, until killed. A third of the probes are of listed people."""
    place, _ = town.opened()
    address = ClusterAddress.parse(town.cluster)
    session = sign_in(replace(place, shards=SHARDS, open_index=partial(_open_cluster, address)), name, PASSPHRASE)
    listed, draw = vectors(20, seed=1), np.random.default_rng()
    asked: list[tuple[Floats, float]] = []

    def probes() -> Iterator[tuple[Path, Callable[[Path], Picture]]]:
        while True:
            time.sleep(PACE)
            near = listed[draw.integers(len(listed))] * (draw.random() < 1 / 3)
            made = normalise((near + 0.1 * draw.standard_normal(DIM)).astype(np.float32).reshape(1, DIM))[0]
            asked.append((made, time.monotonic()))
            yield Path("probe.jpg"), partial(_picture, made)

    while True:
        case = f"{name}/{secrets.token_hex(8)}"
        asked.clear()
        try:
            for told in submit(session, "missing", probes(), Errand(case, "soak"), VectorPipeline):
                probe, began = asked[-1]
                took = time.monotonic() - began
                town.note(name, case=case, probe=probe.tobytes().hex(), alerts=told.alerts, took=took)
        except MatcherError as error:
            searched = time.monotonic() - asked[-1][1] if asked else None  # else the list could not be opened
            town.note(name, case=case, exit=int(exit_code_of(error)), said=str(error), took=searched)


def _picture(template: Floats, _path: Path) -> Picture:
    return Picture("probe", template.tobytes())


def reviewer(town: Town, name: str) -> None:
    """Takes one of the first alerts that wait, judges, looks at the scores, finishes, until killed."""
    place, _ = town.opened()
    desk = Desk(sign_in(place, name, PASSPHRASE), match_confidence)
    while True:
        waiting = desk.queue().entries[:10]
        if not waiting:
            time.sleep(0.2)
            continue
        try:
            _review(town, desk, secrets.choice(waiting).alert_id)
        except Refused:  # the other one was first
            continue
        except MatcherError as error:
            town.note(name, exit=int(exit_code_of(error)), said=str(error))


def _review(town: Town, desk: Desk, alert_id: str) -> None:
    name, shown = desk.user.name, desk.claim(alert_id)
    if shown.stage is Stage.BLIND:
        done = {one.candidate_id for one in shown.judged}
        first = min(one.candidate_id for one in shown.candidates)
        agreed = not disputed(alert_id) or name == REVIEWERS[0]
        for candidate in shown.candidates:
            if candidate.candidate_id in done:
                continue
            verdict = Verdict.SAME if candidate.candidate_id == first and agreed else Verdict.DIFFERENT
            time.sleep(PACE)
            seconds = secrets.randbelow(10**9) / 1000  # tells this judgement from every other
            desk.judge(alert_id, replace(judgement(candidate.candidate_id, verdict), seconds=seconds))
            town.note(name, alert=alert_id, judged=[candidate.candidate_id, verdict.value, seconds])
        desk.disclose(alert_id)
    desk.finish(alert_id)
    town.note(name, alert=alert_id, finished=True)


def disputed(alert_id: str) -> bool:
    """Whether the second reviewer contradicts the first one there."""
    return hashlib.sha256(alert_id.encode()).digest()[0] < DISPUTED
