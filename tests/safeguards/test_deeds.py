"""Whatever is forbidden is refused on every way there is, and logged without a word that somebody typed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widgets import DataTable

from matcher.bootstrap import match_confidence
from matcher.cli.exit_codes import ExitCode
from matcher.domain.case import Verdict
from matcher.domain.events import FIRST_REFUSALS
from matcher.errors import IntegrityError, MissingRole, Refused, WrongPassphrase
from matcher.services.audit import verify
from matcher.services.outcomes import outcomes
from matcher.services.people import set_suspended
from matcher.services.reception import Lobby
from matcher.services.workplace import sign_in
from matcher.store.role_triggers import ROLE_TRIGGERS
from matcher.store.triggers import rules
from matcher.tui.screens.queue import QueueScreen
from tests.cli.runner import Cli
from tests.databases import RAW_REFUSED, both_engines, client, rule_of, without_rules
from tests.safeguards.deeds import BEFORE, COMMANDS, NO_COMMAND, SERVICES, SQL
from tests.safeguards.town import Town
from tests.services.world import PASSPHRASE
from tests.tui.stage import on_stage


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path).lived()
    yield made
    made.store.close()


def sound(town: Town) -> None:
    verify(town.place, lambda *_: None)


@pytest.mark.parametrize("deed", SERVICES)
def test_services_refuse_and_log(town: Town, deed: str) -> None:
    do, kind, attempt = SERVICES[deed]
    before = len(town.refusals())
    with pytest.raises(kind):
        do(town)
    told = town.refusals()[before:]
    assert len(told) == 1
    assert attempt in told[0]["attempt"]
    assert told[0]["refusal"] == kind.__name__
    assert "planted" not in str(told)
    sound(town)


def test_every_deed_has_a_command_or_a_reason_why_not() -> None:
    assert set(SERVICES) - set(COMMANDS) == set(NO_COMMAND)


def test_commands_refuse_and_log(town: Town) -> None:
    cli, picture = Cli(town.folder / "home"), town.folder / "probe.jpg"
    picture.write_bytes(np.zeros(16, np.float32).tobytes())
    for deed, (who, words, code) in COMMANDS.items():
        before = len(town.refusals())
        done = cli(*words.format(picture=picture).split(), user=who)
        assert done.code == code, (deed, done.err)
        told = town.refusals()[before:]
        assert len(told) == 1, deed
        assert told[0]["actor"] == (who if who != "planted-name" else told[0]["actor"]), deed
        assert "planted" not in str(told), deed
        assert "Planted Name" not in done.out + done.err, deed
    assert cli("outcomes", user="ana", MATCHER_PASSPHRASE="not the one").code == ExitCode.REFUSED
    assert town.refusals()[-1] == {
        "actor": "ana", "attempt": "sign in", "refusal": "WrongPassphrase", "subject": "ana", "times": 1
    }  # fmt: skip
    set_suspended(town.sessions["boss"], "ana", True)
    assert cli("outcomes", user="ana").code == ExitCode.REFUSED
    manifest = town.folder / "people.csv"
    manifest.write_text("subject_id,image\nS1,probe.jpg\n")
    rows = town.folder / "rows.npz"
    np.savez(rows, embeddings=np.eye(2, 128, dtype=np.float32), subject_id=np.array(["S1", "S2"]))
    loading = ("watchlist", "load", "missing", "--embeddings", rows, "--model", "sface-2021dec")
    assert cli(*loading, user="ben").code == ExitCode.REFUSED
    sound(town)


@both_engines
def test_the_database_refuses(town: Town) -> None:
    refuse_twice(town)
    with client(town.folder / "home") as run:
        run("BEGIN")
        done = [deed for deed in SQL if not said(run, deed)]
        run("ROLLBACK")
    assert done == []
    sound(town)


def refuse_twice(town: Town) -> None:
    """So that there are refusals to forget."""
    for _ in range(2):
        with pytest.raises(WrongPassphrase):
            sign_in(town.place, "ana", "not the one")


@both_engines
def test_every_rule_about_roles_refuses_something_by_itself(town: Town) -> None:
    """Each rule with all others away, so that none stands in for another."""
    refuse_twice(town)
    idle = []
    with client(town.folder / "home") as run:
        for rule in ROLE_TRIGGERS:
            run("BEGIN")
            for other in rules():
                if other != rule:
                    run(f"DROP TRIGGER {other.name}")
            if rule.sentence not in {said(run, deed) for deed in SQL}:
                idle.append(rule.name)
            run("ROLLBACK")
    assert idle == []


def said(run: Callable[[str], list[Any]], deed: str) -> str:
    """By which rule a deed is refused; empty where it is by none. It is undone in either case."""
    run("SAVEPOINT deed")
    try:
        for statement in (*BEFORE.get(deed, ()), SQL[deed]):
            run(statement)
    except RAW_REFUSED as error:
        return rule_of(error)
    finally:
        run("ROLLBACK TO deed")
    return ""


async def test_the_interface_gives_nobody_what_is_not_theirs(town: Town) -> None:
    lobby = Lobby(town.place, match_confidence)
    waiting = {"vera": 0, "audrey": 0, "ana": 1, "eve": 1, "ben": 2}  # ana judged one, eve searched one
    for name, alerts in waiting.items():
        async with on_stage(lobby) as stage:  # type: ignore[arg-type]
            await stage.sign_in(name, PASSPHRASE)
            await stage.until(lambda stage=stage: isinstance(stage.app.screen, QueueScreen), name)
            table = stage.app.screen.query_one(DataTable)
            await stage.until(lambda table=table, alerts=alerts: table.row_count == alerts, f"{name} sees {alerts}")


async def test_the_interface_lets_nobody_in_who_was_suspended_or_mistypes(town: Town) -> None:
    lobby = Lobby(town.place, match_confidence)
    async with on_stage(lobby) as stage:  # type: ignore[arg-type]
        await stage.sign_in("ben", "not the one")
        await stage.until(lambda: "passphrase" in stage.text() and "again" in stage.text(), "told")
        assert not isinstance(stage.app.screen, QueueScreen)
    set_suspended(town.sessions["boss"], "ben", True)
    assert "ben" not in lobby.names()
    with pytest.raises(Refused, match="suspended"):
        lobby.sign_in("ben", PASSPHRASE)
    assert [(one["actor"], one["refusal"]) for one in town.refusals()[-2:]] == [
        ("ben", "WrongPassphrase"), ("ben", "Refused")
    ]  # fmt: skip
    with pytest.raises(MissingRole):
        lobby.sign_in("boss", PASSPHRASE)
    assert town.refusals()[-1]["refusal"] == "MissingRole"
    sound(town)


def test_a_suspension_takes_effect_in_an_open_session(town: Town) -> None:
    desk = town.desk("ben")
    assert desk.queue().waiting == 2
    set_suspended(town.sessions["boss"], "ben", True)
    with pytest.raises(Refused, match="suspended"):
        desk.queue()
    with pytest.raises(Refused, match="suspended"):
        outcomes(town.place, town.sessions["ben"], None)


@both_engines
def test_a_name_is_not_unsealed_by_words_that_nobody_signed(town: Town) -> None:
    """Somebody with the file and SQL makes the second reviewer's judgement of the first one's."""
    alert = town.alerts()[0]
    town.sql(
        "INSERT INTO progress SELECT alert_id, 'ben', 2, 'other', '', candidate_order, claimed_until, NULL, NULL, "  # noqa: S608
        f"NULL, NULL FROM progress WHERE alert_id = '{alert}'",
        "INSERT INTO judgements SELECT alert_id, 2, candidate_id, 'ben', 'other', '', made_at, verdict, checklist, "  # noqa: S608
        f"mode, face_pixels, milliseconds, signature FROM judgements WHERE alert_id = '{alert}'",
        "UPDATE progress SET disclosed_at = claimed_until, finished_at = claimed_until, finish_number = 2 "
        "WHERE reviewer = 'ben'",
        f"UPDATE alerts SET concluded_at = submitted_at, rejected = 0 WHERE alert_id = '{alert}'",  # noqa: S608
    )
    with pytest.raises(IntegrityError, match="does not verify"):
        outcomes(town.place, town.sessions["boss"], None)
    assert town.refusals()[-1]["attempt"] == "outcomes"
    with pytest.raises(IntegrityError):
        sound(town)


def test_a_genuine_lead_is_still_shown(town: Town) -> None:
    desk = town.desk("ben")
    alert = town.judge("ben", Verdict.SAME)
    desk.finish(alert)
    shown = [one.label for one in outcomes(town.place, town.sessions["boss"], None).concluded]
    assert [label.name for label in shown if label] == ["Planted Name 7"]


def test_refusals_fill_no_disk_and_none_is_lost(town: Town) -> None:
    before = len(town.refusals())
    for _ in range(100):
        with pytest.raises(WrongPassphrase):
            sign_in(town.place, "ana", "not the one")
    told = [one["times"] for one in town.refusals()[before:]]
    assert told == [*range(1, FIRST_REFUSALS + 1), 16, 32, 64]
    with town.place.work(write=False) as work:
        assert [times for kind, (_, times) in work.log.refusals().items() if kind.attempt == "sign in"] == [100]
    sound(town)


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM refusals",
        "UPDATE refusals SET times = 40",
        "UPDATE refusals SET times = 2",
        "UPDATE refusals SET actor = 'ben'",
    ],
)
def test_a_count_of_refusals_that_was_edited_is_found(town: Town, edit: str) -> None:
    for _ in range(20):
        with pytest.raises(WrongPassphrase):
            sign_in(town.place, "ana", "not the one")
    sound(town)
    assert without_rules(town.folder / "home", edit) > 0
    with pytest.raises(IntegrityError, match="refusals"):
        sound(town)
