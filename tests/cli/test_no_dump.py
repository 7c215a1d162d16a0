"""What the kernel says of a process that forbade core dumps."""

import subprocess
import sys

import pytest

LOOK = """
import ctypes, os, sys
from matcher.cli.no_dump import PR_GET_DUMPABLE, forbid_core_dumps
if "forbid" in sys.argv:
    forbid_core_dumps()
limits = {line[:26].strip(): line[26:].split()[:2] for line in open("/proc/self/limits")} if os.access(
    "/proc/self/limits", os.R_OK) else {}
print(limits.get("Max core file size"), ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
sys.stdout.flush()
if "crash" in sys.argv:
    os.abort()
"""


def look(*words: str) -> subprocess.CompletedProcess[str]:
    raised = (
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)"
    )
    return subprocess.run(
        [sys.executable, "-c", f"{raised}\n{LOOK}", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and prctl are Linux's")
def test_the_kernel_writes_no_core_and_lets_nobody_look() -> None:
    assert look("forbid").stdout.split() == ["['0',", "'0']", "0"]
    assert look().stdout.split()[-1] == "1"  # it is this call that does it


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and prctl are Linux's")
def test_a_crash_after_it_leaves_no_core() -> None:
    crashed = look("forbid", "crash")
    assert crashed.returncode == -6
    assert crashed.stdout.split()[-1] == "0"
