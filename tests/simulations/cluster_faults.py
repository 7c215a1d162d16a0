"""Faults of a cluster while it is searched: `python -m tests.simulations.cluster_faults [TRIES [SEED]]`; needs Ray.

Each try does one thing to a real cluster of three nodes on this machine, at a random moment of a search, and searches
until the cluster is well again. An answer that is not that of one machine to the bit ends the run, and so does an error
that does not end with exit code 5 and one clear line; one that came after more than six seconds is counted as late.
Prints one JSON object.
"""

import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from matcher.cli.exit_codes import ExitCode, exit_code_of
from matcher.errors import NotSearchable
from matcher.index.cluster import ClusterIndex
from tests.index import ray_world
from tests.index.ray_world import Machines, Sealed, address_of, probes, sealed

SHARDS = 3
CLEAR = re.compile("nothing was searched|no cluster answers")
SLACK = 1.0  # seconds over the index's patience


class Town:
    """A cluster, an index on it, and what one machine answers."""

    def __init__(self, cluster: Machines, held: Sealed, other: Sealed, seed: int) -> None:
        self.cluster, self.held, self.other = cluster, held, other
        self.random = random.Random(seed)  # noqa: S311
        self.index = ClusterIndex.opened(held.lender, held.shape, address_of(cluster, SHARDS))
        self.asked = probes(held, 16, seed)
        self.wanted = held.embedded.at_or_above(self.asked, 200_000).hits
        self.pids: list[int] = []
        self.late, self.said = 0, ""
        self.healing: Callable[[], object] = lambda: None

    def actor_killed(self) -> None:
        os.kill(self.random.choice(self.pids), signal.SIGKILL)

    def driver_killed(self) -> None:
        """The process that speaks with Ray, as Ray ends it."""
        process = self.index._process
        assert process is not None
        os.kill(process._process.pid, signal.SIGKILL)

    def node_killed(self) -> None:
        """One of three: the others are spare."""
        self.cluster.remove_node(self.random.choice(self.cluster.worker_nodes), allow_graceful=False)
        self.healing = lambda: ray_world.add_node(self.cluster)

    def all_nodes_killed(self) -> None:
        for node in self.cluster.worker_nodes:
            self.cluster.remove_node(node, allow_graceful=False)
        self.healing = self._nodes_added

    def head_killed(self) -> None:
        """Gone for some seconds, then there again at its address, and knows of no node: they are started again too."""
        self.cluster.kill_head()
        away = self.random.uniform(0.0, 8.0)

        def back() -> None:
            time.sleep(away)
            self.cluster.start_head()
            for node in self.cluster.worker_nodes:
                self.cluster.remove_node(node, allow_graceful=False)
            self._nodes_added()

        self.healing = back

    def node_slow(self) -> None:
        """Stopped for longer or shorter than a search waits."""
        pid = self.random.choice(self.pids)
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(self.random.choice([0.5, 2.0, 6.0]), self._go_on, (pid,)).start()

    def wrong_revision(self) -> None:
        """A shard is lost, and where it is made anew lie containers of another revision."""
        lender, self.index._lender = self.index._lender, self.other.lender
        os.kill(self.random.choice(self.pids), signal.SIGKILL)
        self.healing = lambda: setattr(self.index, "_lender", lender)

    def _nodes_added(self) -> None:
        for _ in range(3):
            ray_world.add_node(self.cluster)

    def _go_on(self, pid: int) -> None:
        with suppress(ProcessLookupError):  # given up meanwhile
            os.kill(pid, signal.SIGCONT)

    def search(self) -> tuple[str, float]:
        """Whole, or an error with exit code 5; how long it took. Raises AssertionError for anything else."""
        started = time.monotonic()
        try:
            hits = self.index.at_or_above(self.asked, 200_000).hits
        except NotSearchable as error:
            took, code, said = time.monotonic() - started, exit_code_of(error), str(error)
            if code is not ExitCode.NOT_ACTIVE or "\n" in said or not CLEAR.search(said):
                raise AssertionError(f"exit {code}: {said}") from error
            self.said = said
            if took > self.index.patience + SLACK:  # two cores run everything
                self.late += 1
            return "exit 5", took
        assert hits == self.wanted, "A PARTIAL OR WRONG ANSWER"
        return "right", time.monotonic() - started

    def _searched_until(self, healed: threading.Event) -> list[tuple[str, float]]:
        ended = []
        while not healed.wait(0.5):
            ended.append(self.search())
        return ended

    def try_one(self, fault: str) -> tuple[list[tuple[str, float]], float]:
        """What searches ended with while something was broken, and how long until an answer was whole for good."""
        self.pids = self.index.pids()
        with ThreadPoolExecutor(1) as pool:
            moment = self.random.random() * 0.02
            struck = pool.submit(lambda: (time.sleep(moment), getattr(self, fault)()))
            ended = [self.search(), self.search()]
            struck.result()
            started, healed = time.monotonic(), threading.Event()
            meanwhile = pool.submit(self._searched_until, healed)
            try:
                self.healing()  # Ray's nodes are started by a main thread only
            finally:
                self.healing = lambda: None
                healed.set()
            ended += meanwhile.result()
        for _ in range(24):
            ended.append(self.search())
            if ended[-1][0] == "right":
                return ended, time.monotonic() - started
        raise AssertionError(f"the index did not come back in 24 searches: {self.said}")


FAULTS = (
    "actor_killed", "node_slow", "head_killed", "wrong_revision", "node_killed", "driver_killed", "actor_killed"
)  # fmt: skip


def run(tries: int, seed: int = 1) -> dict[str, Any]:
    """Counts of what searches ended with, by fault, the longest of each, and the longest way back."""
    with tempfile.TemporaryDirectory() as name, ray_world.token(Path(name)), ray_world.cluster(3) as cluster:
        held = sealed(Path(name) / "sealed", "a" * 64, 3_000, 900, seed)
        other = sealed(Path(name) / "other", "b" * 64, 3_000, 900, seed + 1)
        town, told = Town(cluster, held, other, seed), Counter[str]()
        longest: dict[str, float] = {}
        for number in range(tries):
            fault = "all_nodes_killed" if number % 20 == 19 else FAULTS[number % len(FAULTS)]
            ended, back = town.try_one(fault)
            for key, took in [*((f"{fault}: {how}", took) for how, took in ended), (f"{fault}: back", back)]:
                told[key] += not key.endswith("back")
                longest[key] = max(took, longest.get(key, 0.0))
            print(number, fault, dict(+told), file=sys.stderr, flush=True)
        town.index.close()
    rounded = {key: round(value, 2) for key, value in sorted(longest.items())}
    return {
        "tries": tries,
        "searches": told.total(),
        "partial": 0,
        "late": town.late,
        "ended": dict(sorted((+told).items())),
        "longest_s": rounded,
    }


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    print(json.dumps(run(*(asked or [200])), indent=2))
