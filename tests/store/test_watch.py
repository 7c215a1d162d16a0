"""Searches and refutations in the database: numbered, counted by the database itself, and never taken back."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.case import Correction, Verdict
from matcher.domain.ids import utc_text
from matcher.domain.watch import Refutation, Search, Watched
from matcher.errors import Refused
from matcher.store.unit_of_work import SqlUnitOfWork
from tests.databases import RAW_REFUSED, both_engines
from tests.store.test_alerts import claim
from tests.store.world import (
    NOON,
    OTHER,
    REPORT,
    SAME,
    UNSURE,
    VAULT,
    World,
    activate,
    add_people,
    alert,
    certificate,
    empty_world,
    judgement,
    signed_in,
    watchlist,
)

pytestmark = both_engines

REFUTATION = Refutation(REPORT, 1, 2, 2, 0.001, 0.03, 0.17)
LOWER = "UPDATE watchlists SET suspended_by = NULL, suspended_at = NULL, suspension_reason = NULL"


def add(work: SqlUnitOfWork, number: int, case: str) -> int | None:
    made = replace(alert(f"alert{number}", ("AAAA",)), case=case)
    work.alerts.add(VAULT, made)
    return work.watch.add_search(REPORT, case, made.alert_id)


def reject(work: SqlUnitOfWork, number: int, *names: str) -> None:
    alert_id = f"alert{number}"
    for name in names:
        assert work.alerts.claim(alert_id, signed_in(name), ("AAAA",), NOON, NOON)
        work.alerts.add_judgement(judgement(name, OTHER, alert_id=alert_id))
    work.alerts.mark_concluded(alert_id, NOON, rejected=True)


def refute(work: SqlUnitOfWork) -> None:
    found = work.lists.by_id("list1")
    assert found is not None
    work.lists.save(found.refuted(REFUTATION, "cai", NOON))
    work.watch.refute(REFUTATION)


@pytest.fixture
def counted(serving: World) -> World:
    """Two cases, both rejected, and a third that waits."""
    with serving.work() as work:
        for number in (1, 2, 3):
            assert add(work, number, f"case/{number}") == number
        for number in (1, 2):
            reject(work, number, "cai", "dee")
    return serving


@pytest.fixture
def refuted(counted: World) -> World:
    with counted.work() as work:
        refute(work)
    return counted


def test_searches_come_back_in_order_and_count_each_case_once(serving: World) -> None:
    with serving.work() as work:
        assert [work.watch.add_search(REPORT, case, None) for case in ("a", "b", "a", "c", "a")] == [
            1,
            2,
            None,
            3,
            None,
        ]
        assert add(work, 1, "d") == 4
    with serving.work(write=False) as work:
        places = [Search("a", 1, None), Search("b", 2, None), Search("a", None, None), Search("c", 3, None)]
        assert work.watch.searches() == {REPORT: [*places, Search("a", None, None), Search("d", 4, "alert1")]}
        assert (work.watch.report_of("alert1"), work.watch.report_of("alert2")) == (REPORT, None)
        assert work.watch.watched(REPORT) == Watched(6, 0, 4, 0, 1, 0)
        assert work.watch.watched("0" * 64) == Watched(0, 0, 0, 0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from("abcde"), max_size=12))
def test_places_are_those_of_first_searches(cases: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = empty_world(Path(folder))
        with world.work() as work:
            add_people(work)
            activate(work)
            places = [work.watch.add_search(REPORT, case, None) for case in cases]
    assert [place for place in places if place is not None] == list(range(1, len(set(cases)) + 1))
    assert [place is not None for place in places] == [case not in cases[:at] for at, case in enumerate(cases)]


def test_false_alarms_are_counted_and_what_nobody_judged_is_told(counted: World) -> None:
    with counted.work() as work:
        assert work.watch.false_alarms(REPORT) == [1, 2]
        assert work.watch.watched(REPORT) == Watched(3, 2, 3, 2, 1, 0)
        work.alerts.close("list1", "list suspended: x", NOON)
        assert work.watch.watched(REPORT) == Watched(3, 2, 3, 2, 0, 1)


def test_a_refutation_comes_back_with_its_list(refuted: World) -> None:
    with refuted.work(write=False) as work:
        assert work.watch.refutation(REPORT) == REFUTATION
        assert work.watch.refutations() == [REFUTATION]
        found = work.lists.by_id("list1")
        assert found is not None
        assert found.refutation == REFUTATION
        assert found.suspension is not None
        assert found.suspension.reason == REFUTATION.reason


# --- rejected by two people -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [(), ("cai",)])
def test_nobody_rejects_an_alert_alone(serving: World, who: tuple[str, ...]) -> None:
    with serving.work() as work:
        add(work, 1, "a")
        with pytest.raises(Refused, match="two different people"):
            reject(work, 1, *who)


@pytest.mark.parametrize("second", [SAME, UNSURE])
def test_only_the_newest_judgements_reject(alerted: World, second: Verdict) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee"):
            assert claim(work, name)
            for candidate in ("AAAA", "BBBB"):
                work.alerts.add_judgement(judgement(name, OTHER, candidate))
            work.alerts.release("alert1", name)
        assert claim(work, "dee")
        work.alerts.add_judgement(judgement("dee", second, "BBBB"))
        with pytest.raises(Refused, match="two different people"):
            work.alerts.mark_concluded("alert1", NOON, rejected=True)
    with alerted.work() as work:
        work.alerts.add_judgement(judgement("dee", OTHER, "BBBB"))
        work.alerts.mark("alert1", "cai", "disclosed", NOON)
        work.alerts.add_correction("alert1", "cai", Correction("AAAA", SAME, "the score"), NOON, b"s")
        work.alerts.mark_concluded("alert1", NOON, rejected=True)  # a change towards same never counts
        line = work.alerts.line("alert1")
        assert line is not None
        assert line.rejected is True
        with pytest.raises(Refused):
            work.alerts.add_lead("alert1", "AAAA", NOON)


def test_who_stepped_back_rejects_nothing(serving: World) -> None:
    with serving.work() as work:
        add(work, 1, "a")
        assert work.alerts.claim("alert1", signed_in("cai"), ("AAAA",), NOON, NOON)
        work.alerts.add_judgement(judgement("cai", OTHER))
        work.alerts.mark("alert1", "cai", "recused", NOON)
        with pytest.raises(Refused, match="two different people"):
            reject(work, 1, "dee")


# --- what raw SQL cannot do -------------------------------------------------------------------------------------------

COUNTED = [
    "INSERT INTO searches SELECT report_digest, 5, 'x', 4, NULL FROM searches LIMIT 1",  # a gap
    "INSERT INTO searches SELECT report_digest, 4, 'case/1', 4, NULL FROM searches LIMIT 1",  # a case twice
    "INSERT INTO searches SELECT report_digest, 4, 'x', NULL, NULL FROM searches LIMIT 1",  # a case that does not count
    "INSERT INTO searches SELECT report_digest, 4, 'x', 9, NULL FROM searches LIMIT 1",  # a place with a gap
    "INSERT INTO searches SELECT report_digest, 4, 'x', 4, 'alert1' FROM searches LIMIT 1",  # another search's alert
    "INSERT INTO searches VALUES ('another', 1, 'case/1', 1, 'alert1')",  # another report's
    "DELETE FROM searches",
    "UPDATE searches SET place = NULL",
    "UPDATE searches SET alert_id = NULL",
    "INSERT OR REPLACE INTO searches SELECT report_digest, 1, 'x', 1, NULL FROM searches LIMIT 1",
    "UPDATE alerts SET rejected = 0 WHERE alert_id = 'alert1'",
    "UPDATE alerts SET rejected = 1, concluded_at = 'x' WHERE alert_id = 'alert3'",
    "UPDATE alerts SET concluded_at = 'x' WHERE alert_id = 'alert3'",
    "INSERT INTO refutations SELECT report_digest, 1, 2, 2, '0', '0', '0' FROM searches LIMIT 1",  # not stopped
]


@pytest.mark.parametrize("attack", COUNTED)
def test_raw_sql_changes_no_count(counted: World, attack: str) -> None:
    with pytest.raises(RAW_REFUSED):
        counted.raw(attack)


@pytest.mark.parametrize("numbers", [(1, 2, 1), (2, 4, 2), (1, 2, 3)])
def test_a_refutation_has_the_counts_of_the_tables(counted: World, numbers: tuple[int, int, int]) -> None:
    look, n, k = numbers
    with counted.work() as work:
        found = work.lists.by_id("list1")
        assert found is not None
        work.lists.save(found.refuted(REFUTATION, "cai", NOON))
        with pytest.raises(Refused):
            work.watch.refute(replace(REFUTATION, look=look, n=n, k=k))


@pytest.mark.parametrize(
    "attack",
    [
        LOWER,
        "DELETE FROM refutations",
        "UPDATE refutations SET k = 1",
        "INSERT OR REPLACE INTO refutations SELECT report_digest, 1, 2, 2, '0', '0', '0' FROM searches LIMIT 1",
    ],
)
def test_raw_sql_brings_no_refuted_list_back(refuted: World, attack: str) -> None:
    with pytest.raises(RAW_REFUSED):
        refuted.raw(attack)


def test_a_refuted_report_is_not_signed_again(refuted: World) -> None:
    later = certificate(lambda terms: replace(terms, lease_until=utc_text(NOON)))
    with refuted.work(write=False) as work:
        found = work.lists.by_id("list1")
    assert found is not None
    with refuted.work() as work, pytest.raises(Refused, match="not signed again"):
        work.lists.save(replace(found, certificate=later))
    with refuted.work() as work, pytest.raises(Refused, match=r"stays stopped|signs again"):
        work.lists.save(replace(found, suspension=None, refutation=None))
    with refuted.work() as work:
        work.lists.save(replace(watchlist(), latest=found.latest))  # nothing serves: nothing to stop
