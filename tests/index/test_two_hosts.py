"""Two hosts and a cable that is cut; `python -m tests.simulations.two_hosts` cuts it for longer."""

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.simulations import two_hosts

if find_spec("ray") is None:
    pytest.skip("needs the extra cluster", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _hosts() -> None:
    if (reason := two_hosts.why_none()) is not None:
        pytest.skip(reason)


def test_a_cut_cable_gives_right_answers_or_exit_5_and_the_index_comes_back() -> None:
    short, long = two_hosts.run(2, 1, (1.0, 12.0))
    assert short["ended"]["right"] > 0
    assert long["ended"]["right"] > 0
    assert long["ended"]["exit 5"] > 0


def test_a_late_a_wrong_and_an_unknown_end_are_told() -> None:
    def told(ended: str, took: float) -> list[dict[str, object]]:
        return [{"began_at": 0.0, "ended_at": took, "ended": ended}]

    assert two_hosts.judged(told("exit 5", 5.5), 5.0)["ended"] == {"exit 5": 1}
    for ended, took in (("exit 5", 6.5), ("right", 6.5), ("A PARTIAL OR WRONG ANSWER", 0.1), ("exit 6", 0.1)):
        with pytest.raises(AssertionError):
            two_hosts.judged(told(ended, took), 5.0)


def test_hosts_end_with_whoever_made_them(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom tests.simulations.two_hosts import joined\n"
        "with joined(Path(sys.argv[1])) as hosts:\n"
        "    print(*(host.pid for host in hosts), flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    for pid in done.stdout.split():
        until = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
