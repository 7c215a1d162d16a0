"""`python -m tests.simulations.kills --times 500`: kill -9 at random moments of every operation."""

import os
import random
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.simulations.faults.bench import HEAD, Bench, Tally, bench
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import Child, Ended

BEYOND = 1.05  # of the measured duration: some kills come too late, none are kept from the end


def kills(on: Bench, times: int, seed: int, names: Sequence[str] = ()) -> list[Tally]:
    """So many kills in all, shared out evenly over the operations (all that there are, if none are named)."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    tallies = [Tally("kill -9", name) for name in names or on.plans]
    for number in range(times):
        tally = tallies[number % len(tallies)]
        moment = drawn.random() * BEYOND * on.plans[tally.operation].seconds
        on.trial(tally.operation, partial(killed, moment=moment), tally)
    return tallies


def killed(child: Child, _: Path, moment: float) -> Ended:
    """Lets it begin and kills it after so many seconds."""
    child.begin()
    time.sleep(moment)
    os.kill(child.pid, signal.SIGKILL)
    return child.wait()


def main() -> int:
    asked = ArgumentParser()
    asked.add_argument("--times", type=int, default=500)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--only", choices=list(OPERATIONS), default=None)
    given = asked.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    with bench((given.only,) if given.only else tuple(OPERATIONS)) as on:
        tallies = kills(on, given.times, seed)
        for name, plan in on.plans.items():
            print(f"{name}: {plan.seconds * 1000:.0f} ms, {len(plan.boundaries) - 1} steps", file=sys.stderr)
    return told(tallies)


def told(tallies: list[Tally]) -> int:
    """Prints the table; 1 where anything is wrong, which is listed first."""
    wrong = [f"{tally.fault}, {tally.operation}: {one}" for tally in tallies for one in tally.wrong]
    print("\n".join([*wrong[:50], HEAD, *(tally.line() for tally in tallies)]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
