"""Every attempt ends as the table says, a weakened safeguard ends it otherwise, and the document has the same table."""

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from matcher.bypass import table
from matcher.bypass.attempt import Answer, Attacker, Attempt, Layer, Tried, Verdict, prevented
from matcher.bypass.programs import use_cases
from matcher.bypass.run import run, try_one
from matcher.bypass.town import PLANTED, Town, throw_away_town
from matcher.cli.bypass_output import bypass_facts
from matcher.cli.exit_codes import ExitCode
from matcher.cli.main import main
from matcher.domain.case import Verdict as Says
from matcher.errors import BadInput, IntegrityError
from tests.safeguards.weakenings import ATTEMPTS, SECOND_LAYER, WEAKENINGS, weakening_of

ROOT = Path(__file__).resolve().parents[2]
ANSWERED = [name for name, (_, attempt) in ATTEMPTS.items() if weakening_of(attempt) is not None]
FEW = (("few", tuple(ATTEMPTS[name][1] for name in ("a policy of one reviewer", "the same person judges twice"))),)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with throw_away_town() as made:
        yield made


@pytest.fixture
def copy(town: Town) -> Iterator[Town]:
    """A copy of the town for one attempt; what attempts make beside it goes with it."""
    made = town.copy(town.folder.parent / "attempt" / "town")
    yield made
    shutil.rmtree(made.folder.parent)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_every_attempt_ends_as_the_table_says(copy: Town, name: str) -> None:
    tried = try_one(*ATTEMPTS[name], copy)
    assert tried.as_promised, tried.answer


@pytest.mark.parametrize("name", ANSWERED)
def test_a_weakened_safeguard_turns_it(copy: Town, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    family, attempt = ATTEMPTS[name]
    weaken = weakening_of(attempt)
    assert weaken is not None
    weaken(copy, monkeypatch)
    tried = try_one(family, attempt, copy)
    assert not tried.as_promised, tried.answer
    assert (tried.answer.verdict is attempt.promise.verdict) == (name in SECOND_LAYER), tried.answer


def test_the_table_is_whole() -> None:
    assert len(ATTEMPTS) == sum(len(some) for _, some in table.FAMILIES) >= 30, "a name is there twice"
    attempts = [attempt for _, attempt in ATTEMPTS.values()]
    open_to_all = {one.name for one in attempts if one.promise.verdict is Verdict.OUT_OF_SCOPE}
    by_rules = {one.name for one in attempts if one.promise.layer is Layer.DATABASE}
    assert set(ATTEMPTS) == open_to_all | by_rules | set(WEAKENINGS)
    assert set(ATTEMPTS) >= SECOND_LAYER
    assert {one.attacker for one in attempts} == set(Attacker)
    assert all(one.promise.words for one in attempts if one.name not in open_to_all)
    assert all(one.promise.verdict is not Verdict.SUCCEEDED for one in attempts)
    assert all(one.sentence.endswith(".") and "|" not in one.sentence + one.name for one in attempts)


def test_use_cases_are_those_that_front_ends_call() -> None:
    found = {function.__qualname__ for function in use_cases()}
    assert found >= {
        *("sign_in", "add_user", "set_suspended", "create_list", "remove_subjects", "calibrate_list", "prepare"),
        *(
            "open_list",
            "outcomes",
            "known_look_alikes",
            "statistics",
            "list_facts",
            "replay",
            "verify",
            "rehearse_list",
        ),
        *("Desk.claim", "Desk.disclose", "Desk.finish"),
    }


def test_an_attempt_of_every_kind_of_use_case_reads_what_is_returned(copy: Town) -> None:
    """With the quorum there is a name to be seen, and it is seen."""
    copy.judge("ben", copy.alerts()[0], Says.SAME).finish(copy.alerts()[0])
    attempt = ATTEMPTS["every use case, called by a program with all that can be typed"]
    assert try_one(*attempt, copy).answer.verdict is Verdict.SUCCEEDED


def test_another_refusal_than_the_promised_one_is_none(copy: Town) -> None:
    def slip(_: Town) -> None:
        raise BadInput("the attempt was written wrongly")

    attempt = Attempt("slip", Attacker.ANYBODY, prevented(Layer.SERVICES, "a rule says no"), "A slip.", slip)
    tried = try_one("slips", attempt, copy)
    assert tried.answer == Answer(Verdict.PREVENTED, Layer.NOBODY, "the attempt was written wrongly")
    assert not tried.as_promised


@pytest.fixture
def made_before(copy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite gets a town that is there already: making one takes seconds."""
    monkeypatch.setattr("matcher.bypass.run.throw_away_town", lambda: nullcontext(copy))


@pytest.mark.usefixtures("made_before")
def test_nothing_is_tried_in_a_town_that_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise IntegrityError("broken")

    monkeypatch.setattr("matcher.bypass.run.verify", broken)
    with pytest.raises(IntegrityError, match="does not verify: broken"):
        run(FEW, lambda *_: None)


def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["matcher", "doctor", "--bypass", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_command_says_it_leaves_nothing_and_opens_no_home(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(table, "FAMILIES", FEW)
    monkeypatch.setenv("MATCHER_HOME", str(home))
    code, out, err = doctor(monkeypatch, capsys)
    assert code == ExitCode.DONE
    assert "prevented     a policy of one reviewer (configuration and policy)" in out
    assert "A policy needs at least two reviewers." in out
    assert "2 attempts: 2 prevented; every attempt ended as docs/threat-model.md says" in out
    assert "2 of 2 attempts" in err
    assert list(temporary.iterdir()) == []
    assert not home.exists()


@pytest.mark.usefixtures("made_before")
def test_the_command_fails_when_an_attempt_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "FAMILIES", FEW)
    code, out, _ = doctor(monkeypatch, capsys, "--json")
    facts = json.loads(out)
    assert code == ExitCode.DONE
    assert facts["as_promised"]
    assert facts["summary"] == {"prevented": 2, "detected": 0, "out of scope": 0, "SUCCEEDED": 0}
    through = replace(FEW[0][1][1], deed=lambda _: None)
    monkeypatch.setattr(table, "FAMILIES", (("few", (FEW[0][1][0], through)),))
    code, out, _ = doctor(monkeypatch, capsys)
    assert code == ExitCode.INTEGRITY
    assert "2 attempts: 1 prevented, 1 SUCCEEDED; NOT AS PROMISED:" in out
    assert "the same person judges twice: promised prevented (services), found SUCCEEDED (nobody)" in out


def test_facts_are_of_every_attempt() -> None:
    done = [
        Tried(attempt, family, Answer(attempt.promise.verdict, attempt.promise.layer, attempt.promise.words), 0.1)
        for family, attempt in ATTEMPTS.values()
    ]
    facts = bypass_facts(done, 1.26)
    assert facts["as_promised"]
    assert facts["seconds"] == 1.3
    assert sum(facts["summary"].values()) == len(ATTEMPTS) == len(facts["attempts"])
    assert PLANTED not in json.dumps(facts)


def test_the_document_has_the_table_of_the_code() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*) \|$", text.partition("## The attempts")[2].partition("\n## ")[0], re.M)
    shown = [tuple(row.split(" | ")) for row in rows[1:] if not row.startswith("---")]
    assert shown == [
        (one.name, one.attacker.value, one.promise.verdict.value, one.promise.layer.value, one.sentence)
        for _, one in ATTEMPTS.values()
    ]
    counts = Counter(one.promise.verdict for _, one in ATTEMPTS.values())
    assert (
        f"{len(ATTEMPTS)} attempts: {counts[Verdict.PREVENTED]} prevented, {counts[Verdict.DETECTED]} detected, "
        f"{counts[Verdict.OUT_OF_SCOPE]} out of scope" in text
    )
