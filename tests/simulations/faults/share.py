"""`python -m tests.simulations.faults.share`: the share of the fault scripts that the tests run; prints one JSON object.

1. One bench serves all of it. What was found wrong is told by the name of the script, with how many trials there were.
2. Scripts that find nothing may be blind. So each is run again, in a child, over a program that was broken there, until
   it has found something; a control that finds nothing in all its rounds is what a test fails by.
"""

import errno
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from matcher.domain.events import Event
from matcher.errors import StorageFailed
from matcher.store import leftovers
from matcher.store.log import SqlLog
from matcher.store.transaction import Transaction
from tests.simulations.disk_faults import disk_faults, failing, read_only
from tests.simulations.faults import read_only as only
from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.processes import in_child
from tests.simulations.faults.watching import Failing
from tests.simulations.kills import kills
from tests.simulations.power_cuts import power_cuts, synchronous

KILLS, CUTS, SEED = 100, 200, 3
ROUNDS = 6

Round = Callable[[Bench, int], list[Tally]]


def keeps_nothing() -> None:
    """A commit that says that it is kept, and undoes it."""
    Transaction.commit = Transaction.end  # type: ignore[method-assign]


def keeps_in_two() -> None:
    """A change that is committed before the entry that tells of it."""
    append = SqlLog.append

    def in_two(self: SqlLog, event: Event) -> object:
        connection = self._transaction._open()
        connection.commit()
        time.sleep(0.04)  # the gap is hit by most kills
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return append(self, event)

    SqlLog.append = in_two  # type: ignore[assignment,method-assign]


def sweeps_nothing() -> None:
    leftovers._sweep = lambda *_: 0


def overlooks_failures() -> None:
    """A commit that failed and says that it is kept."""
    commit = Transaction.commit

    def deaf(self: Transaction) -> None:
        with suppress(StorageFailed):
            commit(self)

    Transaction.commit = deaf  # type: ignore[method-assign]


def _failed_syncs(on: Bench, number: int) -> list[Tally]:
    tally = Tally("I/O error", "submit")
    for moment in range(1 + 4 * number, 5 + 4 * number):
        failing(on, tally, Failing(("sync",), moment, errno.EIO, lasting=True))
    return [tally]


def _killed(name: str) -> Round:
    return lambda on, number: kills(on, 6, number, (name,))


def _cut(name: str, unsynced: str = "") -> Round:
    return lambda on, number: power_cuts(on, 12, number, (name,), unsynced)


CONTROLS: dict[str, tuple[Callable[[], None], Round]] = {
    "a commit that keeps nothing": (keeps_nothing, _killed("remove")),
    "a commit in two halves": (keeps_in_two, _killed("decide")),
    "a sweep of nothing": (sweeps_nothing, _killed("remove")),
    "a failure overlooked": (overlooks_failures, _failed_syncs),
    "synchronous = NORMAL": (lambda: synchronous("NORMAL"), _cut("submit")),
    "database not synced": (lambda: None, _cut("submit", "database")),
    "containers not synced": (lambda: None, _cut("remove", "containers")),
    "folders not synced": (lambda: None, _cut("remove", "folders")),
}


def found_by(on: Bench, name: str) -> Sequence[object]:
    """What the first round that finds anything finds in a broken program."""
    breaks, round_of = CONTROLS[name]

    def rounds() -> list[str]:
        breaks()
        for number in range(ROUNDS):
            if wrong := [one for tally in round_of(on, number) for one in tally.wrong]:
                return wrong
        return []

    return in_child(rounds)


def without_mounts(on: Bench) -> list[Tally]:
    """As where no process may mount anything."""

    def refused(_: object) -> None:
        raise OSError

    only._mount = refused
    return read_only(on)


def main() -> int:
    began = time.monotonic()
    with bench() as on:
        scripts: dict[str, Callable[[], list[Tally]]] = {
            "kills": lambda: kills(on, KILLS, SEED),
            "power cuts": lambda: power_cuts(on, CUTS, SEED),
            "disk faults": lambda: disk_faults(on, 1, SEED),
            "read-only": lambda: read_only(on),
            "read-only, without mounts": lambda: without_mounts(on),
        }
        found: dict[str, object] = {"operations": len(on.plans)}
        for name, script in scripts.items():
            tallies = script()
            found[name] = {"times": sum(one.times for one in tallies), "wrong": sum((one.wrong for one in tallies), [])}
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        for name in CONTROLS:
            found[name] = found_by(on, name)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
