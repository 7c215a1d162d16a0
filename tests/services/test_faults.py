"""What the fault scripts of `tests/simulations` find, on fewer trials; and that they find what is wrong when it is.

They fork, so they run in processes of their own: this one may have threads by now.
"""

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).resolve().parents[2]

_LOST = """
from matcher.store.transaction import Transaction
Transaction.commit = Transaction.end  # says that it is kept, and undoes it
"""
_HALF = """
import time
from matcher.store.log import SqlLog
append = SqlLog.append
def in_two(self, event):
    connection = self._transaction._connection
    connection.commit()
    time.sleep(0.04)  # the gap is hit by most kills
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    return append(self, event)
SqlLog.append = in_two  # a change before the entry that tells of it
"""
_LEFT = """
from matcher.store import leftovers
leftovers._sweep = lambda *_: 0
"""


def ran(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def broken(how: str, name: str) -> str:
    """What 12 kills of one operation find in a program that was broken after its homes were made."""
    script = f"""
import random
from tests.simulations.faults.bench import bench
from tests.simulations.kills import kills
with bench(("{name}",)) as on:
{"".join(f"    {line}" + chr(10) for line in how.strip().splitlines())}
    print(kills(on, 12, 5)[0].wrong)
"""
    done = ran("-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kill_9_at_random_moments() -> None:
    """12 of each operation; `python -m tests.simulations.kills` does 500."""
    done = ran("-m", "tests.simulations.kills", "--times", "72", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| kill -9 |") == 6


def test_kills_find_what_was_acknowledged_and_is_lost() -> None:
    assert "lost: step 1 was acknowledged" in broken(_LOST, "remove")


def test_kills_find_an_operation_in_two_halves() -> None:
    found = broken(_HALF, "decide")
    assert "the tables say something else than the log" in found


def test_kills_find_what_is_left_behind() -> None:
    assert "left behind: " in broken(_LEFT, "remove")


needs_strace = pytest.mark.skipif(which("strace") is None, reason="strace is not installed: nothing can be recorded")


@needs_strace
def test_power_cuts() -> None:
    """`python -m tests.simulations.power_cuts` does 5,000."""
    done = ran("-m", "tests.simulations.power_cuts", "--times", "200", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| power cut |") == 6


@needs_strace
@pytest.mark.parametrize(
    ("how", "name", "found"),
    [
        (("--synchronous", "NORMAL"), "submit", "was acknowledged, and the log ends with"),
        (("--unsynced", "database"), "submit", "was acknowledged, and the log ends with"),
        (("--unsynced", "containers"), "remove", "its file was"),
        (("--unsynced", "folders"), "remove", "is missing from the home"),
    ],
)
def test_power_cuts_find_what_was_not_synced(how: tuple[str, str], name: str, found: str) -> None:
    done = ran("-m", "tests.simulations.power_cuts", "--times", "40", "--seed", "1", "--only", name, *how)
    assert done.returncode == 1, done.stderr
    assert found in done.stdout


@needs_strace
def test_calls_to_the_disk_that_fail() -> None:
    """One moment of each call; `python -m tests.simulations.disk_faults --every` goes over all."""
    done = ran("-m", "tests.simulations.disk_faults", "--most", "1", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| I/O error |") == 6
