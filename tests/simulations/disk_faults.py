"""`python -m tests.simulations.disk_faults`: calls to the disk that fail, in every operation of the real process.

1. *full disk*: from the n-th write on, every write fails with ENOSPC. *I/O error*: the n-th call alone fails with EIO,
   for writes, syncs, truncations, renames and reads.
2. The operation must end with exit code 74, or with 0 where the program could do without that call; then the disk works
   again, and the home must be as after a kill: whole, verified, and the same operation goes through.
   SQLite answers a read that fails with EIO as it answers a damaged page (SQLITE_IOERR_CORRUPTFS, os_unix.c): that is
   exit code 6, and its sentence says that it may be the disk.
3. n goes over every call of its kind with `--every`, otherwise over a random sample of them.
"""

import random
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import INTEGRITY, STORAGE, Child, Ended
from tests.simulations.faults.tracing import traced
from tests.simulations.kills import told

FULL = ("write", "pwrite64", "ftruncate")
BROKEN = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "pread64")


def disk_faults(on: Bench, most: int | None, seed: int) -> list[Tally]:
    """`most` moments of each call and operation, None for every one."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    tallies = []
    for name in on.plans:
        calls = _calls(on, name)
        for fault, error, kinds in (("full disk", "ENOSPC", FULL), ("I/O error", "EIO", BROKEN)):
            tally = Tally(fault, name)
            for kind in kinds:
                moments = range(1, calls[kind] + 1)
                chosen = moments if most is None else sorted(drawn.sample(moments, min(most, len(moments))))
                for moment in chosen:
                    when = f"{moment}+" if error == "ENOSPC" else str(moment)
                    failing(on, tally, kind, f"inject={kind}:error={error}:when={when}")
            tallies.append(tally)
    return tallies


def failing(on: Bench, tally: Tally, kind: str, inject: str) -> None:
    """One trial, with what is wrong in how the operation ended."""

    def fault(child: Child, home: Path) -> Ended:
        with traced(child, home.parent / "trace", "-e", f"trace={kind}", "-e", inject):
            child.begin()
            return child.wait()

    before = len(tally.wrong)
    ended = on.trial(tally.operation, fault, tally)
    unread = kind == "pread64" and ended.code == INTEGRITY and "try again" in ended.said
    installation = kind == "pread64" and ended.said.startswith("ImportError")  # its own library, no file of a home
    if ended.code not in (0, STORAGE) and not (unread or installation):
        tally.wrong.append(f"exit code {ended.code}, not {STORAGE}: {ended.said}")
    tally.wrong[before:] = [f"{one} [{inject}; {ended.said}]" for one in tally.wrong[before:]]


def _calls(on: Bench, name: str) -> Counter[str]:
    """How often an undisturbed run of the operation calls each of them."""
    home = on.copy(name)
    child = Child(home, name)
    trace = home.parent / "trace"
    with traced(child, trace, "-e", f"trace={','.join(BROKEN)}"):
        child.begin()
        child.wait()
    return Counter(line.split()[1].partition("(")[0] for line in trace.read_text().splitlines() if "(" in line)


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
        return told(disk_faults(on, None if given.every else given.most, seed))


if __name__ == "__main__":
    sys.exit(main())
