"""Somebody with a database client: every edit is found; a clean home never is."""

from pathlib import Path

import pytest

from matcher.domain.case import Correction, Verdict
from matcher.domain.events import Action
from matcher.errors import IntegrityError
from matcher.services.audit import verify
from matcher.services.collections import retire_list, suspend_list
from matcher.store.triggers import rules
from tests.databases import both_engines, raw, without_rules
from tests.services.world import World

EDITS = {
    "a score": "UPDATE candidates SET score = 999999",
    "a threshold of an alert": "UPDATE alerts SET threshold = 100000",
    "a sealed probe": "UPDATE alerts SET probe = x'00'",
    "all alerts gone": "DELETE FROM alerts",
    "an alert closed": "UPDATE alerts SET closed_reason = 'x', closed_at = submitted_at WHERE concluded_at IS NULL",
    "a conclusion taken back": "UPDATE alerts SET concluded_at = NULL, rejected = NULL",
    "another seat": "UPDATE progress SET account = 'elsewhere'",
    "a step undone": "UPDATE progress SET finished_at = NULL, finish_number = NULL",
    "a lead gone": "DELETE FROM leads",
    "judgements gone": "DELETE FROM judgements WHERE reviewer = 'ana'",
    "a judgement turned": "UPDATE judgements SET verdict = 'different' WHERE reviewer = 'ana'",
    "a correction gone": "DELETE FROM corrections",
    "a correction turned": "UPDATE corrections SET reason = 'another'",
    "a role": "INSERT INTO user_roles VALUES ('boss', 'approver')",
    "a suspension of a person": "UPDATE users SET suspended = 1 WHERE name = 'ben'",
    "a purpose": "UPDATE watchlists SET purpose = 'another'",
    "an expiry": "UPDATE watchlists SET expires = '2099-01-01'",
    "searches a day": "UPDATE watchlists SET searches_per_day = 1",
    "a source of people": "UPDATE cohorts SET source = 'better people'",
    "a loader": "UPDATE revisions SET loaded_by = 'ana'",
    "what machines are compared by": "UPDATE revisions SET touchstone = x'00'",
    "a count": "UPDATE revisions SET subjects = 1",
    "a verdict": "UPDATE reports SET certified = 0",
    "an actor in the log": "UPDATE log SET actor = 'ana' WHERE sequence = 5",
    "a count of searches": "UPDATE case_searches SET n = 1",
    "a cohort gone": "DELETE FROM cohorts",
    "a cohort emptied": "UPDATE cohorts SET latest_id = NULL",
    "another's keys": "UPDATE users SET keys = (SELECT keys FROM users WHERE name = 'ana') WHERE name = 'ben'",
    "a demo that is none": "UPDATE home SET demo = 1",
    "a recovery key": "UPDATE home SET recovery_public = x'00'",
    "who made a list": "UPDATE watchlists SET created_by = 'ana'",
    "loaders": "UPDATE revisions SET loaders = '[\"ana\"]'",
    "a log entry gone": "DELETE FROM log WHERE sequence = 5",
}


@pytest.fixture
def lived(active: World) -> World:
    """A home in which most things have happened: a lead, a corrected judgement, an alert that waits."""
    active.submit(active.templates[7])
    alert = active.judge("ana", Verdict.SAME)
    active.desk("ana").finish(alert)
    active.judge("ben", Verdict.SAME)
    active.desk("ben").finish(alert)
    active.submit(active.templates[8])
    alert = active.judge("ana", Verdict.SAME)
    candidate = active.desk("ana").disclose(alert).candidates[0].candidate_id
    active.desk("ana").correct(alert, Correction(candidate, Verdict.UNDECIDED, "other ears"))
    active.desk("ana").finish(alert)
    active.submit(active.templates[9])
    return active


def edit(home: Path, statement: str) -> None:
    """Takes the rules away, edits, and puts them back as they were."""
    assert without_rules(home, statement) > 0


@both_engines
def test_a_clean_home_verifies_at_every_step(lived: World) -> None:
    assert verify(lived.place, lambda *_: None).judgements == 3
    suspend_list(lived.sessions["ana"], "missing", "wrong pictures")
    verify(lived.place, lambda *_: None)
    lived.activate()
    verify(lived.place, lambda *_: None)
    retire_list(lived.sessions["boss"], "missing")
    verify(lived.place, lambda *_: None)


@pytest.mark.parametrize("what", EDITS)
def test_every_edit_is_found(lived: World, what: str) -> None:
    lived.store.close()
    edit(lived.folder / "home", EDITS[what])
    with pytest.raises(IntegrityError):
        verify(lived.place, lambda *_: None)


@both_engines
def test_a_missing_rule_of_the_database_is_found(lived: World) -> None:
    lived.store.close()
    raw(lived.folder / "home", f"DROP TRIGGER {rules()[0].name}")
    with pytest.raises(IntegrityError, match="rule of the database"):
        verify(lived.place, lambda *_: None)


def test_a_container_that_is_gone_is_found(lived: World) -> None:
    next((lived.folder / "home" / "sealed").glob("*-templates.box")).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        verify(lived.place, lambda *_: None)


def test_an_entry_that_lacks_what_its_kind_tells_is_named(world: World) -> None:
    world.create()
    with pytest.raises(IntegrityError, match="lacks 'reason'"):
        world.plays(Action.LIST_SUSPENDED, list="missing")
    with pytest.raises(IntegrityError, match="lacks 'nowhere'"):
        world.plays(Action.LIST_SUSPENDED, list="nowhere", reason="x")
