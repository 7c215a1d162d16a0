"""The queue as the database finds it: the same alerts as one by one, and never a photograph read on the way."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event

from matcher.domain.case import Correction, Verdict
from matcher.domain.desk import QueueEntry, QueueOrder
from matcher.domain.records import QueueRules
from matcher.services.review_files import queue_rules, standing
from matcher.store.unit_of_work import SqlUnitOfWork
from tests.databases import both_engines
from tests.store.test_alerts import LEASE
from tests.store.world import NOON, POLICY, VAULT, World, alert, alerted_world, judgement, signed_in

RULES = QueueRules({POLICY.digest(): 2})
REVIEWERS = ("cai", "dee", "eli")
STEPS = ("claim", "release", "same", "different", "disclose", "correct", "finish", "recuse")


def told(work: SqlUnitOfWork, reviewer: str, order: QueueOrder = QueueOrder.OLDEST, most: int = 10) -> list[str]:
    return [one.alert_id for one in work.alerts.waiting_for(reviewer, NOON, RULES, order, most)]


@both_engines
def test_orders_and_the_most_that_is_wanted(alerted: World) -> None:
    with alerted.work() as work:
        one = alert().candidates[:1]
        work.alerts.add(VAULT, replace(alert("alert2"), submitted_at=NOON - timedelta(minutes=2), candidates=one))
        work.alerts.add(VAULT, replace(alert("alert3"), submitted_at=NOON - timedelta(minutes=3)))
        work.alerts.claim("alert1", signed_in("cai"), ("AAAA", "BBBB"), NOON, NOON + LEASE)
    with alerted.work(write=False) as work:
        assert told(work, "cai") == ["alert3", "alert2", "alert1"]
        assert told(work, "cai", QueueOrder.NEWEST) == ["alert1", "alert2", "alert3"]
        assert told(work, "cai", QueueOrder.BEGUN) == ["alert1", "alert3", "alert2"]
        assert told(work, "cai", QueueOrder.CANDIDATES, 2) == ["alert3", "alert1"]
        assert told(work, "dee") == ["alert3", "alert2"]
        assert told(work, "ada") == []  # her own searches, which this policy keeps from her
        first = work.alerts.waiting_for("cai", NOON, RULES, QueueOrder.BEGUN, 1)
        assert first == [QueueEntry("alert1", NOON, 2, True)]
        for order in QueueOrder:
            entries = work.alerts.waiting_for("cai", NOON, RULES, order, 10)
            assert list(entries) == sorted(entries, key=order.key)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(REVIEWERS), st.sampled_from(STEPS), st.sampled_from((0, 1, 20))),
        max_size=30,
    )
)
def test_the_database_finds_what_the_rule_says(steps: list[tuple[int, str, str, int]]) -> None:
    with TemporaryDirectory() as folder:
        world, now = alerted_world(Path(folder)), NOON
        with world.work() as work:
            work.alerts.add(VAULT, alert("alert0"))
            for number, reviewer, step, minutes in steps:
                now += timedelta(minutes=minutes)
                take(work, f"alert{number}", reviewer, step, now)
        with world.work(write=False) as work:
            rules = queue_rules(work, now)
            lines = [line for line in work.alerts.lines() if line.closed_reason is None and line.concluded_at is None]
            found = [standing(work, line, now) for line in lines]
            quorate = set(work.alerts.quorate(now, rules))
            assert quorate == {one.line.alert_id for one in found if sum(f.finished for f in one.files) >= 2}
            for reviewer in ("ada", *REVIEWERS):
                wanted = {one.line.alert_id for one in found if one.waits_for(reviewer, now)} - quorate
                entries = work.alerts.waiting_for(reviewer, now, rules, QueueOrder.OLDEST, 10)
                assert {one.alert_id for one in entries} == wanted
                assert work.alerts.count_waiting(reviewer, now, rules) == len(wanted)
                begun = {one.line.alert_id for one in found if one.own(reviewer) is not None}
                assert {one.alert_id for one in entries if one.begun} == begun & wanted


def take(work: SqlUnitOfWork, alert_id: str, reviewer: str, step: str, now: datetime) -> None:
    """One step, where the reviewer may take it: all that can be done to an alert, in any order that is allowed."""
    line = work.alerts.line(alert_id)
    assert line is not None
    found = standing(work, line, now)
    own = found.own(reviewer)
    if not found.waits_for(reviewer, now):
        return
    if step == "claim":
        work.alerts.claim(alert_id, signed_in(reviewer), line.candidate_ids, now, now + LEASE)
    elif own is None or own.claimed_until is None or own.claimed_until <= now:
        return
    elif step == "release":
        work.alerts.release(alert_id, reviewer)
    elif step in ("same", "different") and own.disclosed_at is None:
        for candidate in line.candidate_ids:
            made = judgement(reviewer, Verdict(step), candidate, alert_id)
            work.alerts.add_judgement(made)
    elif step == "disclose" and any(one.reviewer == reviewer for one in work.alerts.judgements(alert_id)):
        work.alerts.mark(alert_id, reviewer, "disclosed", now)
    elif step == "correct" and own.disclosed_at is not None:
        made = Correction(line.candidate_ids[0], Verdict.UNDECIDED, "seen")
        work.alerts.add_correction(alert_id, reviewer, made, now, b"")
    elif step == "finish" and own.disclosed_at is not None:
        work.alerts.mark(alert_id, reviewer, "finished", now)
    elif step == "recuse" and own.disclosed_at is None:
        work.alerts.mark(alert_id, reviewer, "recused", now)


@both_engines
def test_closings_are_counted_by_time_and_reason(alerted: World) -> None:
    with alerted.work() as work:
        work.alerts.add(VAULT, alert("alert2"))
        work.alerts.close("list1", "list suspended: a complaint", NOON)
    with alerted.work(write=False) as work:
        assert told(work, "cai") == []
        assert work.alerts.closings(NOON - LEASE) == [(NOON, "list suspended: a complaint", 2)]
        assert work.alerts.closings(NOON) == []


@pytest.mark.sqlite_only  # whose rows hold their photographs; PostgreSQL keeps these apart
@pytest.mark.parametrize("order", QueueOrder)
def test_a_look_at_the_queue_never_reads_through_photographs(alerted: World, order: QueueOrder) -> None:
    asked: list[str] = []
    with alerted.store() as store:
        sqlalchemy_event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        with store.unit_of_work(write=False) as work:
            work.alerts.open_policies()
            work.alerts.count_waiting("cai", NOON, RULES)
            work.alerts.waiting_for("cai", NOON, RULES, order, 10)
            work.alerts.quorate(NOON, RULES)
            work.alerts.closings(NOON)
            work.alerts.waiting("list1")
    asked = [statement for statement in asked if "FROM alerts" in statement]
    assert len(asked) == 6
    for statement in asked:
        plan = str(alerted.raw(f"EXPLAIN QUERY PLAN {statement}".replace("?", "''")))
        assert "alerts USING COVERING INDEX alerts_" in plan, plan


@both_engines
def test_a_lapsed_claim_ends_a_part_only_after_the_scores_were_shown(alerted: World) -> None:
    later = NOON + 2 * LEASE
    with alerted.work() as work:
        for reviewer in ("cai", "dee"):
            begun = NOON if reviewer == "cai" else NOON + LEASE
            assert work.alerts.claim("alert1", signed_in(reviewer), ("AAAA", "BBBB"), begun, begun + LEASE)
            for candidate in ("AAAA", "BBBB"):
                work.alerts.add_judgement(judgement(reviewer, Verdict.SAME, candidate))
        assert work.alerts.quorate(later, RULES) == []
        assert work.alerts.count_waiting("eli", later, RULES) == 1
        for reviewer in ("cai", "dee"):
            work.alerts.mark("alert1", reviewer, "disclosed", NOON)
        assert work.alerts.quorate(later, RULES) == ["alert1"]
        assert work.alerts.count_waiting("eli", later, RULES) == 0
        assert work.alerts.quorate(later - LEASE, RULES) == []
