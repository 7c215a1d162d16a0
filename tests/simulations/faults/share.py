"""`python -m tests.simulations.faults.share`: the share of the fault scripts that the tests run; prints JSON.

1. One bench serves all of it, in two processes at the same time. By the name of a script it tells how many trials there
   were and what was found wrong. Every fourth trial also does the operation again (`AGAIN_EVERY`).
2. Scripts that find nothing may be blind. So each is run again, in a child, over a program that was broken there, until
   it has found something; a control that finds nothing in all its rounds is what a test fails by.
"""

import errno
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from matcher.domain.events import Event
from matcher.errors import StorageFailed
from matcher.store import leftovers
from matcher.store.log import SqlLog
from matcher.store.transaction import Transaction
from tests.simulations.disk_faults import disk_faults, failing, read_only
from tests.simulations.faults import read_only as only
from tests.simulations.faults.bench import Bench, Tally, bench
from tests.simulations.faults.processes import in_child, in_children
from tests.simulations.faults.watching import Failing
from tests.simulations.kills import kills
from tests.simulations.power_cuts import power_cuts, synchronous

KILLS, CUTS, SEED = 100, 200, 3
AGAIN_EVERY = 4
ROUNDS = 10

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
    return lambda on, number: kills(on, 4, number, (name,))


def _cut(name: str, unsynced: str = "") -> Round:
    return lambda on, number: power_cuts(on, 6, number, (name,), unsynced)


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
    on = replace(on, again_every=1)

    def rounds() -> list[str]:
        breaks()
        for number in range(ROUNDS):
            if wrong := [one for tally in round_of(on, number) for one in tally.wrong]:
                return wrong
        return []

    return in_child(rounds)


def without_mounts(on: Bench) -> list[Tally]:
    """As where no process may mount anything."""

    def refused(home: Path) -> None:
        raise OSError(f"{home} is not mounted")

    only._mount = refused
    return read_only(on)


def _scripts(on: Bench, names: Sequence[str]) -> list[object]:
    found: list[object] = []
    for name in names:
        tallies = SCRIPTS[name](on)
        wrong = [one for tally in tallies for one in tally.wrong]
        found.append([name, {"times": sum(tally.times for tally in tallies), "wrong": wrong}])
    return found


SCRIPTS: dict[str, Callable[[Bench], list[Tally]]] = {
    "kills": lambda on: kills(on, KILLS, SEED),
    "power cuts": lambda on: power_cuts(on, CUTS, SEED),
    "disk faults": lambda on: disk_faults(on, 1, SEED),
    "read-only": read_only,
    "read-only, without mounts": without_mounts,
}


def main() -> int:
    with bench(again_every=AGAIN_EVERY) as on:

        def lane(scripts: Sequence[str], controls: Sequence[str]) -> list[object]:
            return [*_scripts(on, scripts), *([name, found_by(on, name)] for name in controls)]

        controls = list(CONTROLS)
        lanes = in_children(
            [
                lambda: lane(["kills", "disk faults"], controls[:4]),
                lambda: lane(["power cuts", "read-only", "read-only, without mounts"], controls[4:]),
            ]
        )
    if failed := [one for found in lanes for one in found if isinstance(one, str)]:
        raise RuntimeError(f"the share came to no end: {failed}")
    print(json.dumps([one for found in lanes for one in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
