"""Several terminals on one home, killed at random; `python -m tests.simulations.terminals` makes more of it."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from matcher.domain.events import Action, LogEntry
from tests.databases import BOTH, why_none
from tests.services.world import Clock
from tests.simulations.terminals import _claims

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("engine", BOTH)
def test_killed_terminals_leave_every_alert_judged_by_two_and_a_whole_log(engine: str) -> None:
    if engine == "postgresql" and (reason := why_none()) is not None:
        pytest.skip(reason)
    words = ["--engine", engine, "--alerts", "24", "--terminals", "4", "--pause", "0.2", "--seed", "7"]
    # A process of its own: its terminals are forks, and this one has threads.
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulations.terminals", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] > 0
    assert found["judgements"] >= 48
    assert (found["judged_twice"], found["not_by_two"], found["acted_beside_a_claim"]) == (0, 0, 0)


def test_the_log_tells_a_claim_that_lapsed_from_one_that_was_broken() -> None:
    now = Clock()()

    def entry(minutes: int, actor: str, action: Action) -> LogEntry:
        at = now + timedelta(minutes=minutes)
        return LogEntry(1, at, actor, "", "", action.value, '{"alert":"a"}', "", "")

    first = [entry(0, "ana", Action.CLAIMED), entry(1, "ana", Action.JUDGED)]
    assert _claims([*first, entry(15, "ben", Action.CLAIMED)]) == (1, 0)
    assert _claims([*first, entry(16, "ben", Action.CLAIMED)]) == (0, 1)
    assert _claims([*first, entry(2, "ana", Action.FINISHED), entry(3, "ben", Action.CLAIMED)]) == (0, 0)
    assert _claims([*first, entry(2, "ben", Action.RECUSED)]) == (1, 0)
