"""Alerts: sealed at rest, claimed by one reviewer at a time, judged blind, and never a lead by one person alone."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from matcher.domain.case import Correction, Verdict
from matcher.domain.people import Seat
from matcher.domain.records import AlertLine, Progress
from matcher.errors import BadInput, IntegrityError, Refused
from matcher.store.alerts import SqlAlerts
from matcher.store.judgements import Lead
from matcher.store.unit_of_work import SqlUnitOfWork, open_store
from tests.databases import RAW_REFUSED, address_of, both_engines
from tests.store.world import (
    NOON,
    OTHER,
    POLICY,
    SAME,
    SEAT,
    UNSURE,
    VAULT,
    World,
    alert,
    judgement,
    signed_in,
)

pytestmark = both_engines

LEASE = timedelta(minutes=15)
ORDER = ("BBBB", "AAAA")
LINE = AlertLine("alert1", "list1", POLICY.digest(), "ada", NOON, ("AAAA", "BBBB"), None, None, None, None)


def claim(work: SqlUnitOfWork, name: str, minutes: float = 0) -> bool:
    now = NOON + timedelta(minutes=minutes)
    return work.alerts.claim("alert1", signed_in(name), ORDER, now, now + LEASE)


def judge(work: SqlUnitOfWork, name: str, *verdicts: Verdict) -> None:
    """A claim, judgements of the first candidate and a release."""
    assert claim(work, name)
    for verdict in verdicts:
        work.alerts.add_judgement(judgement(name, verdict))
    work.alerts.release("alert1", name)


def withdraw(work: SqlUnitOfWork, name: str, verdict: Verdict) -> None:
    work.alerts.mark("alert1", name, "disclosed", NOON)
    work.alerts.add_correction("alert1", name, Correction("AAAA", verdict, "looked again"), NOON, b"signature")


# --- what is stored ---------------------------------------------------------------------------------------------------


def test_an_alert_comes_back_as_it_was_added(alerted: World) -> None:
    with alerted.work(write=False) as work:
        found = work.alerts.get(VAULT, "alert1")
        assert found is not None
        assert {name: getattr(found, name) for name in alert().__slots__} == {
            name: getattr(alert(), name) for name in alert().__slots__
        }
        assert work.alerts.get(VAULT, "alert2") is None


def test_lines_are_oldest_first_and_need_no_key(alerted: World) -> None:
    with alerted.work() as work:
        for number, minutes in ((3, -5), (2, 5)):
            moved = replace(alert(f"alert{number}"), submitted_at=NOON + timedelta(minutes=minutes))
            work.alerts.add(VAULT, moved)
    with alerted.work(write=False) as work:
        assert [line.alert_id for line in work.alerts.lines()] == ["alert3", "alert1", "alert2"]
        assert work.alerts.lines()[1] == work.alerts.line("alert1") == LINE
        assert work.alerts.line("alert9") is None


def test_what_is_sealed_is_nowhere_in_the_files(alerted: World) -> None:
    with alerted.store() as store, store.unit_of_work(write=False) as work:
        work.alerts.lines()
        stored = alerted.files()  # with the write-ahead log still there
    assert b"seen at the station" in stored  # the search looks at the right bytes
    for planted in (b"Planted Name", b"subject-of", b"30.0", b"40.125"):
        assert planted not in stored


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE alerts SET probe = (SELECT probe FROM alerts WHERE alert_id = 'alert2') WHERE alert_id = 'alert1'",
        "UPDATE alerts SET place = probe WHERE alert_id = 'alert1'",
        "UPDATE alerts SET probe = zeroblob(99) WHERE alert_id = 'alert1'",
        "UPDATE candidates SET subject = (SELECT subject FROM candidates WHERE candidate_id = 'BBBB' LIMIT 1)",
        "UPDATE candidates SET subject = (SELECT o.subject FROM candidates AS o WHERE o.alert_id = 'alert2' "
        "AND o.rank = candidates.rank) WHERE alert_id = 'alert1'",
    ],
)
def test_sealed_values_cannot_be_exchanged(alerted: World, swap: str) -> None:
    with alerted.work() as work:
        work.alerts.add(VAULT, alert("alert2"))
    with pytest.raises(RAW_REFUSED, match=r"stays|only ever added"):
        alerted.raw(swap)
    alerted.altered(swap)
    with alerted.work(write=False) as work, pytest.raises(IntegrityError):
        work.alerts.get(VAULT, "alert1")


def test_a_candidate_below_the_threshold_is_refused(serving: World) -> None:
    low = replace(alert().candidates[0], score=alert().threshold - 1)
    with serving.work() as work, pytest.raises(Refused, match="threshold"):
        work.alerts.add(VAULT, replace(alert(), candidates=(low,)))


def test_an_alert_needs_the_certificate_it_was_searched_with(serving: World) -> None:
    with serving.work() as work, pytest.raises(Refused, match="a list is searched that serves"):
        work.alerts.add(VAULT, replace(alert(), certificate_digest="0" * 64))


def test_searches_of_a_case_are_counted_per_list(serving: World) -> None:
    with serving.work() as work:
        assert work.alerts.searches_of_case("list1", "case/7") == 0
        assert [work.alerts.count_search("list1", "case/7") for _ in range(3)] == [1, 2, 3]
        assert work.alerts.count_search("list1", "case/8") == 1
    with serving.work(write=False) as work:
        assert work.alerts.searches_of_case("list1", "case/7") == 3
        assert work.alerts.searches_of_case("list2", "case/7") == 0


def test_closing_takes_only_what_is_open(alerted: World) -> None:
    with alerted.work() as work:
        for number in (2, 3):
            work.alerts.add(VAULT, alert(f"alert{number}"))
        work.alerts.mark_concluded("alert2", NOON, rejected=False)
        work.alerts.mark_concluded("alert2", NOON + LEASE, rejected=False)
    with alerted.work() as work:
        assert work.alerts.close("list1", "list suspended: a complaint", NOON) == 2
        assert work.alerts.close("list1", "list retired", NOON) == 0
        assert work.alerts.close("list2", "list retired", NOON) == 0
    with alerted.work(write=False) as work:
        ends = {line.alert_id: (line.closed_reason, line.concluded_at) for line in work.alerts.lines()}
    reason = "list suspended: a complaint"
    assert ends == {"alert1": (reason, None), "alert2": (None, NOON), "alert3": (reason, None)}


# --- claims -----------------------------------------------------------------------------------------------------------


def test_one_reviewer_at_a_time(alerted: World) -> None:
    with alerted.work() as work:
        assert claim(work, "cai")
        assert not claim(work, "dee", minutes=14.99)
        assert claim(work, "cai", minutes=10)  # renewed: now until 25
        assert not claim(work, "dee", minutes=24.99)
        assert claim(work, "dee", minutes=25)
        assert not claim(work, "cai", minutes=26)


@pytest.mark.parametrize("step", ["released", "finished", "recused"])
def test_who_is_done_holds_nothing(alerted: World, step: str) -> None:
    with alerted.work() as work:
        assert claim(work, "cai")
        if step == "released":
            work.alerts.release("alert1", "cai")
        else:
            work.alerts.mark("alert1", "cai", step, NOON)
        assert claim(work, "dee", minutes=1)


def test_a_renewed_claim_keeps_its_order_and_notes_the_seat(alerted: World) -> None:
    moved = Seat("osuser", "/dev/pts/9")
    with alerted.work() as work:
        assert claim(work, "cai")
        assert work.alerts.claim("alert1", signed_in("cai", moved), ("AAAA", "BBBB"), NOON, NOON + LEASE)
        assert list(work.alerts.progress("alert1")) == [
            Progress("alert1", "cai", "osuser", "/dev/pts/9", ORDER, NOON + LEASE, None, None, None)
        ]


def test_an_alert_that_is_not_there_cannot_be_claimed(alerted: World) -> None:
    with alerted.work() as work, pytest.raises(BadInput, match="no such alert"):
        work.alerts.claim("alert9", signed_in("cai"), ORDER, NOON, NOON + LEASE)


def test_of_many_who_claim_at_once_exactly_one_wins(alerted: World) -> None:
    """Three reviewers on engines of their own, released together, ten times over."""
    wins: list[int] = []
    for _ in range(10):
        gate = threading.Barrier(3)
        won: list[str] = []

        def race(name: str, gate: threading.Barrier = gate, won: list[str] = won) -> None:
            store = open_store(alerted.home, SEAT, alerted.watch, address_of(alerted.home))
            gate.wait()
            with store.unit_of_work() as work:
                if claim(work, name):
                    won.append(name)
                work.commit()
            store.close()

        threads = [threading.Thread(target=race, args=(name,)) for name in ("cai", "dee", "eli")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wins.append(len(won))
        with alerted.work() as work:
            work.alerts.release("alert1", won[0])
    assert wins == [1] * 10


def test_progress_is_in_the_order_of_finishing_then_claiming(alerted: World) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee", "eli", "fay"):
            assert claim(work, name)
            work.alerts.release("alert1", name)
        work.alerts.mark("alert1", "eli", "finished", NOON + LEASE)
        work.alerts.mark("alert1", "dee", "finished", NOON)  # the clock ran backwards: the order is that of finishing
        work.alerts.mark("alert1", "eli", "finished", NOON + 2 * LEASE)
        found = work.alerts.progress("alert1")
    assert [step.reviewer for step in found] == ["eli", "dee", "cai", "fay"]
    assert found[0].finished_at == NOON + LEASE


def test_steps_need_a_claim(alerted: World) -> None:
    with alerted.work() as work, pytest.raises(Refused, match="open the alert first"):
        work.alerts.mark("alert1", "cai", "disclosed", NOON)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE progress SET disclosed_at = NULL",
        "UPDATE progress SET disclosed_at = '2031'",
        "UPDATE progress SET reviewer = 'eli'",
        "DELETE FROM progress",
        "REPLACE INTO progress SELECT alert_id, reviewer, 9, account, terminal, candidate_order, NULL, NULL, NULL, "
        "NULL, NULL FROM progress",
    ],
)
def test_raw_sql_cannot_undo_a_step(alerted: World, attack: str) -> None:
    with alerted.work() as work:
        judge(work, "cai", SAME)
        work.alerts.mark("alert1", "cai", "disclosed", NOON)
    with pytest.raises(RAW_REFUSED, match="stays taken"):
        alerted.raw(attack)


# --- judgements -------------------------------------------------------------------------------------------------------


def test_judgements_come_back_oldest_first(alerted: World) -> None:
    with alerted.work() as work:
        judge(work, "cai", UNSURE, SAME)
        judge(work, "dee", OTHER)
    with alerted.work(write=False) as work:
        said = [judgement("cai", UNSURE), judgement("cai", SAME), judgement("dee", OTHER)]
        assert list(work.alerts.judgements("alert1")) == said
        assert list(work.alerts.judgements("alert2")) == []


def test_no_judgement_after_the_score_was_shown(alerted: World) -> None:
    with alerted.work() as work:
        judge(work, "cai", OTHER)
        judge(work, "dee", OTHER)
        work.alerts.mark("alert1", "cai", "disclosed", NOON)
        with pytest.raises(Refused, match="only a correction is possible now"):
            work.alerts.add_judgement(judgement("cai", SAME))
        work.alerts.add_judgement(judgement("dee", SAME))  # the other one saw nothing yet
    with alerted.work(write=False) as work:
        assert [(one.reviewer, one.judgement.verdict) for one in work.alerts.judgements("alert1")] == [
            ("cai", OTHER),
            ("dee", OTHER),
            ("dee", SAME),
        ]


def test_no_judgement_without_a_claim_or_of_a_stranger(alerted: World) -> None:
    with alerted.work() as work:
        with pytest.raises(Refused, match="not there"):
            work.alerts.add_judgement(judgement("cai", SAME))
        claim(work, "cai")
        with pytest.raises(Refused, match="not there"):
            work.alerts.add_judgement(judgement("cai", SAME, candidate="CCCC"))


def test_corrections_only_between_disclosure_and_finish(alerted: World) -> None:
    correction = Correction("AAAA", UNSURE, "looked again")
    with alerted.work() as work:
        judge(work, "cai", SAME)
        with pytest.raises(Refused, match="after the score was shown"):
            work.alerts.add_correction("alert1", "cai", correction, NOON, b"signature")
        withdraw(work, "cai", UNSURE)
        work.alerts.mark("alert1", "cai", "finished", NOON)
        with pytest.raises(Refused, match="before finishing"):
            work.alerts.add_correction("alert1", "cai", correction, NOON, b"signature")
        (kept,) = work.alerts.corrections("alert1")
        assert (kept.reviewer, kept.correction, kept.signature) == ("cai", correction, b"signature")


@pytest.mark.parametrize("table", ["judgements", "corrections", "leads", "candidates"])
def test_raw_sql_cannot_change_what_was_said(alerted: World, table: str) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee", "eli"):
            judge(work, name, SAME)
        withdraw(work, "eli", UNSURE)
        work.alerts.add_lead("alert1", "AAAA", NOON)
    for attack in ("UPDATE {0} SET alert_id = 'x'", "DELETE FROM {0}", "REPLACE INTO {0} SELECT * FROM {0}"):
        with pytest.raises(RAW_REFUSED, match=f"^{table}:"):
            alerted.raw(attack.format(table))


# --- leads ------------------------------------------------------------------------------------------------------------


def test_two_people_make_a_lead(alerted: World) -> None:
    with alerted.work() as work:
        judge(work, "cai", SAME)
        judge(work, "dee", OTHER, SAME)
        work.alerts.add_lead("alert1", "AAAA", NOON)
        assert isinstance(work.alerts, SqlAlerts)
        assert list(work.alerts.leads()) == [Lead("alert1", "AAAA", NOON)]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"cai": [SAME]},
        {"cai": [SAME, SAME]},
        {"cai": [SAME], "dee": [OTHER]},
        {"cai": [SAME], "dee": [UNSURE]},
        {"cai": [SAME], "dee": [SAME, OTHER]},
        {"cai": [SAME], "dee": [SAME, UNSURE], "eli": [OTHER]},
    ],
)
def test_nothing_less_makes_one(alerted: World, said: dict[str, list[Verdict]]) -> None:
    with alerted.work() as work:
        for name, verdicts in said.items():
            judge(work, name, *verdicts)
        with pytest.raises(Refused, match="two different people"):
            work.alerts.add_lead("alert1", "AAAA", NOON)
    with pytest.raises(RAW_REFUSED, match="two different people"):
        alerted.raw("INSERT INTO leads VALUES ('alert1', 'AAAA', '2030')")


def test_who_withdrew_or_stepped_back_does_not_count(alerted: World) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee", "eli"):
            judge(work, name, SAME)
        withdraw(work, "dee", UNSURE)
        work.alerts.mark("alert1", "eli", "recused", NOON)
        with pytest.raises(Refused, match="two different people"):
            work.alerts.add_lead("alert1", "AAAA", NOON)


def test_same_of_different_candidates_does_not_add_up(alerted: World) -> None:
    with alerted.work() as work:
        judge(work, "cai", SAME)
        assert claim(work, "dee")
        work.alerts.add_judgement(judgement("dee", SAME, candidate="BBBB"))
        for candidate in ("AAAA", "BBBB"):
            with pytest.raises(Refused, match="two different people"):
                work.alerts.add_lead("alert1", candidate, NOON)


def test_an_alert_has_one_lead(alerted: World) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee"):
            judge(work, name, SAME)
            work.alerts.add_judgement(judgement(name, SAME, candidate="BBBB"))
        work.alerts.add_lead("alert1", "AAAA", NOON)
        with pytest.raises(Refused, match="there already"):
            work.alerts.add_lead("alert1", "BBBB", NOON)


def test_a_closed_alert_has_no_lead(alerted: World) -> None:
    with alerted.work() as work:
        for name in ("cai", "dee"):
            judge(work, name, SAME)
        work.alerts.close("list1", "list retired", NOON)
        with pytest.raises(Refused, match="closed"):
            work.alerts.add_lead("alert1", "AAAA", NOON)
