"""`python -m tests.simulations.disk_faults`: calls to the disk that fail, in every operation of a real process.

1. *full disk*: from the n-th making or writing on, every one fails with ENOSPC; the first is written by half.
   *I/O error*: the n-th call of a kind fails with EIO, alone. *made read-only*: from the n-th change on, every one
   fails with EROFS, as after an error of the file system (mount option `errors=remount-ro`).
2. The operation must end with exit code 74, or with 0 where the program could do without that call; then the disk works
   again, and the home must be as after a kill: whole, verified, and the same operation goes through.
   SQLite answers a read that fails with EIO as it answers a damaged page (SQLITE_IOERR_CORRUPTFS, os_unix.c): that is
   exit code 6, and its sentence says that it may be the disk.
3. n goes over every call of its kind with `--every`, otherwise over a random sample of them.
4. *read-only*: every operation in a home that can only be read (`faults/read_only.py`), from its opening on. It must
   end with exit code 74, and change nothing.
"""

import errno
import hashlib
import random
import shutil
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import INTEGRITY, STORAGE, Child, Ended, in_child, outcome_of
from tests.simulations.faults.read_only import make_read_only
from tests.simulations.faults.watching import CHANGES, KINDS, Failing, Watch
from tests.simulations.kills import told


def disk_faults(on: Bench, most: int | None, seed: int) -> list[Tally]:
    """`most` moments of each call and operation, None for every one."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    tallies = []
    for name in on.plans:
        calls = _calls(on, name)
        every: list[tuple[str, int, list[tuple[str, ...]], bool]] = [
            ("full disk", errno.ENOSPC, [("make", "write")], True),
            ("I/O error", errno.EIO, [(kind,) for kind in KINDS if calls[kind]], False),
            ("made read-only", errno.EROFS, [CHANGES], True),
        ]
        for fault, error, groups, lasting in every:
            tally = Tally(fault, name)
            for kinds in groups:
                moments = range(1, sum(calls[kind] for kind in kinds) + 1)
                chosen = moments if most is None else sorted(drawn.sample(moments, min(most, len(moments))))
                for moment in chosen:
                    failing(on, tally, Failing(kinds, moment, error, lasting))
            tallies.append(tally)
    return tallies


def failing(on: Bench, tally: Tally, what: Failing) -> None:
    """One trial, with what is wrong in how the operation ended.

    It does not count where the operation made fewer calls than when they were counted, so that none failed.
    """
    met = [True]

    def fault(child: Child, _: Path) -> Ended:
        child.begin()
        ended = child.wait()
        met[0] = not ended.done or child.found().failed > 0
        return ended

    before = len(tally.wrong)
    ended = on.trial(tally.operation, fault, tally, what)
    tally.times -= not met[0]
    unread = "read" in what.kinds and ended.code == INTEGRITY and "try again" in ended.said
    if not ended.done or (ended.code not in (0, STORAGE) and not unread):
        tally.wrong.append(f"exit code {ended.code}, not {STORAGE}: {ended.said}")
    tally.wrong[before:] = [f"{one} [{what}; {ended.said}]" for one in tally.wrong[before:]]


def read_only(on: Bench) -> list[Tally]:
    """Every operation in a home that can only be read."""
    tallies = []
    for name in on.plans:
        tally = Tally("read-only", name, times=1, cut_short=1)
        home = on.copy(name)
        before = _digest(home)

        def attempt(home: Path = home, name: str = name) -> list[object]:
            make_read_only(home)
            return list(outcome_of(home, name))

        found = in_child(attempt)
        if found[0] != STORAGE:
            tally.wrong.append(f"exit code {found[0]}, not {STORAGE}: {found[1:]}")
        if _digest(home) != before:
            tally.wrong.append("half done: a file changed that could only be read")
        shutil.rmtree(home.parent)
        tallies.append(tally)
    return tallies


def _digest(home: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*")):
        digest.update(f"{path.relative_to(home)}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def _calls(on: Bench, name: str) -> Counter[str]:
    """How often an undisturbed run of the operation calls each of them."""
    home = on.copy(name)
    child = Child(home, name, Watch(home))
    child.begin()
    child.wait()
    return child.found().counts


def main() -> int:
    asked = ArgumentParser()
    asked.add_argument("--every", action="store_true")
    asked.add_argument("--most", type=int, default=5)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--only", choices=list(OPERATIONS), default=None)
    given = asked.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    with bench((given.only,) if given.only else tuple(OPERATIONS)) as on:
        return told([*read_only(on), *disk_faults(on, None if given.every else given.most, seed)])


if __name__ == "__main__":
    sys.exit(main())
