"""Faults of a cluster while it is searched: `python -m tests.simulations.cluster_faults [TRIES [SEED]]`; needs Ray.

Each try does one thing to a real cluster of three nodes on this machine, at a random moment of a search, and searches
until the cluster is well again. An answer that is not that of one machine to the bit ends the run; an error is counted
if it is the one that ends with exit code 5 and came in time. Prints one JSON object.
"""

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matcher.cli.exit_codes import ExitCode, exit_code_of
from matcher.errors import NotSearchable
from matcher.index.cluster import ClusterIndex
from tests.index import ray_world
from tests.index.ray_world import Sealed, address_of, probes, sealed

SHARDS = 3
SLACK = 1.0  # seconds over the index's patience: two cores run everything


class Town:
    """A cluster, an index on it, and what one machine answers."""

    def __init__(self, cluster: Any, held: Sealed, other: Sealed, seed: int) -> None:
        self.cluster, self.held, self.other = cluster, held, other
        self.random = random.Random(seed)  # noqa: S311
        self.index = ClusterIndex.opened(held.lender, held.shape, address_of(cluster, SHARDS))
        self.asked = probes(held, 16, seed)
        self.wanted = held.embedded.at_or_above(self.asked, 200_000).hits
        self.healing: Callable[[], object] = lambda: None

    def actor_killed(self) -> None:
        os.kill(self._pid(), signal.SIGKILL)

    def node_killed(self) -> None:
        """One of three: the others are spare."""
        self.cluster.remove_node(self.random.choice(list(self.cluster.worker_nodes)), allow_graceful=False)
        self.healing = lambda: ray_world.add_node(self.cluster)

    def all_nodes_killed(self) -> None:
        nodes = list(self.cluster.worker_nodes)
        for node in nodes:
            self.cluster.remove_node(node, allow_graceful=False)
        self.healing = lambda: [ray_world.add_node(self.cluster) for _ in nodes]

    def node_slow(self) -> None:
        """Stopped for longer or shorter than a search waits."""
        pid = self._pid()
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(self.random.choice([0.5, 2.0, 6.0]), os.kill, (pid, signal.SIGCONT)).start()

    def wrong_revision(self) -> None:
        """A shard is lost, and where it is made anew lie containers of another revision."""
        lender, self.index._lender = self.index._lender, self.other.lender
        shard = self.random.randrange(SHARDS)
        self.index.lost(shard, self.index._held[shard].actor, "is taken away")
        self.healing = lambda: setattr(self.index, "_lender", lender)

    def _pid(self) -> int:
        import ray

        pids = [ray.get(held.actor.pid.remote()) for held in self.index._held]
        return self.random.choice(pids)

    def search(self) -> tuple[str, float]:
        """Whole, or an error with exit code 5; how long it took. Raises AssertionError for anything else."""
        started = time.monotonic()
        try:
            hits = self.index.at_or_above(self.asked, 200_000).hits
        except NotSearchable as error:
            took, code, said = time.monotonic() - started, exit_code_of(error), str(error)
            if code is not ExitCode.NOT_ACTIVE or "nothing was searched" not in said:
                raise AssertionError(f"exit {code}: {said}") from error
            if took > self.index.patience + SLACK:
                raise AssertionError(f"an error after {took:.1f} s") from error
            return "exit 5", took
        assert hits == self.wanted, "A PARTIAL OR WRONG ANSWER"
        return "right", time.monotonic() - started

    def heal(self) -> float:
        """How long until an answer is whole again."""
        started = time.monotonic()
        self.healing()
        self.healing = lambda: None
        for _ in range(12):
            if self.search()[0] == "right":
                return time.monotonic() - started
        raise AssertionError("the index did not come back in 12 searches")


FAULTS = ("actor_killed", "actor_killed", "actor_killed", "node_slow", "wrong_revision", "node_killed", "actor_killed")


def run(tries: int, seed: int = 1) -> dict[str, Any]:
    """Counts of what searches ended with, by fault, the longest of each, and the longest way back."""
    with tempfile.TemporaryDirectory() as name, ray_world.token(Path(name)), ray_world.cluster(3) as cluster:
        held = sealed(Path(name) / "sealed", "a" * 64, 3_000, 900, seed)
        other = sealed(Path(name) / "other", "b" * 64, 3_000, 900, seed + 1)
        town, told = Town(cluster, held, other, seed), Counter[str]()
        longest: dict[str, float] = {}
        for number in range(tries):
            fault = "all_nodes_killed" if number % 40 == 39 else FAULTS[number % len(FAULTS)]
            strike = threading.Timer(town.random.random() * 0.02, getattr(town, fault))
            strike.start()
            for _ in range(2):
                ended, took = town.search()
                told[f"{fault}: {ended}"] += 1
                longest[f"{fault}: {ended}"] = max(took, longest.get(f"{fault}: {ended}", 0.0))
                strike.join()
            longest[f"{fault}: back"] = max(town.heal(), longest.get(f"{fault}: back", 0.0))
            print(number, fault, dict(told), file=sys.stderr, flush=True)
        town.index.close()
    rounded = {key: round(value, 2) for key, value in sorted(longest.items())}
    return {"tries": tries, "partial": 0, "ended": dict(sorted(told.items())), "longest_s": rounded}


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    print(json.dumps(run(*(asked or [200])), indent=2))
