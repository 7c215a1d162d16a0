"""Several terminals on one home, killed at random; `python -m tests.simulations.eight_workers` makes more of it."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from matcher.services.review_desk import CLAIM_LEASE
from tests.databases import BOTH, why_none
from tests.services.world import Clock
from tests.simulations.eight_workers import Step, _beside

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("engine", BOTH)
def test_killed_terminals_leave_every_alert_judged_by_two_and_a_whole_log(engine: str) -> None:
    if engine == "postgresql" and (reason := why_none()) is not None:
        pytest.skip(reason)
    words = ["--engine", engine, "--alerts", "10", "--terminals", "3", "--pause", "0.5", "--seed", "7"]
    # A process of its own: its terminals are forks, and this one has threads.
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulations.eight_workers", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] > 0
    assert found["judgements"] >= 20
    assert (found["judged_twice"], found["not_by_two"], found["acted_beside_a_claim"]) == (0, 0, 0)


def test_a_claim_that_lapsed_is_told_from_one_that_was_broken() -> None:
    now = Clock()()

    def step(minutes: int, reviewer: str, ended: bool = False) -> Step:
        return Step("a", reviewer, now + timedelta(minutes=minutes) + CLAIM_LEASE, ended)

    first = [step(0, "ana"), step(1, "ana")]
    assert _beside([*first, step(15, "ben")]) == (1, 0)
    assert _beside([*first, step(16, "ben")]) == (0, 1)
    assert _beside([*first, step(2, "ana", ended=True), step(3, "ben")]) == (0, 0)
    assert _beside([*first, Step("a", "ana", None, False), step(3, "ben")]) == (0, 0)
    assert _beside([*first, step(20, "ben"), step(21, "ana")]) == (1, 1)
