"""The whole job on the shipped people, as the README runs it, and the refusals on its home."""

import csv
from pathlib import Path

import pytest

from tests.cli.runner import Cli, Result

PASSPHRASE = {"MATCHER_PASSPHRASE": "demo-passphrase"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> tuple[Cli, Result]:
    cli = Cli(tmp_path_factory.mktemp("demo") / "home")
    return cli, cli("demo", "--json", MATCHER_MODELS=str(models_folder))


def test_the_demo_tells_the_whole_story(told: tuple[Cli, Result]) -> None:
    _, result = told
    assert result.code == 0, result.err
    facts = result.value
    assert facts["refused_before"]["exit_code"] == 5
    assert facts["default_verdict"] == "INSUFFICIENT"
    assert "250 of 2,995" in facts["default_sentence"]
    assert (facts["verdict"], facts["tier"]) == ("CERTIFIED", "pilot")
    assert 0.66 < facts["threshold"] < 0.75
    assert facts["at_published_threshold"]["n"] == 1000
    assert facts["at_published_threshold"]["k"] > 800
    assert facts["probes"] == 37
    assert facts["confirmed"] == 0
    assert {one["image"]: one["reason"] for one in facts["rejected"]} == {
        "P36.jpg": "no face",
        "P37.jpg": "face too small",
    }
    # 36 faces were searched: 37 pictures, two of them rejected, one with two faces
    assert facts["alerts"] + facts["no_candidate"] == 36


def test_alerts_are_mostly_of_listed_people(told: tuple[Cli, Result], demo: Path) -> None:
    with (demo / "probes.csv").open(encoding="utf-8") as file:
        listed = sum(bool(row["subject_id"]) for row in csv.DictReader(file))
    assert 10 <= told[1].value["alerts"] <= listed + 6  # six look-alikes were made to be confused


def test_every_tested_cell_keeps_its_limit(told: tuple[Cli, Result]) -> None:
    for group in told[1].value["groups"]:
        assert group["fpir"]["upper95"] <= 0.02
        assert group["fnir"]["n"] == group["n_people"]


def test_running_it_twice_goes_on(told: tuple[Cli, Result]) -> None:
    cli, first = told
    second = cli("demo", "--json")
    assert second.code == 0
    assert second.value == first.value


def test_what_the_demo_home_refuses(told: tuple[Cli, Result]) -> None:
    cli, _ = told
    read = ("--report", cli("report", "show", "demo-list", "--json").value["digest"])
    activate = ("watchlist", "activate", "demo-list", "--type-number")
    assert cli(*activate, "1", *read, user="loader", **PASSPHRASE).code == 7
    assert cli(*activate, "1", *read, user="rosa", **PASSPHRASE).code == 3
    assert cli(*activate, "9", *read, user="approver", **PASSPHRASE).code == 3
    assert cli(*activate, "1", user="approver", **PASSPHRASE).code == 2
    assert cli(*activate, "1", "--report", "0" * 64, user="approver", **PASSPHRASE).code == 2
    assert cli("watchlist", "activate", "demo-list", user="approver", **PASSPHRASE).code == 2
    assert cli("outcomes", "--json", user="rosa", **PASSPHRASE).value["outcomes"] == []
    verified = cli("audit", "verify", "--json").value
    assert verified["verified"]
    assert verified["certificates"] == 1


def test_names_lie_nowhere_in_clear(told: tuple[Cli, Result], demo: Path) -> None:
    cli, _ = told
    found = b"".join(path.read_bytes() for path in cli.home.rglob("*") if path.is_file())
    with (demo / "list.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for planted in (row["subject_id"], row["name"], row["note"]):
                assert planted.encode() not in found


def test_a_real_home_is_never_taken_for_the_demo(opened: Cli) -> None:
    result = opened("demo", "--no-tui", "--home", opened.home)
    assert result.code == 3
    assert "real home" in result.complaint
