"""`python -m tests.simulations.power_cuts --times 5000`: the power goes at a random moment of an operation.

1. Each operation is recorded twice, as a real process does it (`faults/recording.py`): alone, when SQLite checkpoints
   at the end of every unit of work, and while another process has the database open, when it does not. Each cut
   takes a random moment of one of them and builds one of the disks that may be left; all that was acknowledged before
   must be there, nothing half.
2. Every tenth home also does the operation again and is swept.
3. `--synchronous NORMAL` runs the program's database without syncing each commit, `--unsynced WHAT` forgets the syncs
   of containers, folders or the database: both must find losses, or this script finds nothing at all.
"""

import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from random import Random

from matcher.store import engine
from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import Ended, look
from tests.simulations.faults.disks import Recording, disk_after
from tests.simulations.faults.recording import record
from tests.simulations.faults.watching import Event
from tests.simulations.kills import told

AGAIN_EVERY = 10
UNSYNCED = ("containers", "folders", "database")


def power_cuts(on: Bench, times: int, seed: int, unsynced: str | None = None) -> list[Tally]:
    """So many cuts in all, shared out evenly."""
    drawn = Random(seed)  # noqa: S311 - a simulation
    tallies = [Tally("power cut", name) for name in on.plans]
    recordings = {
        name: [forgetting(record(on, name, watched), unsynced) for watched in (False, True)] for name in on.plans
    }
    for number in range(times):
        tally = tallies[number % len(tallies)]
        again = number // len(tallies) % AGAIN_EVERY == 0
        _cut(on, drawn.choice(recordings[tally.operation]), tally, drawn, again)
    return tallies


def forgetting(recording: Recording, unsynced: str | None) -> Recording:
    """As if some files had not been synced."""
    return Recording(
        recording.before,
        tuple(one for one in recording.events if one.kind != "sync" or _of(one, recording.before) != unsynced),
    )


def _of(sync: Event, home: Path) -> str:
    if (home / sync.path).is_dir():
        return "folders"
    return "database" if sync.path.startswith("matcher.db") else "containers"


def _cut(on: Bench, recording: Recording, tally: Tally, drawn: Random, again: bool) -> None:
    moment = drawn.randint(0, len(recording.events))
    acknowledged = sum(one.kind == "acknowledge" for one in recording.events[:moment])
    home = Path(tempfile.mkdtemp(dir=on.folder)) / "home"
    disk_after(recording, moment, drawn, home)
    tally.times += 1
    tally.cut_short += moment < len(recording.events)
    ended = Ended(acknowledged, False)
    wrong = look(home, tally.operation, on.plans[tally.operation], ended, again)
    tally.wrong += [f"{one} [before event {moment} of {len(recording.events)}]" for one in wrong]
    shutil.rmtree(home.parent)


def main() -> int:
    asked = ArgumentParser()
    asked.add_argument("--times", type=int, default=5000)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--only", choices=list(OPERATIONS), default=None)
    asked.add_argument("--synchronous", choices=["FULL", "NORMAL", "OFF"], default="FULL")
    asked.add_argument("--unsynced", choices=UNSYNCED, default=None)
    given = asked.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    engine._SETTINGS = tuple(
        one.replace("synchronous = FULL", f"synchronous = {given.synchronous}") for one in engine._SETTINGS
    )
    with bench((given.only,) if given.only else tuple(OPERATIONS)) as on:
        return told(power_cuts(on, given.times, seed, given.unsynced))


if __name__ == "__main__":
    sys.exit(main())
