"""What the fault scripts of `tests/simulations` find, on fewer trials; and that they find what is wrong when it is.

They fork, so they run in a process of their own: this one may have threads by now. They need nothing but Python.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.watching import KINDS

pytestmark = pytest.mark.sqlite_only  # the scripts end, cut off and fail the writing of files; a server's are its own

ROOT = Path(__file__).resolve().parents[2]
LEAST = {
    "kills": 100,
    "power cuts": 200,
    "disk faults": len(OPERATIONS) * len(KINDS),  # not every operation renames, but each has two more trials
    "read-only": len(OPERATIONS),
    "read-only, without mounts": len(OPERATIONS),
}
FOUND = {
    "a commit that keeps nothing": "lost: step 1 was acknowledged",
    "a commit in two halves": "the tables were altered",
    "a sweep of nothing": "left behind: ",
    "a failure overlooked": "lost: step 6 was acknowledged",
    "synchronous = NORMAL": "was acknowledged, and the log ends with",
    "database not synced": "was acknowledged, and the log ends with",
    "containers not synced": "its file was cut",
    "folders not synced": "lost: step 1 was acknowledged",
}


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    """What the share of the scripts found, by their names; a minute of two cores."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulations.faults.share"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("script", LEAST)
def test_nothing_is_lost_or_half_there(found: Mapping[str, Any], script: str) -> None:
    """`python -m tests.simulations.kills`, `power_cuts` and `disk_faults` do more."""
    assert found[script]["wrong"] == []
    assert found[script]["times"] >= LEAST[script]


@pytest.mark.parametrize("control", FOUND)
def test_the_scripts_find_a_broken_program(found: Mapping[str, Any], control: str) -> None:
    assert any(FOUND[control] in one for one in found[control]), found[control]


def test_every_script_and_control_of_the_share_has_a_test(found: Mapping[str, Any]) -> None:
    assert set(found) == LEAST.keys() | FOUND.keys()
