"""Two hosts and a cable that is cut; as root: `python -m tests.simulations.two_hosts [ROUNDS [SEED [ROOM]]]`.

A host is a process with network, mount and process namespaces of its own; the hosts are joined by a pair of virtual
network devices with private addresses. `matcher cluster start` runs a head on one, with room for one shard, and a node
that joins on the other, with room for ROOM (2). A program on the first searches a list of two shards again and again.
At a random moment of a search the cable is cut: for shorter, and for longer than Ray believes in a node that it does
not hear. Then it is mended, and the second node, where it has ended meanwhile, is started again.

Every answer is compared with that of one machine, to the bit. An error is counted if it is the one that ends with exit
code 5 and came within the patience of a search. Prints one JSON object.

The hosts end with this program, however it ends: each lives as long as a pipe from here is open, and namespaces,
devices and every process in them go with it. Nothing has a name that could be left behind.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matcher.domain.shards import ClusterAddress

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = ("10.213.7.1", "10.213.7.2")
HEAD = f"ray://{ADDRESSES[0]}:6379?shards=2"
CUTS = (2.0, 20.0, 90.0)  # seconds: shorter and longer than a search waits, and longer than Ray believes in a node
BACK = 240.0  # seconds that a right answer may take once the cable is mended: TCP asks again ever more seldom
SLACK = 1.0  # seconds over the index's patience: two cores run everything
_NEEDED = ("ip", "unshare", "nsenter")
# /tmp/ray is where Ray keeps sockets and the address of "the" node of a machine: each host has its own.
_BEGIN = "mkdir -p /tmp/ray && mount -t tmpfs tmpfs /tmp/ray && ip link set lo up && echo up && exec cat"


class NoHosts(Exception):
    """Why no hosts can be made here; one sentence."""


@dataclass(frozen=True)
class Host:
    """`pid` is the first process of its namespaces, as this machine numbers it; `data` is its users' data folder."""

    pid: int
    data: Path

    def words(self, *words: str | Path) -> list[str]:
        """A command line that runs there."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid", *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Runs a command there; what it printed. Raises RuntimeError where it fails."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=False, env=self.environment())
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def matcher(self, *words: str) -> dict[str, Any]:
        """Runs the program there; its result."""
        told: dict[str, Any] = json.loads(self.run(sys.executable, "-m", "matcher", *words, "--json"))
        return told

    def environment(self) -> dict[str, str]:
        """No token and no address of this machine is in it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {"XDG_DATA_HOME": str(self.data), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    @property
    def token(self) -> Path:
        """Where the program keeps a cluster's token."""
        return self.data / "matcher" / "cluster" / "token"


@contextmanager
def host(data: Path) -> Iterator[Host]:
    """A host without a cable. Raises NoHosts."""
    data.mkdir(mode=0o700)
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", _BEGIN]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            if process.stdout is None or process.stdout.readline() != b"up\n":
                process.kill()
                said = process.stderr.read().decode().strip() if process.stderr else ""
                raise NoHosts(f"no namespaces can be made here: {said[-200:] or 'unshare said nothing'}")
            yield Host(_child(process.pid), data)
        finally:
            process.kill()  # and with it, by --kill-child, the first process of the namespaces, and so every other one


def _child(pid: int) -> int:
    """What `unshare` or `nsenter` forked into the namespaces (proc(5): the children of a thread)."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


@contextmanager
def joined(folder: Path) -> Iterator[tuple[Host, Host]]:
    """Two hosts with a cable between them. Raises NoHosts."""
    if (reason := why_none()) is not None:
        raise NoHosts(reason)
    with host(folder / "first") as first, host(folder / "second") as second:
        pair = ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(second.pid)]
        # Only its network is entered: the second host's number is one of this machine's.
        subprocess.run(["nsenter", f"--target={first.pid}", "--net", *pair], check=True)
        for one, address in zip((first, second), ADDRESSES, strict=True):
            one.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
            one.run("ip", "link", "set", "eth0", "up")
        yield first, second


def why_none() -> str | None:
    """Why hosts cannot be made here; None where they can."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} must be on PATH (iproute2, util-linux)"
    trial = ["unshare", "--net", "--mount", "--pid", "--fork", "ip", "link", "add", "eth0", "type", "veth"]
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"this process may not make namespaces: {done.stderr.strip()[-200:]}"


@dataclass
class Searches:
    """What the program on the first host says of its searches."""

    process: "subprocess.Popen[str]"
    told: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def end(self) -> None:
        """Kills the program, and not `nsenter`, which waits for it and holds no pipe alone."""
        os.kill(_child(self.process.pid), signal.SIGKILL)
        self._listener.join()

    def since(self, moment: float) -> list[dict[str, Any]]:
        """Searches that ended after a moment."""
        return [one for one in self.told if one["ended_at"] > moment]

    def right_after(self, moment: float, most: float) -> float:
        """Seconds from a moment to the end of the first right answer that was asked for after it."""
        until = time.time() + most
        while time.time() < until:
            found = [one for one in self.since(moment) if one["ended"] == "right" and one["began_at"] > moment]
            if found:
                return float(found[0]["ended_at"]) - moment
            if any(one["ended"] not in ("right", "exit 5") for one in self.told):
                raise AssertionError(self.told[-1]["ended"])
            if self.process.poll() is not None:
                raise AssertionError(f"the searching program ended: exit {self.process.returncode}")
            time.sleep(0.02)
        raise AssertionError(f"no right answer in {most:g} s: {self.told[-3:]}")

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self.told.append(json.loads(line))


@contextmanager
def searching(first: Host, folder: Path, seed: int) -> Iterator[Searches]:
    """A program on the first host that searches without an end."""
    words = first.words(sys.executable, "-m", "tests.simulations.two_hosts", "search", folder, str(seed))
    environment = first.environment() | {"RAY_AUTH_TOKEN_PATH": str(first.token)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        searches = Searches(process)
        try:
            yield searches
        finally:
            searches.end()


def search(folder: Path, seed: int) -> None:
    """What runs on the first host: one line of JSON for each search, until killed."""
    from matcher.cli.exit_codes import exit_code_of
    from matcher.errors import MatcherError
    from matcher.index.cluster import ClusterIndex
    from tests.index.ray_world import probes, sealed

    held = sealed(folder / "sealed", "a" * 64, 3_000, 900, seed)
    asked = probes(held, 16, seed)
    wanted = held.embedded.at_or_above(asked, 200_000).hits
    index = ClusterIndex.opened(held.lender, held.shape, ClusterAddress.parse(HEAD))
    while True:
        began = time.time()
        try:
            hits = index.at_or_above(asked, 200_000).hits
            ended = "right" if hits == wanted else "A PARTIAL OR WRONG ANSWER"
        except MatcherError as error:
            ended = f"exit {int(exit_code_of(error))}"
            if "nothing was searched" not in str(error):
                ended += f": {error}"
        print(json.dumps({"began_at": began, "ended_at": time.time(), "ended": ended}))


def start(first: Host, second: Host, room: int) -> None:
    """A head on the first host and a node that joins on the second, which would hold so many shards."""
    first.matcher("cluster", "start", "--at", HEAD.partition("?")[0], "--shards", "1")
    second.token.parent.mkdir(mode=0o700, parents=True)
    shutil.copy(first.token, second.token)
    join(second, room)


def join(second: Host, room: int) -> None:
    """Starts the node of the second host, where it does not run."""
    second.matcher("cluster", "start", "--at", HEAD.partition("?")[0], "--join", ADDRESSES[1], "--shards", str(room))


def cut(first: Host, searches: Searches, seconds: float, draw: random.Random) -> tuple[float, float]:
    """Cuts the cable in mid-search for so long, then mends it; when it was cut and mended."""
    searches.right_after(time.time(), BACK)
    time.sleep(draw.uniform(0.0, 0.3))
    began = time.time()
    first.run("ip", "link", "set", "eth0", "down")
    time.sleep(seconds)
    first.run("ip", "link", "set", "eth0", "up")
    return began, time.time()


def joined_again(second: Host, room: int, searches: Searches, mended: float) -> str:
    """Starts the second node again once it has ended, where searches do not come back without."""
    until = time.time() + BACK
    while time.time() < until:
        if any(one["ended"] == "right" and one["began_at"] > mended for one in searches.since(mended)):
            return "the same"
        if ended(second):
            join(second, room)
            return "started again"
        time.sleep(0.2)
    raise AssertionError(f"the second node neither answers nor ends: {searches.told[-3:]}")


def ended(second: Host) -> bool:
    """Whether the node that was started there runs no more."""
    node = json.loads((second.data / "matcher" / "cluster" / "node.json").read_bytes())
    return bool(second.run("sh", "-c", f"grep -sq '^State:.Z' /proc/{node['pid']}/status && echo ended || true")) or (
        not second.run("sh", "-c", f"test -d /proc/{node['pid']} && echo runs || true")
    )


def judged(told: Sequence[dict[str, Any]], patience: float) -> dict[str, Any]:
    """Counts by end and the longest of each. Raises AssertionError for a wrong answer, another end or a late error."""
    ended: dict[str, int] = {}
    longest: dict[str, float] = {}
    for one in told:
        took = one["ended_at"] - one["began_at"]
        if one["ended"] not in ("right", "exit 5"):
            raise AssertionError(one["ended"])
        if took > patience + SLACK:
            raise AssertionError(f"{one['ended']} after {took:.1f} s")
        ended[one["ended"]] = ended.get(one["ended"], 0) + 1
        longest[one["ended"]] = round(max(took, longest.get(one["ended"], 0.0)), 2)
    return {"ended": ended, "longest_s": longest}


def run(rounds: int, seed: int, cuts: Sequence[float] = CUTS, room: int = 2) -> list[dict[str, Any]]:
    """One object a round. Raises NoHosts, AssertionError, RuntimeError."""
    from matcher.index.cluster import PATIENCE

    draw, found = random.Random(seed), []  # noqa: S311 - a simulation
    with tempfile.TemporaryDirectory() as name, joined(Path(name)) as (first, second):
        start(first, second, room)
        with searching(first, Path(name), seed) as searches:
            for number in range(rounds):
                seconds = cuts[number % len(cuts)]
                began, mended = cut(first, searches, seconds, draw)
                node = joined_again(second, room, searches, mended)
                back = searches.right_after(mended, BACK)
                told = judged(searches.since(began), PATIENCE)
                found.append({"cut_s": seconds, "node": node, "back_s": round(back, 2)} | told)
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    return found


def main(words: list[str]) -> int:
    """1 where an answer was wrong or late, 2 for a wrong command line, 3 where no hosts can be made."""
    try:
        rounds, seed, room = map(int, [*words, *("3", "1", "2")[len(words) :]])
    except ValueError:
        sys.stderr.write("python -m tests.simulations.two_hosts [ROUNDS [SEED [ROOM]]]\n")
        return 2
    try:
        print(json.dumps({"rounds": run(rounds, seed, CUTS, room), "seed": seed, "room": room}, indent=2))
    except NoHosts as reason:
        sys.stderr.write(f"{reason}\n")
        return 3
    except AssertionError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["search"]:
        search(Path(sys.argv[2]), int(sys.argv[3]))
    sys.exit(main(sys.argv[1:]))
