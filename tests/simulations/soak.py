"""`python -m tests.simulations.soak MINUTES [SEED]`: several terminals on a PostgreSQL queue and a Ray index, killed.

Real database, keys, services and a real cluster of a head and three nodes on this machine; the faces are vectors.
Three people submit probes, two others judge, each in a process of their own that is ended by SIGKILL at random moments
and started again; the actors and nodes of the cluster are killed or stopped as well. Every terminal keeps a note of
what was acknowledged to it. The clock runs `SPEED` times as fast, so that the fifteen minutes of a claim that nobody
comes back to are over in seconds. In the end the reviewers are left alone until nothing waits for them, and notes,
tables and log are compared (`soak_found.py`). Prints one JSON object; ends with 1 where anything is lost or wrong.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from matcher.services.outcomes import outcomes
from tests import databases
from tests.index import ray_world
from tests.simulations.eight_workers import _steps_kept
from tests.simulations.soak_found import Found, judged
from tests.simulations.soak_people import REVIEWERS, SHARDS, SUBMITTERS, Town, build, reviewer, submitter

NODES = 3
MOST_MINUTES = 20  # a pilot's lease of 24 hours is over after 24 minutes
PAUSE = 2.0  # mean seconds between two faults
STOPPED = 7.0  # seconds that an actor is stopped for: longer than a search waits
DRAINING = 300.0  # seconds after which what still waits counts as stuck
SILENCE = 120.0  # seconds without a note after which a submitter counts as stuck


@dataclass
class Terminals:
    """The processes of everybody; what is killed is started again."""

    town: Town
    running: dict[str, BaseProcess] = field(default_factory=dict)
    died: list[str] = field(default_factory=list)

    def start(self, name: str) -> None:
        """Starts a person's terminal, forked from a process in which everything is imported and nothing is open."""
        target = submitter if name in SUBMITTERS else reviewer
        self.running[name] = _FORKING.Process(target=target, args=(self.town, name))
        self.running[name].start()

    def kill(self, name: str) -> None:
        """SIGKILL. A process that ended by itself is remembered: none may."""
        process = self.running.pop(name)
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        if process.exitcode != -signal.SIGKILL:
            self.died.append(f"{name}: {process.exitcode}")

    def stop(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self.running:
                self.kill(name)


class Faults:
    """What happens to terminals and cluster, at random."""

    def __init__(self, terminals: Terminals, cluster: Any, draw: random.Random) -> None:
        self.terminals, self.cluster, self.draw = terminals, cluster, draw
        self.counted = Counter[str]()
        self.back_at: float | None = None

    def strike(self) -> None:
        """One thing; a node that was killed comes back after two to ten seconds."""
        if self.back_at is not None and time.monotonic() > self.back_at:
            ray_world.add_node(self.cluster)
            self.back_at = None
        faults = (self.submitter, self.reviewer, self.actor, self.slow_actor, self.node)
        self.draw.choices(faults, (8, 6, 7, 2, 2))[0]()

    def submitter(self) -> None:
        self._terminal("submitters", self.draw.choice(SUBMITTERS))

    def reviewer(self) -> None:
        self._terminal("reviewers", self.draw.choice(REVIEWERS))

    def actor(self) -> None:
        """The process of one shard of one submitter."""
        self._signal("actors", signal.SIGKILL)

    def slow_actor(self) -> None:
        """The same, stopped for so long that a search that waits for it must fail."""
        pid = self._signal("actors stopped", signal.SIGSTOP)
        if pid is not None:
            threading.Timer(STOPPED, _go_on, (pid,)).start()

    def node(self) -> None:
        """One of three, with every shard on it."""
        if self.back_at is None:
            self.cluster.remove_node(self.draw.choice(list(self.cluster.worker_nodes)), allow_graceful=False)
            self.back_at = time.monotonic() + self.draw.uniform(2, 10)
            self.counted["nodes"] += 1

    def _signal(self, kind: str, what: signal.Signals) -> int | None:
        raylets = {_raylet(node) for node in self.cluster.worker_nodes}
        found = [pid for pid, parent, name in _processes() if parent in raylets and name.startswith("ray::Shard")]
        if not found:
            return None
        chosen = self.draw.choice(found)
        with suppress(ProcessLookupError):  # its submitter was killed just now
            os.kill(chosen, what)
            self.counted[kind] += 1
        return chosen

    def _terminal(self, kind: str, name: str) -> None:
        self.terminals.kill(name)
        self.terminals.start(name)
        self.counted[kind] += 1


def _go_on(pid: int) -> None:
    with suppress(ProcessLookupError):  # its submitter was killed meanwhile
        os.kill(pid, signal.SIGCONT)


def _raylet(node: Any) -> int:
    pid: int = node.all_processes["raylet"][0].process.pid
    return pid


def _processes() -> Iterator[tuple[int, int, str]]:
    """Number, parent's number and command line of every process (proc(5))."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, words = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        yield int(folder.name), int(stat.rpartition(")")[2].split()[1]), words.decode(errors="replace")


def _drained(town: Town) -> bool:
    """Whether only what the two disagree on is left; gives up after DRAINING seconds."""
    place, store = town.opened()
    until = time.monotonic() + DRAINING
    try:
        while time.monotonic() < until:
            found = outcomes(place, None, None)
            if found.waiting == len({one.alert_id for one in found.disputed}):
                return True
            time.sleep(0.5)
    finally:
        store.close()
    return False


def run(minutes: float, seed: int) -> Found:
    """Raises IntegrityError where the log does not verify, NoServer without PostgreSQL."""
    with (
        tempfile.TemporaryDirectory() as name,
        databases.homes_on("postgresql"),
        ray_world.token(Path(name)),
        ray_world.cluster(NODES) as cluster,
    ):
        home = Path(name) / "home"
        town = Town(Path(name), databases.address_of(home) or "", f"ray://{cluster.address}?shards={SHARDS}")
        _in_a_process(build, town)
        town = replace(town, began=time.time())
        terminals = Terminals(town)
        faults = Faults(terminals, cluster, random.Random(seed))  # noqa: S311 - not a secret
        with _steps_kept(home) as steps:
            try:
                for person in (*SUBMITTERS, *REVIEWERS):
                    terminals.start(person)
                until = time.monotonic() + 60 * minutes
                while time.monotonic() < until:
                    time.sleep(faults.draw.uniform(0, 2 * PAUSE))
                    faults.strike()
                terminals.stop(SUBMITTERS)
                drained = _drained(town)
            finally:
                terminals.stop((*SUBMITTERS, *REVIEWERS))
        ended = {"drained": drained, "died": terminals.died, "killed": dict(faults.counted)}
        notes = {who: town.notes(who) for who in (*SUBMITTERS, *REVIEWERS)}
        return judged(town.opened, notes, (minutes, ended), steps, SILENCE)


def _in_a_process(work: Callable[[Town], None], town: Town) -> None:
    process = _FORKING.Process(target=work, args=(town,))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError("the home was not made")


_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["ray", "tests.simulations.soak_people"])


def main(words: list[str]) -> int:
    """1 where something is not whole, 2 for a wrong command line."""
    try:
        minutes, seed = float(words[0]), int(words[1]) if len(words) > 1 else 1
    except (IndexError, ValueError):
        minutes, seed = 0.0, 0
    if not 0 < minutes <= MOST_MINUTES:
        sys.stderr.write(f"python -m tests.simulations.soak MINUTES [SEED]: up to {MOST_MINUTES} minutes\n")
        return 2
    found = run(minutes, seed)
    print(json.dumps(asdict(found) | {"whole": found.whole, "seed": seed}, indent=2), flush=True)
    return 0 if found.whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
