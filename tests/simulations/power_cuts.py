"""`python -m tests.simulations.power_cuts --times 5000`: the power goes at a random moment of an operation.

1. Each operation is recorded twice, as a real process does it, below the program (`faults/recording.py`): alone, when
   SQLite checkpoints at the end of every unit of work, and while another process has the database open, when it does
   not. Each cut takes a random moment of one of them and builds one of the disks that may be left (`faults/disks.py`);
   all that was acknowledged before must be there, nothing half.
2. Every tenth home also does the operation again and is swept.
3. `--synchronous NORMAL` runs the program's database without syncing each commit, `--unsynced WHAT` forgets the syncs
   of containers, folders or the database: both must find losses, or this script finds nothing at all.
"""

import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import cast

from matcher.store import engine
from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.disks import Recording, disk_after
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import Ended, in_child, looked
from tests.simulations.faults.recording import record
from tests.simulations.faults.watching import Event
from tests.simulations.kills import told

AGAIN_EVERY = 10
BATCH = 60
UNSYNCED = ("containers", "folders", "database")


def power_cuts(on: Bench, times: int, seed: int, names: Sequence[str] = (), unsynced: str = "") -> list[Tally]:
    """So many cuts in all, shared out as kills are; one child after the other looks at the disks of a batch."""
    tallies = {name: Tally("power cut", name) for name in names or on.plans}
    recordings = {
        name: [
            forgetting(record(on, name, watched and not OPERATIONS[name].alone), unsynced) for watched in (False, True)
        ]
        for name in tallies
    }
    operations = list(tallies)
    for first in range(0, times, BATCH):
        numbers = range(first, min(first + BATCH, times))

        def batch(numbers: range = numbers) -> list[tuple[str, bool, list[str]]]:
            return [_cut(on, recordings, operations[one % len(operations)], one, seed) for one in numbers]

        found = in_child(batch)
        if len(found) != len(numbers):
            raise RuntimeError(f"the disks {numbers} could not be looked at: {found}")
        for name, short, wrong in cast("list[tuple[str, bool, list[str]]]", found):
            tallies[name].times += 1
            tallies[name].cut_short += short
            tallies[name].wrong += wrong
    return list(tallies.values())


def forgetting(recording: Recording, unsynced: str) -> Recording:
    """As if some files had not been synced."""
    return Recording(
        recording.before,
        tuple(one for one in recording.events if one.kind != "sync" or _of(one, recording.before) != unsynced),
    )


def _of(sync: Event, home: Path) -> str:
    if (home / sync.path).is_dir():
        return "folders"
    return "database" if sync.path.startswith("matcher.db") else "containers"


def _cut(
    on: Bench, recordings: dict[str, list[Recording]], name: str, number: int, seed: int
) -> tuple[str, bool, list[str]]:
    """The operation, whether it was cut short, and what is wrong: the same for the same seed and number."""
    drawn = Random(f"{seed}/{number}")  # noqa: S311 - a simulation
    recording = drawn.choice(recordings[name])
    moment = drawn.randint(0, len(recording.events))
    acknowledged = sum(one.kind == "acknowledge" for one in recording.events[:moment])
    home = Path(tempfile.mkdtemp(dir=on.folder)) / "home"
    disk_after(recording, moment, drawn, home)
    again = number // len(recordings) % (AGAIN_EVERY * on.again_every) == 0
    wrong = looked(home, name, on.plans[name], Ended(acknowledged, False), again)
    shutil.rmtree(home.parent)
    where = f"[cut {number}, before event {moment} of {len(recording.events)}]"
    return name, moment < len(recording.events), [f"{one} {where}" for one in wrong]


def synchronous(how: str) -> None:
    """How the program of this process syncs its database."""
    settings = tuple(one.replace("synchronous = FULL", f"synchronous = {how}") for one in engine._SETTINGS)
    engine._SETTINGS = settings  # type: ignore[assignment]


def main() -> int:
    asked = ArgumentParser()
    asked.add_argument("--times", type=int, default=5000)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--only", choices=list(OPERATIONS), default=None)
    asked.add_argument("--synchronous", choices=["FULL", "NORMAL", "OFF"], default="FULL")
    asked.add_argument("--unsynced", choices=UNSYNCED, default="")
    given = asked.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    synchronous(given.synchronous)
    with bench((given.only,) if given.only else tuple(OPERATIONS)) as on:
        return told(power_cuts(on, given.times, seed, unsynced=given.unsynced))


if __name__ == "__main__":
    sys.exit(main())
