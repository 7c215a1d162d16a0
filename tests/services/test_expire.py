"""What is over is erased when somebody says so, never by a clock, and never while it waits for judgement unsaid."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from matcher.domain.erasure import CLOSED
from matcher.domain.events import Action
from matcher.domain.policy import Policy, parse_policy, policy_from_canonical
from matcher.errors import BadInput, MissingRole, Refused
from matcher.services.audit import verify
from matcher.services.collections import retire_list
from matcher.services.expire import erase_expired_cohorts, erase_expired_lists, expired_reminders
from matcher.services.outcomes import outcomes
from tests.services.conftest import RETENTION
from tests.services.homes import copied, holding
from tests.services.pictured import Pictured
from tests.services.test_erase import opened_everything, sealed_of


@pytest.fixture
def old(lived: Pictured, tmp_path: Path) -> Pictured:
    return copied(lived, tmp_path)


def sound(world: Pictured) -> None:
    verify(world.place, lambda *_: None)


def test_a_policy_says_how_long_probes_are_kept_and_none_keeps_its_digest() -> None:
    kept = parse_policy(RETENTION)
    assert kept.retention.probe_days == 30
    assert policy_from_canonical(kept.canonical()) == kept
    assert b"retention" not in Policy().canonical()
    assert Policy().digest() != parse_policy("[retention]\nprobe_days = 1\n").digest()
    with pytest.raises(BadInput, match=r"retention\.probe_days"):
        parse_policy("[retention]\nprobe_days = 0\n")


def test_nothing_is_over_before_its_time(old: Pictured) -> None:
    assert expired_reminders(old.place) == []
    done = erase_expired_lists(old.sessions["boss"], None, close_waiting=True)
    assert (done.erased, done.waiting) == ((), ())
    assert erase_expired_cohorts(old.sessions["boss"], None).erased == ()
    with pytest.raises(MissingRole):
        erase_expired_lists(old.sessions["audrey"], None, close_waiting=True)


def test_probes_go_once_their_policy_keeps_them_no_longer_and_what_waits_keeps_its_own(old: Pictured) -> None:
    vault = old.sessions["boss"].vault
    old.clock.now += timedelta(days=29)
    assert erase_expired_lists(old.sessions["boss"], None, close_waiting=False).erased == ()
    old.clock.now += timedelta(days=2)
    (done,) = erase_expired_lists(old.sessions["boss"], None, close_waiting=False).erased
    assert (done.alerts, done.closed, done.sought.found) == (2, 0, 0)
    assert old.newest(Action.LIST_ERASED)["why"] == "retention"
    with old.place.work(write=False) as work:
        found = [work.alerts.get(vault, line.alert_id) for line in work.alerts.lines()]
    assert [bool(one.probe) for one in found if one] == [False, False, True, True]
    assert [one.candidates[0].subject_id for one in found if one] == ["S007", "S007", "S007", "S008"]
    assert [one.label.subject_id for one in outcomes(old.place, old.sessions["boss"], None).concluded if one.label] == [
        "S007"
    ]
    assert erase_expired_lists(old.sessions["boss"], None, close_waiting=False).erased == ()
    sound(old)


def test_a_list_that_is_over_is_left_while_alerts_wait_and_says_so(old: Pictured) -> None:
    old.clock.now += timedelta(days=365)
    assert expired_reminders(old.place)[0] == "list missing is expired: matcher watchlist erase missing --expired"
    before = sealed_of(old, "S007")
    left = erase_expired_lists(old.sessions["boss"], "missing", close_waiting=False)
    assert left.waiting == (("missing", 2),)
    assert [one.alerts for one in left.erased] == [2]  # old probes, by their policy
    (done,) = erase_expired_lists(old.sessions["boss"], "missing", close_waiting=True).erased
    assert (done.subjects, done.closed, done.cases) == (20, 2, ("another", "waiting"))
    assert holding(old.folder / "home", before) == []
    assert old.desk("ana").closings()
    assert CLOSED in old.desk("ana").closings()[0]
    assert not any("list missing" in one for one in expired_reminders(old.place))
    sound(old)
    again = erase_expired_lists(old.sessions["boss"], "missing", close_waiting=True)
    assert (again.erased, again.waiting) == ((), ())


def test_a_retired_list_is_over_too_and_its_judgements_stay(old: Pictured) -> None:
    retire_list(old.sessions["boss"], "missing")  # which closes what waits, as it always did
    before = [(one.case, one.outcome, one.reviewers) for one in outcomes(old.place, None, None).concluded]
    (done,) = erase_expired_lists(old.sessions["boss"], None, close_waiting=False).erased
    assert (done.subjects, done.closed) == (20, 0)
    found = outcomes(old.place, old.sessions["boss"], None).concluded
    assert [one.label for one in found] == [None] * 4
    assert [(one.case, one.outcome, one.reviewers) for one in outcomes(old.place, None, None).concluded] == before
    assert not any(f"S{number:03}".encode() in opened_everything(old) for number in range(20))
    sound(old)


def test_an_expired_cohort_leaves_with_its_known_answer_items(tmp_path: Path) -> None:
    made = Pictured(tmp_path)
    made.practised(expires=date(2026, 12, 1))
    made.queue_items(1)
    made.clock.now += timedelta(days=30)
    assert any("cohort staff expired" in one for one in expired_reminders(made.place))
    (done,) = erase_expired_cohorts(made.sessions["boss"], None).erased
    assert done.subjects == 200
    assert done.closed >= 1
    left = opened_everything(made)
    assert b"C0001" not in left
    assert b"S001" in left
    sound(made)
    with pytest.raises(Refused, match="expired"):
        made.calibrate()
    assert erase_expired_cohorts(made.sessions["boss"], "staff").erased == ()
