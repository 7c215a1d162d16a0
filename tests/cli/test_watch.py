"""What a person at the command line sees of a list that its own service refuted."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from tests.cli.runner import Cli
from tests.services.world import World

REASON = "reviewers rejected every candidate in 2 of the first 2 cases searched"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A home whose list `missing` was refuted after two searches, and `calm`, which was never activated."""
    world = World(tmp_path_factory.mktemp("watch"))
    world.clock.now = datetime.now(UTC) - timedelta(hours=1)
    world.create(expires=date(2099, 1, 31))
    world.load()
    world.cohort()
    world.calibrate()
    world.activate()
    for number in range(2):
        world.submit(world.templates[number], case=f"case/{number}")
        world.conclude(Verdict.DIFFERENT)
    world.store.close()
    made = Cli(world.folder / "home")
    terms = ("--purpose", "find", "--legal-basis", "consent", "--owner", "unit", "--searches-per-day", "5")
    assert made("watchlist", "create", "calm", *terms, "--expires", "2099-01-31", user="boss").code == 0
    return made


def test_submit_is_exit_5_with_the_reason_and_what_to_do(cli: Cli, tmp_path: Path) -> None:
    probe = tmp_path / "probe.jpg"
    probe.write_bytes(b"never opened: the list is refused first")
    done = cli("submit", "missing", probe, "--case", "case/9", "--reason", "seen", user="boss")
    assert (done.code, done.out) == (5, "")
    assert REASON in done.complaint
    assert "matcher calibrate" in done.complaint


def test_renew_and_raise_are_exit_5_and_activate_is_exit_3(cli: Cli) -> None:
    for words in (("renew",), ("raise", "--threshold", "0.9900")):
        done = cli("watchlist", *words, "missing", user="vera")
        assert (done.code, "matcher calibrate" in done.complaint) == (5, True)
    done = cli("watchlist", "activate", "missing", user="vera")
    assert done.code == 3
    assert "refuted in service" in done.complaint


def test_show_and_list_tell_the_counts_and_the_reason(cli: Cli) -> None:
    shown = cli("watchlist", "show", "missing")
    assert "2 cases: 2 estimated false alarms, 0 waiting, 0 closed unjudged (all 2 searches: 2 rejected)" in shown.out
    assert "at most 5 % certified; look 1: 2 of 2, lower bound 17.4 %; refuted in service" in shown.out
    assert REASON in shown.out
    assert f"missing stopped: {REASON}" in cli("watchlist", "list").out
    value = cli("watchlist", "show", "missing", "--json").value
    assert REASON in value["suspended_because"]
    watched = value["watched"]
    counts = ("searches", "rejected", "cases", "false_alarms", "waiting", "closed_unjudged", "alpha", "next_look_at")
    assert [watched[name] for name in counts] == [2, 2, 2, 2, 0, 0, 0.05, None]
    assert watched["refuted_by"] == watched["last_look"]
    assert {name: watched["last_look"][name] for name in ("look", "n", "k")} == {"look": 1, "n": 2, "k": 2}
    assert 0.17 < watched["last_look"]["lower"] < 0.18


def test_a_refuted_report_is_shown_as_one(cli: Cli) -> None:
    assert f"refuted in service: {REASON}" in cli("report", "show", "missing").err


def test_a_list_that_was_never_activated_shows_no_watch(cli: Cli) -> None:
    assert "watched" not in cli("watchlist", "show", "calm").out
    assert cli("watchlist", "show", "calm", "--json").value["watched"] is None


def test_the_audit_counts_again(cli: Cli) -> None:
    assert "2 searches counted again: 1 reports refuted in service, as logged" in cli("audit", "verify").out
    value = cli("audit", "verify", "--json").value
    assert (value["searches"], value["refutations"]) == (2, 1)
