"""Known-answer items: nobody can tell them from alerts, and nothing is concluded from them."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from matcher.domain.case import Correction, Outcome
from matcher.domain.cohort import CohortTerms
from matcher.domain.policy import parse_policy
from matcher.errors import Refused
from matcher.kernels import normalise
from matcher.services.collections import create_cohort, find_list, suspend_list
from matcher.services.list_lines import list_line
from matcher.services.load import load_cohort
from matcher.services.log_view import shown_details
from matcher.services.outcomes import outcomes
from matcher.services.sources import EmbeddingSource
from matcher.services.vigilance import statistics
from tests.databases import refused_by
from tests.services.pictured import OTHER, REVIEW, SAME, UNSURE, USES, Pictured, checked, log_of
from tests.services.world import MODEL, Clock, Row, judgement, vectors


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Pictured]:
    made = Pictured(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def practised(world: Pictured) -> Pictured:
    return world.practised()


def test_the_share_holds_and_never_runs_ahead(practised: Pictured) -> None:
    for number in range(20):
        practised.hit(number)
        practised.miss(number)
        practised.miss(number + 20)
        with practised.place.work(write=False) as work:
            report = work.lists.all()[0].latest_report or ""
            alerts, items = work.vigilance.counts(report)
        assert alerts == number + 1
        assert items <= alerts  # half and half: one owed for each
    assert items >= alerts - 1
    assert len({practised.answer(line.alert_id).mate is None for line in practised.items()}) == 2
    people = [practised.answer(line.alert_id).person for line in practised.items()]
    assert len(set(people)) == len(people)  # nobody is shown twice while others were not
    checked(practised)


@pytest.mark.parametrize(
    ("uses", "share"), [(("test",), 0.5), (USES, 0.0)], ids=["people who did not consent", "a policy without any"]
)
def test_none_are_made(world: Pictured, uses: tuple[str, ...], share: float) -> None:
    world.practised(uses, share)
    for number in range(6):
        world.hit(number)
        world.miss(number)
    assert world.items() == []
    (told,) = statistics(world.sessions["boss"]).without_items
    assert told[0] == "missing"
    assert ("did not consent" in told[1]) == (share > 0)


def test_none_are_made_or_shown_once_the_cohort_expired(world: Pictured) -> None:
    world.practised(expires=date(2026, 11, 23))
    (known,) = world.queue_items(1)
    world.clock.now += timedelta(hours=13)  # the day is over, the list's lease is not
    world.hit(5)
    world.miss(5)
    assert [line.alert_id for line in world.items()] == [known]
    assert known not in {entry.alert_id for entry in world.desk("ana").queue().entries}
    with pytest.raises(Refused, match="may not be shown"):
        world.desk("ana").claim(known)


@pytest.mark.parametrize(("pictures", "made"), [((2, 2), False), ((2, 3), True)])
def test_candidates_have_as_many_pictures_as_listed_people_or_none_is_made(
    world: Pictured, pictures: tuple[int, int], made: bool
) -> None:
    world.practised(pictures=pictures)
    for number in range(3):
        world.hit(number)
        world.miss(number)
    assert (len(world.items()) > 0) == made
    desk = world.desk("ana")
    counts = {len(one.references) for entry in desk.queue().entries for one in desk.claim(entry.alert_id).candidates}
    assert counts == {pictures[0]}
    assert (statistics(world.sessions["boss"]).without_items == ()) == made


def test_none_are_made_of_embeddings(world: Pictured) -> None:
    world.create()
    world.load()
    session = world.sessions["boss"]
    create_cohort(session, "staff", CohortTerms("volunteers", "consent", date(2027, 1, 31), uses=USES))
    base = vectors(200, seed=2)
    rows = [Row(f"C{i:04}", attributes=(("group", "a" if i % 2 else "b"),)) for i in range(200)]
    second = normalise(base + 0.05 * vectors(200, seed=3))
    source = EmbeddingSource([*rows, *rows], np.concatenate([base, second]), MODEL)
    load_cohort(session, "staff", source, False, lambda *_: None)
    world.calibrate(parse_policy(f"[certification]\nalpha = 0.05\n[review]\n{REVIEW.format(share=0.5)}"))
    world.activate()
    for number in range(4):
        world.hit(number)
        world.miss(number)
    assert world.items() == []


def test_mates_reach_the_threshold_and_others_are_in_no_doubt(practised: Pictured) -> None:
    found = practised.queue_items(8)
    with practised.place.work(write=False) as work:
        certificate = work.lists.all()[0].certificate
        records = [work.alerts.get(practised.sessions["boss"].vault, alert) for alert in found]
    assert certificate is not None
    for record in records:
        assert record is not None
        answer = practised.answer(record.alert_id)
        for one in record.candidates:
            is_mate = one.candidate_id == answer.mate
            assert is_mate == (one.subject_id == answer.person)
            assert one.score >= certificate.threshold if is_mate else one.score < 990_000
            assert len(answer.shown(one.candidate_id)) == 1
        assert [one.rank for one in record.candidates] == list(range(1, len(record.candidates) + 1))


# --- nobody can tell --------------------------------------------------------------------------------------------------


def shape(value: object) -> object:
    """A value without what differs between any two alerts: its types, its fields, and the lengths of its texts."""
    if is_dataclass(value):
        return type(value).__name__, {field.name: shape(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return type(value).__name__, [shape(one) for one in value]
    if isinstance(value, str | bytes):
        return type(value).__name__, len(value)
    return type(value).__name__


def test_everything_the_desk_gives_has_one_shape(practised: Pictured) -> None:
    (known,) = practised.queue_items(1)
    desk = practised.desk("ana")
    entries = {entry.alert_id: entry for entry in desk.queue().entries}
    real = next(alert for alert in entries if alert != known)
    assert len(entries) == 2
    assert shape(entries[known]) == shape(entries[real])
    blind = {alert: desk.claim(alert) for alert in (known, real)}
    assert shape(blind[known]) == shape(blind[real])
    assert blind[known].min_pixels == blind[real].min_pixels
    for alert in blind.values():
        candidate = alert.candidates[0].candidate_id
        assert candidate[4] == "-"
        assert candidate.replace("-", "").isalnum()
        desk.judge(alert.alert_id, judgement(candidate, OTHER))
    again = {alert: desk.claim(alert) for alert in (known, real)}
    assert shape(again[known]) == shape(again[real])
    for other in ("ben", "cleo"):
        assert practised.desk(other).queue().entries == ()  # both are held by ana
    for name in (known, real):
        desk.release(name)
    assert {entry.alert_id for entry in practised.desk("ben").queue().entries} == {known, real}


def test_the_steps_before_the_truth_are_logged_alike(practised: Pictured) -> None:
    (known,) = practised.queue_items(1)
    desk = practised.desk("ana")
    real = next(entry.alert_id for entry in desk.queue().entries if entry.alert_id != known)
    told = {}
    for alert in (known, real):
        before = len(log_of(practised))
        blind = desk.claim(alert)
        desk.judge(alert, judgement(blind.candidates[0].candidate_id, OTHER))
        desk.release(alert)
        told[alert] = [
            (one.action, shape(sorted(json.loads(one.details).items()))) for one in log_of(practised)[before:]
        ]
    assert told[known] == told[real]
    assert len(told[known]) == 3


def test_an_item_has_the_moment_of_a_search_that_found_nobody(practised: Pictured) -> None:
    practised.queue_items(3)
    for line in practised.items():
        (beside,) = [one for one in log_of(practised) if json.loads(one.details).get("known") == line.alert_id]
        assert json.loads(beside.details)["candidates"] == 0
        assert beside.time == line.submitted_at


def test_an_item_and_the_alert_beside_it_are_queued_at_one_moment(
    practised: Pictured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ticking(clock: Clock) -> datetime:
        clock.now += timedelta(milliseconds=7)
        return clock.now

    monkeypatch.setattr(Clock, "__call__", ticking)
    for number in range(12):
        practised.hit(number)
    told = [json.loads(one.details) for one in log_of(practised) if one.action == "list.searched"]
    both = [(one["alert"], one["known"]) for one in told if one.get("known") and one.get("alert")]
    assert both
    with practised.place.work(write=False) as work:
        for alert, known in both:
            ours, theirs = work.alerts.line(alert), work.alerts.line(known)
            assert ours is not None
            assert theirs is not None
            assert ours.submitted_at == theirs.submitted_at  # of two moments the earlier would be the item's


def test_where_every_search_finds_somebody_items_are_made_all_the_same(practised: Pictured) -> None:
    for number in range(12):
        practised.hit(number)
    assert 8 <= len(practised.items()) <= 11


def test_whoever_made_the_search_never_gets_the_item_even_where_they_may_review_their_own(world: Pictured) -> None:
    text = REVIEW.format(share=0.5) + "submitter_may_review = true\n"
    world.practised()
    world.calibrate(parse_policy(f"[certification]\nalpha = 0.05\n[review]\n{text}"))
    world.activate()
    world.submit(world.templates[1], who="ana", case="own")
    world.submit(-world.templates[1], who="ana", case="nobody")
    (known,) = [line.alert_id for line in world.items()]
    assert len(world.desk("ana").queue().entries) == 1
    assert known in {entry.alert_id for entry in world.desk("ben").queue().entries}


def test_every_number_of_waiting_alerts_is_that_of_the_queue(practised: Pictured) -> None:
    practised.queue_items(2)
    waiting = len(practised.desk("ana").queue().entries)
    with practised.place.work(write=False) as work:
        line = list_line(work, find_list(work, "missing"), practised.clock())
    assert line.waiting == waiting
    assert f" {waiting} waiting" in line.watched
    assert outcomes(practised.place, practised.sessions["ana"], "missing").waiting == waiting


def test_what_reviewers_are_shown_of_the_log_tells_nothing(practised: Pictured) -> None:
    (known,) = practised.queue_items(1)
    practised.say("ana", known, lambda _: UNSURE)
    for user in (None, practised.sessions["ben"].user, practised.sessions["vera"].user):
        shown = [(entry.action, shown_details(entry, user)) for entry in log_of(practised)]
        assert known not in json.dumps(shown)
        searched = {tuple(sorted(details)) for action, details in shown if action == "list.searched"}
        assert len(searched) == 1  # with an item, with an alert, with neither: the same keys
        assert all("mate" not in details for _, details in shown)
    for name in ("boss", "audrey"):
        told = [shown_details(entry, practised.sessions[name].user) for entry in log_of(practised)]
        assert known in json.dumps(told)


def test_a_stop_closes_items_with_the_alerts(practised: Pictured) -> None:
    practised.queue_items(1)
    assert suspend_list(practised.sessions["boss"], "missing", "wrong pictures") == 2
    assert practised.desk("ana").queue().entries == ()
    assert practised.desk("ana").closings() == ["2 closed as inconclusive: list suspended: wrong pictures"]
    checked(practised)


# --- nothing is concluded ---------------------------------------------------------------------------------------------


def test_the_truth_comes_after_the_judgement_and_nothing_else_does(practised: Pictured) -> None:
    (known,) = practised.queue_items(1)
    truths = practised.truths(known)
    before = outcomes(practised.place, practised.sessions["boss"], None).waiting
    for who in ("ana", "ben"):
        desk = practised.desk(who)
        for candidate in desk.claim(known).candidates:
            desk.judge(known, judgement(candidate.candidate_id, SAME))
        shown = desk.disclose(known)
        assert shown.case == "known-answer item"
        for one in shown.candidates:
            assert one.truth == ("the same person" if truths[one.candidate_id] is SAME else "another person")
        with pytest.raises(Refused, match="known-answer item"):
            desk.correct(known, Correction(shown.candidates[0].candidate_id, UNSURE, "I see"))
        for done in desk.finish(known):
            assert (done.outcome, done.label, done.stopped) == (Outcome.INCONCLUSIVE, None, "")
            assert "known-answer item" in done.waiting
    assert practised.desk("cleo").queue().entries != []
    assert known not in {entry.alert_id for entry in practised.desk("cleo").queue().entries}
    found = outcomes(practised.place, practised.sessions["boss"], None)
    assert (found.concluded, found.disputed, found.waiting) == ((), (), before - 1)
    with practised.place.work(write=False) as work:
        assert known not in {line.alert_id for line in work.alerts.lines()}
        report = work.lists.all()[0].latest_report or ""
        assert work.watch.false_alarms(report) == []
        assert work.watch.watched(report).rejected == 0
        assert sum(work.alerts.cases().values()) == work.watch.watched(report).searches
        assert work.alerts.leads() == []
    checked(practised)


def test_alerts_of_searches_go_on_as_ever(practised: Pictured) -> None:
    (known,) = practised.queue_items(1)
    real = next(entry.alert_id for entry in practised.desk("ana").queue().entries if entry.alert_id != known)
    for who in ("ana", "ben"):
        practised.say(who, real, lambda _: SAME)
    (done,) = outcomes(practised.place, practised.sessions["boss"], None).concluded
    assert done.outcome is Outcome.LEAD
    assert practised.items()[0].concluded_at is None
    checked(practised)


RAW = {
    "INSERT INTO leads SELECT alert_id, candidate_id, '2030' FROM candidates WHERE alert_id = '{known}'": "concluded",
    "UPDATE alerts SET concluded_at = '2030', rejected = 1 WHERE alert_id = '{known}'": "concluded",
    "INSERT INTO searches SELECT report_digest, 1000, 'x', NULL, alert_id FROM alerts WHERE alert_id = '{known}'": "no",
    "INSERT INTO known_items SELECT alert_id, 'r', x'00' FROM searches WHERE alert_id IS NOT NULL": "known-answer item",
    "UPDATE known_items SET answer = x'00'": "only ever added",
    "DELETE FROM known_items": "only ever added",
    "REPLACE INTO known_items SELECT * FROM known_items": "there already|no known-answer item",
    "UPDATE known_results SET said = 'same'": "only ever added",
    "DELETE FROM known_results": "only ever added",
    "INSERT INTO known_results SELECT 'ben', 1, alert_id, NULL, 'same', '2030' FROM known_items": "saw the score",
    "INSERT INTO known_results SELECT reviewer, 5, alert_id, NULL, 'same', '2030' FROM known_results": "after the one",
    "INSERT INTO reviewer_rights VALUES ('ana', 2, 0, 'boss', 'x', 1, '2030')": "in turn",
    "INSERT INTO reviewer_rights VALUES ('ana', 1, 0, 'boss', 'x', 1, '2030')": "taken_and_given_back",
    "INSERT INTO reviewer_rights VALUES ('ana', 1, 1, 'boss', 'x', 1, '2030')": "taken_by_the_count",
    "INSERT INTO reviewer_rights VALUES ('ana', 1, 1, NULL, 'x', 9, '2030')": "results there are",
}


@pytest.fixture(scope="module")
def judged_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = Pictured(tmp_path_factory.mktemp("judged")).practised()
    (known,) = made.queue_items(1)
    made.say("ana", known, lambda candidate: made.truths(known)[candidate])
    made.store.close()
    return made.folder / "home", known


@pytest.mark.parametrize("statement", RAW)
def test_raw_sql_cannot_make_more_of_an_item(judged_once: tuple[Path, str], statement: str) -> None:
    home, known = judged_once
    assert any(re.search(RAW[statement], said) for said in refused_by(home, statement.format(known=known)))


# --- figures, floors and restoring ------------------------------------------------------------------------------------
