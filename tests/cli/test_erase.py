"""`matcher watchlist erase` and `matcher cohort erase`, as a person runs them; the commands of the page about them."""

import re
from pathlib import Path

import pytest

from matcher.cli.exit_codes import ExitCode
from matcher.services.collections import retire_list
from tests.cli.runner import Cli
from tests.safeguards.town import Town

PAGE = Path(__file__).resolve().parents[2] / "docs" / "erasure.md"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path).lived()
    made.store.close()
    return made


def test_people_are_erased_and_what_is_over_as_the_page_says(town: Town) -> None:
    cli = Cli(town.folder / "home")
    commands = re.findall(r"^matcher (.+)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert len(commands) == 4
    words = [one.replace("S-0042", "S007").replace("C-0007", "C0007").split() for one in commands]

    refused = cli(*words[0])
    assert refused.code == ExitCode.ANOTHER_PERSON
    assert "matcher watchlist remove missing" in refused.complaint
    assert (
        cli("watchlist", "erase", "missing", "--subject", "S007", user="boss").code == ExitCode.USAGE
    )  # nobody to ask
    done = cli(*words[0], "--stop", "--json")
    assert (done.value["subjects"], done.value["alerts_closed"], done.value["samples_found"]) == (1, 1, 0)
    assert done.value["cases_to_submit_again"] == ["2026/1"]
    assert done.value["out_of_service"]
    assert "S007" not in done.out + done.err
    people = cli(*words[1])
    assert people.code == 0, people.err
    assert "erased 1 subjects (2 references)" in people.out
    retire_list(town.sessions["boss"], "missing")
    over = cli(*words[3])
    assert over.out.strip() == "nothing is over"  # of cohorts
    assert "list missing is retired: matcher watchlist erase missing --expired" in over.err
    assert "erased 19 subjects" in cli(*words[2]).out
    assert "nothing is over" in cli(*words[2]).out


def test_an_erasure_that_was_cut_short_is_finished_by_the_next_command(town: Town) -> None:
    from matcher.services import erase as module

    kept = module.finish
    try:
        module.finish = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            module.erase_listed(town.sessions["boss"], "missing", ["S007"], stop=True)
    finally:
        module.finish = kept
    assert list((town.folder / "home" / "sealed").glob("*.next"))
    cli = Cli(town.folder / "home")
    assert cli("audit", "verify").code == 0
    assert not list((town.folder / "home" / "sealed").glob("*.next"))
