"""A few of each attack of `tests/simulations/log_attacks.py`, and what is said of each; clean logs raise no alarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulations.log_attacks import ATTACKS, Victim, attacked, clean

ANCHOR_NEEDED = {
    "the tail cut, its checkpoints too",
    "database and checkpoints rolled back",
    "rewritten, signed anew with the log's key",
}
UNSIGNED = "a forged unsigned act appended"


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    return Victim(tmp_path_factory.mktemp("attacked"))


@pytest.mark.parametrize(
    "name", [*list(ATTACKS)[:-1], pytest.param("an old page restored", marks=pytest.mark.sqlite_only)]
)
def test_an_attack_is_caught_or_needs_what_is_said(victim: Victim, name: str) -> None:
    found = attacked(victim, name, 2, seed=7)
    caught = (0 if name in ANCHOR_NEEDED or name == UNSIGNED else found.tried, 0 if name == UNSIGNED else found.tried)
    if name != "an old page restored":  # one of the home's checkpoints alone is missed by an anchor only
        assert (found.alone, found.anchored) == caught
    assert found.anchored == caught[1]


def test_clean_logs_raise_no_alarm(victim: Victim) -> None:
    assert clean(victim, 3, seed=7) == 0
