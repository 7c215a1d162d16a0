"""`python -m tests.simulations.eight_workers`: reviewers at several terminals share one queue, killed at random.

Real database, keys and desk; the faces are vectors. Each terminal is a process with a reviewer of its own: it takes one
of the first alerts that wait for it, judges every candidate, looks at the scores, finishes. Meanwhile terminals are
ended by SIGKILL at random moments and started again. The clock runs `SPEED` times as fast, so that the fifteen minutes
of a claim that nobody comes back to are over in seconds. When every alert is concluded, the log says whether

1. anybody judged a candidate twice, or the scores of an alert were earned by other than the two people who agree;
2. anybody acted on an alert while another's claim on it held;
3. the log, the signatures and the tables verify (`matcher audit verify`).
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from matcher.bootstrap import match_confidence
from matcher.domain.case import Verdict
from matcher.domain.desk import Stage
from matcher.domain.events import Action, LogEntry
from matcher.domain.ids import utc_time
from matcher.domain.people import Role
from matcher.errors import Refused, StorageFailed
from matcher.services.audit import verify
from matcher.services.people import add_user
from matcher.services.review_desk import CLAIM_LEASE, Desk
from matcher.services.workplace import sign_in
from matcher.store.unit_of_work import open_store
from tests import databases
from tests.services.world import PASSPHRASE, Clock, World, judgement, workplace

SPEED = 300
PEOPLE = 20  # the list's
_FORK = multiprocessing.get_context("fork")  # what a restarted terminal needs is imported already
_STEP = (
    "INSERT INTO steps (alert, reviewer, until, ended) VALUES (NEW.alert_id, NEW.reviewer, NEW.claimed_until, "
    "CASE WHEN NEW.finished_at IS NULL AND NEW.recused_at IS NULL THEN 0 ELSE 1 END)"
)
_COLUMNS = "alert text, reviewer text, until text, ended integer"
_KEEPING_SQLITE = [
    f"CREATE TABLE steps (number INTEGER PRIMARY KEY, {_COLUMNS})",
    f"CREATE TRIGGER steps_begun AFTER INSERT ON progress BEGIN {_STEP}; END",
    f"CREATE TRIGGER steps_taken AFTER UPDATE ON progress BEGIN {_STEP}; END",
]
_FORGETTING_SQLITE = ["DROP TRIGGER steps_begun", "DROP TRIGGER steps_taken", "DROP TABLE steps"]
_KEEPING_POSTGRES = [
    f"CREATE TABLE matcher.steps (number bigserial PRIMARY KEY, {_COLUMNS})",
    f"CREATE FUNCTION matcher.step() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {_STEP}; RETURN NULL; END$$",
    "CREATE TRIGGER steps_taken AFTER INSERT OR UPDATE ON progress FOR EACH ROW EXECUTE FUNCTION matcher.step()",
]
_FORGETTING_POSTGRES = ["DROP FUNCTION matcher.step CASCADE", "DROP TABLE steps"]


@dataclass
class FastClock(Clock):
    """The same time in every process."""

    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    began: float = 0.0
    speed: int = SPEED

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=self.speed * (time.time() - self.began))


@dataclass(frozen=True)
class Step:
    """What was written of a reviewer's claim; `ended`: they finished or stepped back."""

    alert: str
    reviewer: str
    until: datetime | None
    ended: bool


@dataclass(frozen=True)
class Found:
    """What one run came to. `abandoned`: claims that a killed terminal held and did not come back to in time."""

    engine: str
    terminals: int
    alerts: int
    kills: int
    seconds: float
    judgements: int
    judged_twice: int
    not_by_two: int
    acted_beside_a_claim: int
    abandoned: int
    lost_the_race: int
    entries: int

    @property
    def whole(self) -> bool:
        return not (self.judged_twice or self.not_by_two or self.acted_beside_a_claim)


def run(engine: str, alerts: int, terminals: int, pause: float, seed: int) -> Found:
    """Raises IntegrityError where the log does not verify, TimeoutError where an alert never returns."""
    with tempfile.TemporaryDirectory() as folder, databases.homes_on(engine):
        home = Path(folder) / "home"
        databases.address_of(home)  # before the processes part, so that all know it
        names = [f"reviewer{number}" for number in range(terminals)]
        _in_a_process(_build, Path(folder), names, alerts)
        clock = FastClock(began=time.time())
        began = time.perf_counter()
        with _steps_kept(home) as steps:
            kills = _killed_at_random(home, clock, names, (pause, random.Random(seed)))  # noqa: S311 -- not a secret
        seconds = time.perf_counter() - began
        return _judged(home, clock, (engine, terminals, alerts, kills, seconds), _beside(steps))


def _build(folder: Path, names: list[str], alerts: int) -> None:
    world = World(folder)
    world.active()
    for name in names:
        add_user(world.place, world.sessions["boss"], name, frozenset({Role.REVIEWER}), PASSPHRASE)
    for number in range(alerts):
        world.submit(world.templates[number % PEOPLE], case=f"case/{number}")
    world.store.close()


def _killed_at_random(home: Path, clock: FastClock, names: list[str], chance: tuple[float, random.Random]) -> int:
    """Keeps every terminal running, now and then killing one, until nothing is open; how many were killed."""
    pause, draw = chance
    running = {name: _started(home, clock, name) for name in names}
    kills, until = 0, time.monotonic() + 3600
    try:
        while _open_alerts(home, clock):
            if time.monotonic() > until:
                raise TimeoutError("alerts are left that no terminal was given")
            time.sleep(draw.uniform(0, 2 * pause))
            name = draw.choice(names)
            if running[name].is_alive():
                os.kill(running[name].pid or 0, signal.SIGKILL)
                kills += 1
            running[name].join()
            running[name] = _started(home, clock, name)
    finally:
        for process in running.values():
            process.kill()
            process.join()
    return kills


def _started(home: Path, clock: FastClock, name: str) -> BaseProcess:
    process = _FORK.Process(target=_terminal, args=(home, clock, name))
    process.start()
    return process


def _terminal(home: Path, clock: FastClock, name: str) -> None:
    """One reviewer, until killed."""
    place, _ = workplace(home, clock, open_store)
    desk = Desk(sign_in(place, name, PASSPHRASE), match_confidence)
    draw = random.Random(os.getpid())  # noqa: S311 -- not a secret
    while True:
        waiting = desk.queue().entries[:10]
        if not waiting:
            time.sleep(0.05)
            continue
        try:
            _review(desk, draw.choice(waiting).alert_id)
        except (Refused, StorageFailed):  # somebody else was first, or the database was busy for ten seconds
            continue


def _review(desk: Desk, alert_id: str) -> None:
    shown = desk.claim(alert_id)
    if shown.stage is Stage.BLIND:
        done = {one.candidate_id for one in shown.judged}
        first = min(one.candidate_id for one in shown.candidates)  # all agree on one
        for candidate in shown.candidates:
            if candidate.candidate_id not in done:
                verdict = Verdict.SAME if candidate.candidate_id == first else Verdict.DIFFERENT
                desk.judge(alert_id, judgement(candidate.candidate_id, verdict))
        desk.disclose(alert_id)
    desk.finish(alert_id)


def _open_alerts(home: Path, clock: FastClock) -> int:
    place, store = workplace(home, clock, open_store)
    with place.work(write=False) as work:
        waiting = sum(work.alerts.waiting(one.list_id) for one in work.lists.all())
    store.close()
    return waiting


def _judged(home: Path, clock: FastClock, facts: tuple[str, int, int, int, float], claims: tuple[int, int]) -> Found:
    place, store = workplace(home, clock, open_store)
    verified = verify(place, lambda *_: None)
    with place.work(write=False) as work:
        entries = list(work.log.entries())
    store.close()
    judged = Counter((*_fact(entry, "alert", "candidate"), entry.actor) for entry in _of(entries, Action.JUDGED))
    through = Counter(_fact(entry, "alert") for entry in _of(entries, Action.DISCLOSED))
    engine, terminals, alerts, kills, seconds = facts
    beside, abandoned = claims
    return Found(
        engine=engine,
        terminals=terminals,
        alerts=alerts,
        kills=kills,
        seconds=round(seconds, 1),
        judgements=verified.judgements,
        judged_twice=sum(count - 1 for count in judged.values()),
        not_by_two=sum(count != 2 for count in through.values()) + alerts - len(through),
        acted_beside_a_claim=beside,
        abandoned=abandoned,
        lost_the_race=sum(1 for _ in _of(entries, Action.REFUSED)),
        entries=verified.entries,
    )


def _beside(steps: Iterable[Step]) -> tuple[int, int]:
    """How often somebody acted while another's claim held, and how many claims lapsed and went to another."""
    beside = abandoned = 0
    held: dict[str, Step] = {}
    for step in steps:
        before = held.get(step.alert, step)
        if before.until is not None and before.reviewer != step.reviewer and not before.ended:
            now = step.until - CLAIM_LEASE if step.until is not None else before.until
            beside += now < before.until
            abandoned += now >= before.until
        held[step.alert] = step
    return beside, abandoned


@contextmanager
def _steps_kept(home: Path) -> Iterator[list[Step]]:
    """Whatever is written of who holds what, as it was committed; there once the context is left.

    Every step of a reviewer takes or renews their claim, so that its end tells what time it was for them.
    """
    steps: list[Step] = []
    postgres = databases.address_of(home) is not None
    with databases.client(home) as run:
        for statement in _KEEPING_POSTGRES if postgres else _KEEPING_SQLITE:
            run(statement)
    yield steps
    with databases.client(home) as run:
        for alert, reviewer, until, ended in run("SELECT alert, reviewer, until, ended FROM steps ORDER BY number"):
            steps.append(Step(alert, reviewer, None if until is None else utc_time(until), bool(ended)))
        for statement in _FORGETTING_POSTGRES if postgres else _FORGETTING_SQLITE:
            run(statement)


def _of(entries: Iterable[LogEntry], action: Action) -> Iterable[LogEntry]:
    return (entry for entry in entries if entry.action == action)


def _fact(entry: LogEntry, *names: str) -> tuple[str, ...]:
    details = json.loads(entry.details)
    return tuple(str(details[name]) for name in names)


def _in_a_process(work: Any, *given: Any) -> None:
    process = _FORK.Process(target=work, args=given)
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError("the home was not made")


def main() -> int:
    """Prints one JSON object a run; 1 where something is not whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=databases.BOTH, action="append", help="both where none is named")
    parser.add_argument("--alerts", type=int, default=2000)
    parser.add_argument("--terminals", type=int, default=8)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    whole = True
    for engine in given.engine or databases.BOTH:
        found = run(engine, given.alerts, given.terminals, given.pause, given.seed)
        print(json.dumps(asdict(found)), flush=True)
        whole = whole and found.whole
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
