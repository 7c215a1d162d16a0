"""What people at the command line see of known-answer items: figures, suspensions, and a log that keeps quiet."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.cli.runner import Cli
from tests.services.pictured import Pictured
from tests.services.test_vigilance import fall


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A home whose reviewer `ana` confirmed everybody and was suspended."""
    made = Pictured(tmp_path_factory.mktemp("reviewers"))
    made.clock.now = datetime.now(UTC) - timedelta(hours=3)
    made.practised(expires=date(2099, 1, 31))
    fall(made)
    made.store.close()
    return made


@pytest.fixture(scope="module")
def cli(world: Pictured) -> Cli:
    return Cli(world.folder / "home")


def test_admins_and_auditors_see_everybody(cli: Cli) -> None:
    for name in ("boss", "audrey"):
        value = cli("reviewers", "--json", user=name).value
        assert [one["name"] for one in value["reviewers"]] == ["ana", "ben", "cleo"]
    ana, ben, _ = value["reviewers"]
    assert not ana["may_judge"]
    assert ana["false_confirms"]["k"] == ana["false_confirms"]["n"] == 4
    assert ana["false_confirms"]["cp95"][0] > 0.3
    assert ana["hits"]["k"] == ana["hits"]["n"]
    assert (ben["may_judge"], ben["d_prime"], ben["hits"]["rate"]) == (True, None, None)
    assert "both kinds" in ben["d_prime_undefined_because"]
    shown = cli("reviewers", user="audrey")
    assert "no, suspended" in shown.out
    assert "4 of 4" in shown.out
    assert shown.err == ""
    for secret in ("C0", "S0", "Planted"):
        assert secret not in shown.out + json.dumps(value)


def test_a_reviewer_sees_their_own_figures_and_an_approver_none(cli: Cli) -> None:
    assert [one["name"] for one in cli("reviewers", "--json", user="ana").value["reviewers"]] == ["ana"]
    assert cli("reviewers", user="vera").code == 3


def test_the_log_is_shown_whole_to_whoever_does_not_judge(cli: Cli) -> None:
    for name in (None, "ana", "vera"):
        entries = cli("audit", "show", "--last", "1000", "--json", user=name).value["entries"]
        told = json.dumps([entry["details"] for entry in entries])
        assert "withheld from who may judge" in told
        assert not any(word in told for word in ("mate", "known", "first 4"))
    shown = cli("audit", "show", "--last", "1000", user="audrey").out
    assert '"known"' in shown
    assert "first 4" in shown
    assert cli("audit", "verify").code == 0


def test_an_admin_is_told_until_another_person_restores_the_reviewer(cli: Cli) -> None:
    for _ in range(2):
        assert "reviewer ana is suspended from judging: 4 of the first 4" in cli("reviewers", user="boss").err
    assert "suspended from judging" not in cli("outcomes", user="ben").err
    assert cli("reviewers", "--restore", "ana", user="boss").code == 8
    assert cli("reviewers", "--reason", "training", user="boss").code == 2
    assert cli("reviewers", "--restore", "ana", "--reason", "training", user="ben").code == 3
    done = cli("reviewers", "--restore", "ana", "--reason", "training of 12 May", "--json", user="boss")
    assert done.code == 0
    ana = done.value["reviewers"][0]
    assert (ana["may_judge"], ana["restored"], ana["hits"]["n"]) == (True, 1, 0)
    assert ana["results_before"] >= 4
    assert cli("reviewers", user="boss").err == ""
    assert cli("reviewers", "--restore", "ana", "--reason", "again", user="boss").code == 3
    assert cli("audit", "verify").code == 0
    assert "ana was restored" in cli("reviewers", user="audrey").out
