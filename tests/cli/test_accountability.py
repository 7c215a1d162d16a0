"""Rehearsing, counting innocents and removing people, as a person does at the command line."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.domain.template import Floats
from tests.cli.conftest import TERMS
from tests.cli.runner import Cli, Result
from tests.databases import variables_of

MODEL = ("--model", "sface-2021dec")
DIM = 128
POLICY = '[certification]\nalpha = 0.05\n[review]\nsame_account = "mark"\n'
COHORT = ("--source", "volunteers", "--legal-basis", "consent", "--expires", "2099-12-31")


def faces(count: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


def embeddings(path: Path, subjects: list[str], rows: Floats, **columns: list[str]) -> Path:
    arrays: dict[str, Any] = {name: np.array(one) for name, one in columns.items()}
    np.savez(path, embeddings=rows.astype(np.float32), subject_id=np.array(subjects), **arrays)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A home with people, a list of 60 with a second picture of ten of them, a cohort, and one to count."""
    folder = tmp_path_factory.mktemp("accountability")
    cli = Cli(folder / "home")
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    for name, role in (("vera", "approver"), ("audrey", "auditor")):
        assert cli("user", "add", name, "--role", role, user="boss").code == 0
    assert cli("watchlist", "create", "missing", *TERMS, "--searches-per-day", "10", user="boss").code == 0
    listed = faces(60, 1)
    who = [f"SECRET-{n:03}" for n in range(60)]
    names = [f"Planted {n}" for n in range(60)]
    again = listed[:10] + 0.1 * faces(10, 2)
    group = ["a" if n % 2 else "b" for n in range(60)]
    file = embeddings(
        folder / "list.npz",
        who + who[:10],
        np.concatenate([listed, again]),
        name=names + names[:10],
        g=group + group[:10],
    )
    assert cli("watchlist", "load", "missing", "--embeddings", file, *MODEL, user="boss").code == 0
    for name, people in (
        ("staff", faces(600, 3)),
        ("congress", np.concatenate([listed[:5] + 0.1 * faces(5, 4), faces(70, 5)])),
    ):
        assert cli("cohort", "create", name, *COHORT, user="boss").code == 0
        file = embeddings(
            folder / f"{name}.npz",
            [f"{name}-{n}" for n in range(len(people))],
            people,
            colour=["yes" if n % 4 == 0 else "no" for n in range(len(people))],
        )
        assert cli("cohort", "load", name, "--embeddings", file, *MODEL, user="boss").code == 0
    (folder / "pilot.toml").write_text(POLICY)
    return cli


def ok(result: Result) -> Result:
    assert result.code == 0, result.err
    for planted in ("SECRET", "Planted"):
        assert planted not in result.out + result.err
    return result


def pilot(cli: Cli) -> Path:
    return cli.home.parent / "pilot.toml"


def activate(cli: Cli) -> dict[str, object]:
    """Reads what would be signed, then types its number beside the digest of the report."""
    shown = cli("watchlist", "activate", "missing", user="vera")
    assert shown.code == 2
    digest = shown.err.split("report ", 1)[1].split(":", 1)[0]
    number = shown.err.split("up to ", 1)[1].split(" ", 1)[0]
    words = ("--type-number", number, "--report", digest, "--json")
    value: dict[str, object] = ok(cli("watchlist", "activate", "missing", *words, user="vera")).value
    return value


def test_a_rehearsal_before_anybody_was_asked(home: Cli) -> None:
    value = ok(home("calibrate", "missing", "--rehearse", "--json", user="boss")).value
    assert value["rehearsal"] is True
    assert (value["people"], value["with_several"], value["templates"], value["rejected"]) == (60, 10, 70, 0)
    assert [tier["tier"] for tier in value["tiers"]] == ["certified", "provisional", "pilot"]
    assert [tier["rough"] for tier in value["tiers"]] == [True, True, False]
    assert value["tiers"][2]["groups"][0]["missed"]["n"] == 10
    assert "proves nothing" in value["why_it_proves_nothing"]
    text = ok(home("calibrate", "missing", "--rehearse", user="boss")).out
    assert "This is a rehearsal and proves nothing" in text
    assert "a group needs 2,995 people" in text
    assert "60 people, 10 of them with several pictures; 70 pictures searched" in text
    assert "g a" in text
    # nothing came of it
    assert home("watchlist", "show", "missing", "--json").value["state"] == "enrolled"
    assert home("report", "show", "missing").code == 8
    assert home("calibrate", "missing", "--plan", "--json").value["attempt"] == 1


@pytest.mark.parametrize("beside", [("--plan",), ("--cohort", "staff")])
def test_a_rehearsal_takes_nothing_beside_it(home: Cli, beside: tuple[str, ...]) -> None:
    result = home("calibrate", "missing", "--rehearse", *beside, user="boss")
    assert (result.code, result.out) == (2, "")
    assert beside[0] in result.complaint


def test_an_auditor_alone_holds_no_key_to_faces(home: Cli) -> None:
    refused = home("audit", "innocents", "missing", "--cohort", "congress", user="audrey")
    assert (refused.code, refused.out) == (3, "")
    assert "holds no key to faces: an admin, or an auditor who also is" in refused.complaint


def test_the_life_of_a_removal_and_the_counts_beside_it(home: Cli) -> None:
    count = ("audit", "innocents", "missing", "--cohort", "congress")
    refused = home(*count, user="boss")
    assert refused.code == 5
    assert "matcher calibrate missing" in refused.complaint
    assert home("calibrate", "missing", "--cohort", "staff", user="boss").code == 4
    assert home(*count, user="boss").code == 4
    ok(home("calibrate", "missing", "--cohort", "staff", "--policy", pilot(home), user="boss"))
    assert ok(home(*count, "--json", user="boss")).value["certificate"] is None
    certificate = activate(home)["certificate"]

    value = ok(home(*count, "--json", user="boss")).value
    assert (value["certificate"], value["state"]) == (certificate, "active")
    assert (value["n"], value["people"], value["calibrated_on"], value["failures_to_acquire"]) == (75, 75, 0, 0)
    assert value["k"] >= 5
    groups = {tuple(group["key"].items()): group for group in value["groups"]}
    assert groups[()]["flagged"]["cp95"][0] < value["k"] / 75 < groups[()]["wilson95"][1]
    yes, no = groups[(("colour", "yes"),)], groups[(("colour", "no"),)]
    assert yes["flagged"]["k"] + no["flagged"]["k"] == value["k"]
    assert yes["fisher"]["p"] == no["fisher"]["p"]
    text = ok(home(*count, user="boss")).out
    assert f"{value['k']} of 75 people who are not on list missing would be flagged" in text
    assert "Wilson" in text
    assert "no new evidence" not in text
    assert "no new evidence" in ok(home("audit", "innocents", "missing", "--cohort", "staff", user="boss")).out

    before = value["k"]
    removed = ok(
        home("watchlist", "remove", "missing", *(f"SECRET-{n:03}" for n in range(3)), "--json", user="boss")
    ).value
    assert (removed["subjects_removed"], removed["items_removed"], removed["derivable"]) == (3, 6, True)
    assert ok(home(*count, "--json", user="boss")).value["k"] == before  # the larger list serves until then
    assert "activate it" in home("watchlist", "show", "missing", "--json").value["successor"]
    shown = home("watchlist", "activate", "missing", user="vera")
    assert "3 of the 60 people on the list that was tested were removed since" in shown.err
    assert "measured on the larger list" in shown.err
    activate(home)
    after = ok(home(*count, "--json", user="boss")).value
    assert after["k"] == before - 3
    assert after["subjects"] == 57
    facts = home("watchlist", "show", "missing", "--json").value
    assert facts["derived_from"] == value["list_digest"]
    assert facts["successor"] is None

    told = home("audit", "show", "--json", "--last", "100").value["entries"]
    actions = [entry["action"] for entry in told]
    assert {"list.reduced", "list.derived", "list.innocents_counted"} <= set(actions)
    assert "SECRET" not in str(told)
    assert ok(home("audit", "verify", "--json")).value["certificates"] == 1


def test_what_cannot_be_removed_or_counted(home: Cli, tmp_path: Path) -> None:
    unknown = home("watchlist", "remove", "missing", "SECRET-003", "SECRET-999", user="boss")
    assert unknown.code == 8
    assert "1 of the 2 subjects are not on the list" in unknown.complaint
    assert "SECRET" not in unknown.err
    everybody = home("watchlist", "remove", "missing", *(f"SECRET-{n:03}" for n in range(3, 60)), user="boss")
    assert everybody.code == 3
    assert "retire" in everybody.complaint
    assert home("watchlist", "remove", "missing", user="boss").code == 2
    both = embeddings(tmp_path / "both.npz", [f"SECRET-{n:03}" for n in range(20)], faces(20, 6))
    assert home("cohort", "create", "both", *COHORT, user="boss").code == 0
    assert home("cohort", "load", "both", "--embeddings", both, *MODEL, user="boss").code == 0
    result = home("audit", "innocents", "missing", "--cohort", "both", user="boss")
    assert result.code == 8
    assert "17 people of the cohort are also on the list" in result.complaint


def test_additions_need_a_calibration(home: Cli, tmp_path: Path) -> None:
    file = embeddings(tmp_path / "more.npz", ["SECRET-900"], faces(1, 7))
    assert home("watchlist", "load", "missing", "--embeddings", file, *MODEL, user="boss").code == 0
    value = ok(home("watchlist", "remove", "missing", "SECRET-010", "--json", user="boss")).value
    assert not value["derivable"]
    assert "calibrate" in value["next"]
    refused = home("watchlist", "activate", "missing", user="vera")
    assert refused.code == 5
    assert "additions and changed references need a new calibration" in refused.complaint


def test_ids_come_from_a_pipe_too(home: Cli) -> None:

    env = (
        os.environ
        | variables_of(home.home)
        | {
            "MATCHER_HOME": str(home.home),
            "MATCHER_USER": "boss",
            "MATCHER_PASSPHRASE": "correct horse battery",
        }
    )
    command = [sys.executable, "-m", "matcher", "watchlist", "remove", "missing"]
    bad = subprocess.run(command, input=b"\xff\xfe", env=env, capture_output=True, check=False)
    assert bad.returncode == 8
    done = subprocess.run(command, input=b"SECRET-900\n\nSECRET-011\n", env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"2 subjects with 2 pictures removed" in done.stdout
    assert b"without a new calibration" in done.stdout
    activate(home)
    assert home("audit", "verify").code == 0
