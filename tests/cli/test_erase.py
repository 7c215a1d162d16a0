"""Erasing, proofs of having been listed and accounts, as a person runs them; the commands of the pages about them."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from matcher.cli.exit_codes import ExitCode
from matcher.cli.main import cli as whole
from matcher.errors import BadInput, UsageError
from matcher.services import erase as module
from matcher.services.collections import retire_list
from tests.cli.runner import Cli
from tests.databases import variables_of
from tests.safeguards.town import Town
from tests.services.world import PASSPHRASE

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path).lived()
    made.store.close()
    return made


def run(town: Town, *words: object) -> str:
    """Runs a command in this process; what it wrote to both streams. Raises what the process edge makes a code of."""
    home = town.folder / "home"
    environment = {"MATCHER_HOME": str(home), "MATCHER_PASSPHRASE": PASSPHRASE}
    done = CliRunner(env=environment | variables_of(home)).invoke(
        whole, [str(word) for word in words], catch_exceptions=False
    )
    return done.output + done.stderr


def commands(page: str) -> list[list[str]]:
    """The commands of a page."""
    found = re.findall(r"^(?:    )?matcher (.+)$", (DOCS / page).read_text(encoding="utf-8"), re.M)
    return [one.replace("S-0042", "S007").replace("C-0007", "C0007").split() for one in found]


def test_people_are_erased_and_what_is_over_as_the_page_says(town: Town) -> None:
    erase, people, over, cohorts, listed, checked = commands("erasure.md")
    cli = Cli(town.folder / "home")
    refused = cli(*erase)
    assert refused.code == ExitCode.ANOTHER_PERSON
    assert "matcher watchlist remove missing" in refused.complaint
    done = cli(*erase, "--stop", "--json")
    assert (done.value["subjects"], done.value["alerts_closed"], done.value["samples_found"]) == (1, 1, 0)
    assert done.value["cases_to_submit_again"] == ["2026/1"]
    assert done.value["out_of_service"]
    assert "S007" not in done.out + done.err
    assert "erased 1 subjects (2 references)" in run(town, *people)

    day, proof = f"{town.clock.now:%Y-%m-%d}", town.folder / "proof.json"
    words = [{"2026-11-25": day, "proof.json": str(proof)}.get(word, word) for word in (*listed, *checked)]
    assert ": listed" in run(town, *words[: len(listed)])  # of somebody who was erased
    assert "at place" in run(town, *words[len(listed) :])
    proof.write_text(proof.read_text(encoding="utf-8").replace("S007", "S008"), encoding="utf-8")
    assert cli("audit", "listed", proof).code == ExitCode.INTEGRITY

    retire_list(town.sessions["boss"], "missing")
    told = run(town, *cohorts)
    assert "nothing is over" in told
    assert "list missing is retired: matcher watchlist erase missing --expired" in told
    assert "erased 19 subjects" in run(town, *over)
    assert "nothing is over" in run(town, *over)


def test_wrong_usage_erases_nobody(town: Town) -> None:
    for words in (
        ("watchlist", "erase", "missing", "--yes"),
        ("watchlist", "erase", "missing", "--subject", "S007"),  # and nobody to ask
        ("watchlist", "erase", "missing", "--subject", "S007", "--expired", "--yes"),
        ("cohort", "erase", "staff", "--yes"),
    ):
        with pytest.raises(UsageError):
            run(town, *words, "--user", "boss")
    with pytest.raises(BadInput):
        run(town, "watchlist", "erase", "missing", "--subject", "S999", "--yes", "--user", "boss")


def test_the_account_is_one_page_and_one_file(town: Town) -> None:
    day, out = f"{town.clock.now:%Y-%m-%d}", town.folder / "account"
    for words in commands("accountability.md"):
        own = {"2026-11-01": day, "2026-11-30": day, "november": str(out), "november-public": f"{out}-public"}
        assert "1 lists" in run(town, *(own.get(word, word) for word in words))
    pages = {path.name for path in town.folder.glob("account*")}
    assert pages == {"account.html", "account.json", "account-public.html", "account-public.json"}
    whole_account = json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))["lists"][0]
    assert whole_account["reviews"]["searches"] == 2
    public = json.loads(Path(f"{out}-public.json").read_text(encoding="utf-8"))["lists"][0]
    assert public["reviews"]["searches"] is None


def test_an_erasure_that_was_cut_short_is_finished_by_the_next_command(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "finish", ended)
    with pytest.raises(KeyboardInterrupt):
        module.erase_listed(town.sessions["boss"], "missing", ["S007"], stop=True)
    monkeypatch.undo()
    assert list((town.folder / "home" / "sealed").glob("*.next"))
    run(town, "audit", "verify")
    assert not list((town.folder / "home" / "sealed").glob("*.next"))
