"""Watching after activation: rejections in service suspend a list, and nothing but another report brings it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.sequential import look
from matcher.domain.case import Verdict
from matcher.domain.policy import Certification, Policy, parse_policy
from matcher.domain.watch import Refutation, Watched
from matcher.domain.watchlist import ListState, Watchlist
from matcher.errors import IntegrityError, NotSearchable, Refused
from matcher.services.activate import activate, prepare, prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.collections import find_list, suspend_list
from matcher.services.list_lines import list_facts, list_line
from matcher.services.list_office import Office
from matcher.services.watch import first_exceeded, record
from tests.services.test_audit import edit
from tests.services.world import World, judgement, vectors

REJECT, LEAD, UNSURE = Verdict.DIFFERENT, Verdict.SAME, Verdict.UNDECIDED
LIMITS = Certification(alpha=0.05, delta=0.05)
REASON = "reviewers rejected every candidate in 2 of the first 2 cases searched"


def found(world: World) -> Watchlist:
    with world.place.work(write=False) as work:
        return find_list(work, "missing")


def watched(world: World) -> Watched:
    with world.place.work(write=False) as work:
        made = record(work, find_list(work, "missing"))
    assert made is not None
    return made.watched


def hit(world: World, number: int, verdict: Verdict | None, case: str | None = None) -> str:
    """A search that finds somebody, under a case of its own, and what reviewers conclude."""
    world.clock.now += timedelta(seconds=1)  # queues are in the order of submission
    world.submit(world.templates[number], case=case or f"hit/{number}")
    return world.conclude(verdict) if verdict is not None else ""


def misses(world: World, count: int) -> None:
    """Searches without a candidate, each under a case of its own."""
    for number, probe in enumerate(vectors(count, seed=77)):
        assert world.submit(probe, case=f"nobody/{number}")[0].alerts == 0


def checked(world: World) -> None:
    verify(world.place, lambda *_: None)


@pytest.fixture
def refuted(active: World) -> World:
    """Two cases, both rejected: 2 of 2 is more than 5 % whatever chance does (P <= 0.25 %, 3.04 % may be spent)."""
    assert hit(active, 0, REJECT) == ""
    checked(active)
    assert REASON in hit(active, 1, REJECT)
    return active


# --- it happens, and it does not --------------------------------------------------------------------------------------


def test_rejections_suspend_the_list_with_the_reason_everywhere(refuted: World) -> None:
    assert found(refuted).state(refuted.clock()) is ListState.SUSPENDED
    with pytest.raises(NotSearchable, match=f"{REASON}.*at most 5 % were certified.*matcher calibrate"):
        refuted.submit(refuted.templates[2])
    (line,) = Office(refuted.sessions["ana"]).lists()
    assert line.stopped.startswith(f"by the count of rejections: {REASON}")
    assert "2 cases: 2 estimated false alarms, 0 waiting" in line.watched
    assert "matcher calibrate" in line.next_step
    facts, sentence = list_facts(refuted.place, "missing")
    assert REASON in str(facts["suspended_because"])
    assert "refuted in service" in str(sentence)
    assert refuted.desk("cleo").closings()[0].startswith(f"0 closed as inconclusive: list suspended: {REASON}")
    assert found(refuted).refutation == Refutation(
        found(refuted).latest_report or "", 1, 2, 2, 0.05, 0.03039635509, look(2, 2, 0.05).lower
    )


def test_the_log_has_every_number_and_the_actor_whose_judgement_completed_the_count(refuted: World) -> None:
    with refuted.place.work(write=False) as work:
        entry = list(work.log.entries())[-1]
    assert (entry.action, entry.actor) == ("list.refuted", "ben")
    for part in ('"look":1', '"n":2', '"k":2', '"alpha":"0.05"', '"spent":"0.03039635509"', '"lower":"0.17', '"list":'):
        assert part in entry.details
    checked(refuted)


def test_what_reviewers_confirm_or_leave_open_suspends_nothing(active: World) -> None:
    for number, verdict in enumerate((LEAD, LEAD, REJECT, LEAD)):
        assert hit(active, number, verdict) == ""
    active.submit(active.templates[5], case="open")
    for who in ("ana", "ben", "cleo"):
        (one,) = active.desk(who).finish(active.judge(who, UNSURE))
    assert (one.outcome.value, one.stopped) == ("inconclusive", "")
    assert watched(active) == Watched(5, 1, 5, 1, 0, 0)
    assert found(active).state(active.clock()) is ListState.ACTIVE
    checked(active)


def test_one_rejection_among_searches_without_a_candidate_is_within_what_was_certified(active: World) -> None:
    misses(active, 15)
    assert hit(active, 0, REJECT) == ""
    assert watched(active) == Watched(16, 1, 16, 1, 0, 0)
    facts, sentence = list_facts(active.place, "missing")
    assert facts["watched"]["last_look"]["n"] == 16  # type: ignore[index]
    assert facts["watched"]["next_look_at"] == 32  # type: ignore[index]
    assert "look 4: 1 of 16" in str(sentence)
    checked(active)


def test_alerts_that_nobody_judges_count_against_nobody_and_are_shown(active: World) -> None:
    for number in range(4):
        hit(active, number, None)
    assert watched(active) == Watched(4, 0, 4, 0, 4, 0)
    assert "0 estimated false alarms, 4 waiting" in str(list_facts(active.place, "missing")[1])
    suspend_list(active.sessions["ana"], "missing", "wrong pictures")
    assert watched(active) == Watched(4, 0, 4, 0, 0, 4)


def test_a_look_is_taken_again_when_its_alerts_are_concluded_later(active: World) -> None:
    hit(active, 0, None)
    hit(active, 1, None)
    misses(active, 1)
    assert active.conclude(REJECT) == ""
    assert REASON in active.conclude(REJECT)  # look 1, at the first two of now three cases


def test_the_third_look_needs_four_of_eight(active: World) -> None:
    for number in range(8):
        hit(active, number, None)
    for verdict in (LEAD, LEAD, LEAD, LEAD, REJECT, REJECT, REJECT):
        assert active.conclude(verdict) == ""  # P(3 or more of 8 at 5 %) = 0.58 %, and look 3 may spend 0.34 %
    assert "4 of the first 8" in active.conclude(REJECT)


def test_a_search_that_makes_a_look_exceed_is_refused_with_the_reason_and_its_alert_closed(active: World) -> None:
    for number in range(3):
        hit(active, number, LEAD)
    for number in range(3, 7):
        assert hit(active, number, REJECT) == ""  # 4 of 7: no look is due, and look 2 saw one of them
    with pytest.raises(NotSearchable, match=r"suspended with this search: .* 4 of the first 8 cases"):
        hit(active, 7, None)
    assert found(active).state(active.clock()) is ListState.SUSPENDED
    assert active.desk("cleo").closings()[0].startswith("1 closed as inconclusive: list suspended: reviewers")
    assert watched(active) == Watched(8, 4, 8, 4, 0, 1)
    checked(active)


# --- what counts ------------------------------------------------------------------------------------------------------


def test_a_case_counts_once_with_its_first_search(active: World) -> None:
    for number in range(6):
        assert hit(active, number, REJECT, case="one case") == ""
    assert watched(active) == Watched(6, 6, 1, 1, 0, 0)
    assert "all 6 searches: 6 rejected" in str(list_facts(active.place, "missing")[1])
    assert found(active).state(active.clock()) is ListState.ACTIVE
    checked(active)


def test_a_lead_beside_a_rejected_candidate_is_no_false_alarm(active: World) -> None:
    likeness = np.tril(active.templates @ active.templates.T, -1)
    one, other = np.unravel_index(likeness.argmax(), likeness.shape)
    active.submit(active.templates[one] + active.templates[other], case="two")
    for who in ("ana", "ben"):
        desk = active.desk(who)
        alert_id = desk.queue().entries[0].alert_id
        names = sorted(one.candidate_id for one in desk.claim(alert_id).candidates)
        assert len(names) == 2
        for name, verdict in zip(names, (LEAD, REJECT), strict=True):
            desk.judge(alert_id, judgement(name, verdict))
        desk.disclose(alert_id)
        desk.finish(alert_id)
    assert watched(active) == Watched(1, 0, 1, 0, 0, 0)


def test_renewing_and_raising_clear_nothing(world: World) -> None:
    world.create(expires=date(2028, 1, 1))
    world.load()
    world.cohort()
    world.calibrate()
    world.activate()
    hit(world, 0, REJECT)
    vera = world.sessions["vera"]
    for threshold in (None, 990_000):
        world.clock.now += timedelta(hours=20)
        prepared = prepare_renewal(vera, "missing", threshold)
        renew(vera, prepared, prepared.number, prepared.missed_group)
    assert watched(world).false_alarms == 1
    assert REASON in hit(world, 1, REJECT)
    checked(world)


def test_another_report_starts_another_count(active: World) -> None:
    hit(active, 0, REJECT)
    active.calibrate(parse_policy('[certification]\nalpha = 0.04\n[review]\nsame_account = "mark"\n'))
    active.activate()
    assert watched(active) == Watched(0, 0, 0, 0, 0, 0)
    assert hit(active, 1, REJECT) == ""
    assert found(active).state(active.clock()) is ListState.ACTIVE
    checked(active)


def test_what_waited_under_an_earlier_report_refutes_that_one_and_stops_nothing(active: World) -> None:
    hit(active, 0, None)
    hit(active, 1, None)
    first = found(active).latest_report
    active.calibrate(parse_policy('[certification]\nalpha = 0.04\n[review]\nsame_account = "mark"\n'))
    active.activate()
    assert [active.conclude(REJECT) for _ in range(2)] == ["", ""]
    assert found(active).state(active.clock()) is ListState.ACTIVE
    with active.place.work(write=False) as work:
        assert [one.report for one in work.watch.refutations()] == [first]
    checked(active)
    active.calibrate()  # the same report as at first
    with pytest.raises(Refused, match="refuted in service"):
        active.activate()


def test_a_lapsed_list_is_watched_to_the_end(active: World) -> None:
    hit(active, 0, None)
    hit(active, 1, None)
    active.clock.now += timedelta(hours=25)
    assert found(active).state(active.clock()) is ListState.LAPSED
    active.conclude(REJECT)
    assert REASON in active.conclude(REJECT)
    assert found(active).state(active.clock()) is ListState.SUSPENDED
    checked(active)


def test_the_last_reviewer_who_vanishes_completes_the_count_too(active: World) -> None:
    hit(active, 0, REJECT)
    hit(active, 1, None)
    active.desk("ana").finish(active.judge("ana", REJECT))
    active.judge("ben", REJECT)
    active.clock.now += timedelta(minutes=16)
    assert active.desk("cleo").queue().entries == ()
    assert found(active).state(active.clock()) is ListState.SUSPENDED
    assert active.log_actions()[-1] == "list.refuted"


# --- no way back but another report -----------------------------------------------------------------------------------


def test_a_refuted_report_is_neither_renewed_nor_raised_nor_activated_again(refuted: World) -> None:
    vera = refuted.sessions["vera"]
    tries: tuple[Callable[[], object], ...] = (
        lambda: prepare_renewal(vera, "missing"),
        lambda: prepare_renewal(vera, "missing", 999_000),
    )
    for attempt in tries:
        with pytest.raises(NotSearchable, match="matcher calibrate"):
            attempt()
    with pytest.raises(Refused, match="refuted in service"):
        prepare(vera, "missing")
    refuted.calibrate()  # identical inputs are the same report
    with pytest.raises(Refused, match="no new evidence"):
        prepare(vera, "missing")
    refuted.calibrate(
        parse_policy("[certification]\nalpha = 0.05\n[lease]\nhours = 23\n")
    )  # the same people, another digest
    with pytest.raises(Refused, match="no new evidence"):
        prepare(vera, "missing")
    assert found(refuted).state(refuted.clock()) is ListState.SUSPENDED
    checked(refuted)


def test_what_was_prepared_before_the_refutation_is_not_signed_after_it(active: World) -> None:
    vera = active.sessions["vera"]
    again, renewal = prepare(vera, "missing"), prepare_renewal(vera, "missing")
    hit(active, 0, REJECT)
    hit(active, 1, REJECT)
    for run, prepared in ((activate, again), (renew, renewal)):
        with pytest.raises(Refused):
            run(vera, prepared, prepared.number, prepared.missed_group)
    assert found(active).state(active.clock()) is ListState.SUSPENDED


def test_another_calibration_and_an_approver_start_it_again(refuted: World) -> None:
    refuted.calibrate(threshold=990_000)
    assert "matcher watchlist activate" in found(refuted).next_step(refuted.clock())
    refuted.activate()
    assert found(refuted).state(refuted.clock()) is ListState.ACTIVE
    assert found(refuted).refutation is None
    assert hit(refuted, 3, LEAD) == ""
    checked(refuted)


def test_the_stop_button_does_not_hide_a_refutation(refuted: World) -> None:
    suspend_list(refuted.sessions["ana"], "missing", "a pretext")
    stop = found(refuted).suspension
    assert stop is not None
    assert REASON in stop.reason
    checked(refuted)


# --- the audit --------------------------------------------------------------------------------------------------------

LOWERED = "UPDATE watchlists SET suspended_by = NULL, suspended_at = NULL, suspension_reason = NULL"
EDITS = {
    "the suspension lifted": (LOWERED, "suspension of list"),
    "the refutation gone": ("DELETE FROM refutations", "refutation"),
    "another bound": ("UPDATE refutations SET lower = '0.06'", "refutation"),
    "another reason": ("UPDATE watchlists SET suspension_reason = 'a holiday'", "suspension of list"),
    "a rejection turned": ("UPDATE alerts SET rejected = 0", "result of alert"),
    "a search gone": ("DELETE FROM searches WHERE number = 2", "searches"),
    "a search of another case": ("UPDATE searches SET case_reference = 'x' WHERE number = 2", "searches"),
    "a search that counts no more": ("UPDATE searches SET place = NULL WHERE number = 2", "searches"),
    "an alert of another search": ("UPDATE searches SET alert_id = NULL WHERE number = 2", "searches"),
}


@pytest.mark.parametrize("what", EDITS)
def test_every_edit_of_the_watch_is_found(refuted: World, what: str) -> None:
    statement, told = EDITS[what]
    refuted.store.close()
    edit(refuted.folder / "home", statement)
    with pytest.raises(IntegrityError, match=told):
        checked(refuted)


def test_a_refutation_that_is_neither_in_the_tables_nor_in_the_log_is_missed(
    active: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody would do who holds the machine and writes the log anew from before the suspension."""
    monkeypatch.setattr("matcher.services.conclusion.take_looks", lambda *_: "")
    hit(active, 0, REJECT)
    hit(active, 1, REJECT)
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match="should have been refuted and was not: reviewers rejected"):
        checked(active)


@pytest.mark.parametrize("field", ["look", "alpha", "spent", "lower"])
def test_a_refutation_with_invented_numbers_is_found(
    active: World, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and log agree, but the numbers do not follow from the searches."""
    invented: dict[str, Any] = {"look": 2, "alpha": 0.01, "spent": 0.2, "lower": 0.2}

    def other(*given: object) -> Refutation | None:
        made = first_exceeded(*given)  # type: ignore[arg-type]
        return None if made is None else replace(made, **{field: invented[field]})

    monkeypatch.setattr("matcher.services.watch.first_exceeded", other)
    hit(active, 0, REJECT)
    hit(active, 1, REJECT)
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match="does not follow"):
        checked(active)


# --- looks ------------------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 300)), st.integers(0, 300), st.integers(0, 300))
def test_looks_only_ever_turn_one_way(places: set[int], cases: int, more: int) -> None:
    """Later conclusions and later searches can add a refutation and never take one back."""
    some = sorted(place for place in places if place <= cases)
    fewer = some[: len(some) // 2]
    if first_exceeded("r", fewer, cases, LIMITS) is not None:
        assert first_exceeded("r", some, cases, LIMITS) is not None
        assert first_exceeded("r", fewer, cases + more, LIMITS) is not None


@given(st.integers(0, 64), st.integers(2, 64))
def test_the_first_exceeded_look_is_what_looking_by_hand_finds(k: int, cases: int) -> None:
    places = list(range(1, min(k, cases) + 1))
    by_hand = [look(min(len(places), n), n, 0.05, 0.05) for n in (2, 4, 8, 16, 32, 64) if n <= cases and places]
    expected = next((one.number for one in by_hand if one.exceeded), None)
    made = first_exceeded("r", places, cases, LIMITS)
    assert (None if made is None else made.look) == expected


def test_a_list_that_was_never_activated_is_not_watched(world: World) -> None:
    world.create()
    assert list_facts(world.place, "missing")[0]["watched"] is None
    with world.place.work(write=False) as work:
        assert list_line(work, find_list(work, "missing"), world.clock()).watched == ""


def test_a_strict_list_is_held_to_its_own_alpha() -> None:
    strict = Policy().certification
    assert first_exceeded("r", [1], 2, strict) is not None  # P(1 or more of 2 at 0.1 %) = 0.2 %
    assert first_exceeded("r", [1], 2, LIMITS) is None
