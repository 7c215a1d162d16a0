"""A report is written, made again and compared, as an admin does it."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import TERMS
from tests.cli.runner import Cli

MODEL = ("--model", "sface-2021dec-int8bq")
POLICY = "[certification]\nalpha = 0.05\n"


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, Path]:
    """A home with a list of 20 and a cohort of 140, one of whom is in it twice; the report of attempt 1 in a file."""
    folder = tmp_path_factory.mktemp("reports")
    cli = Cli(folder / "home")
    draw = np.random.default_rng(5)
    base = draw.standard_normal((140, 128)).astype(np.float32)
    base[1] = base[0] + 0.1 * draw.standard_normal(128)
    both = np.concatenate([base, base + 0.5 * draw.standard_normal(base.shape).astype(np.float32)])
    people = [f"C{n:03}" for n in range(140)] * 2
    np.savez(folder / "cohort.npz", embeddings=both, subject_id=people, gender=["f", "m"] * 140)
    listed = draw.standard_normal((20, 128)).astype(np.float32)
    np.savez(folder / "list.npz", embeddings=listed, subject_id=[f"S{n:02}" for n in range(20)])
    (folder / "policy.toml").write_text(POLICY)
    cohort = ("--source", "volunteers", "--legal-basis", "consent", "--expires", "2099-12-31")
    for words, user in (
        (("init",), None),
        (("user", "add", "boss", "--role", "admin"), None),
        (("watchlist", "create", "missing", *TERMS, "--searches-per-day", "5"), "boss"),
        (("cohort", "create", "staff", *cohort), "boss"),
        (("watchlist", "load", "missing", "--embeddings", str(folder / "list.npz"), *MODEL), "boss"),
        (("cohort", "load", "staff", "--embeddings", str(folder / "cohort.npz"), *MODEL), "boss"),
    ):
        assert cli(*words, user=user).code == 0
    calibrate(cli, folder)
    assert cli("report", "show", "missing", "-o", folder / "first.json").code == 0
    return cli, folder


def calibrate(cli: Cli, folder: Path, *more: str | Path) -> int:
    words = ("calibrate", "missing", "--cohort", "staff", "--policy", folder / "policy.toml", *more)
    return cli(*words, user="boss").code


def test_the_same_is_said_in_one_word(tested: tuple[Cli, Path]) -> None:
    cli, folder = tested
    result = cli("report", "replay", folder / "first.json", user="boss")
    assert (result.code, result.out) == (0, "same\n")
    value = cli("report", "replay", folder / "first.json", "--json", user="boss").value
    assert value["same"]
    assert value["differences"] == []


def test_an_edited_report_is_an_integrity_failure_that_names_the_field(tested: tuple[Cli, Path]) -> None:
    cli, folder = tested
    plain = json.loads((folder / "first.json").read_bytes())
    plain["groups"][0]["fpir"]["upper95"] = 0.001
    edited = folder / "edited.json"
    edited.write_text(json.dumps(plain, sort_keys=True, separators=(",", ":")))
    result = cli("report", "replay", edited, user="boss")
    assert result.code == 6
    assert "groups[everyone].fpir.upper95: 0.001 -> " in result.out
    assert cli("report", "diff", folder / "first.json", edited).code == 6
    edited.write_text("{}")
    result = cli("report", "replay", edited, user="boss")
    assert (result.code, result.out) == (6, "")
    assert cli("report", "replay", folder / "none.json", user="boss").code == 8


def test_a_pair_is_looked_at_and_ruled_on(tested: tuple[Cli, Path]) -> None:
    cli, folder = tested
    found = cli("cohort", "show", "staff", "--pairs", "missing", "--json", user="boss").value
    assert {found["pairs"][0][end]["subject_id"] for end in ("one", "other")} == {"C000", "C001"}
    one, other = (found["pairs"][0][end]["handle"] for end in ("one", "other"))
    file = folder / "ruled.csv"
    file.write_text(f"one,other,ruling\n{one},{other},perhaps\n")
    words = ("calibrate", "missing", "--cohort", "staff", "--policy", folder / "policy.toml", "--adjudicated", file)
    result = cli(*words, user="boss")
    assert result.code == 8
    assert "line 2 of the adjudication file: the ruling is the word different or same" in result.complaint
    file.write_text(f"one,other,ruling\n{one},{other},different\n")
    assert cli(*words, user="boss").code in (0, 4)
    after = cli("report", "show", "missing", "--json").value
    assert after["adjudication"]["joined"] == 0
    change = cli("report", "diff", folder / "first.json", after["digest"][:10], "--json").value
    facts = {fact["path"]: (fact["old"], fact["new"]) for fact in change["facts"]}
    assert facts["people_set_aside"] == (1, 0)
    assert facts["people"] == (139, 140)
    assert "n: 139 -> 140" in cli("report", "diff", folder / "first.json", after["digest"]).out


def test_a_digest_that_nothing_has_is_bad_input(tested: tuple[Cli, Path]) -> None:
    cli, folder = tested
    for wrong in ("0" * 64, "abc", "no such file"):
        result = cli("report", "diff", folder / "first.json", wrong)
        assert (result.code, result.out) == (8, "")


def test_look_alikes_are_for_admins(tested: tuple[Cli, Path]) -> None:
    cli, _ = tested
    shown = cli("watchlist", "show", "missing", "--look-alikes", "--json", user="boss")
    assert (shown.code, shown.value["pairs"], shown.value["magnets"]) == (0, [], [])
