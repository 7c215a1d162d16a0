"""Known-answer items: nobody can tell them from alerts, nothing is concluded from them, they count for reviewers."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlcipher3 import dbapi2

from matcher.domain.case import Correction, Outcome, Verdict
from matcher.domain.cohort import CohortTerms
from matcher.domain.events import LogEntry
from matcher.domain.face import Picture
from matcher.domain.policy import Quality, parse_policy
from matcher.domain.records import AlertLine
from matcher.domain.template import Floats
from matcher.domain.vigilance import Answer
from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, MissingRole, Refused
from matcher.kernels import normalise
from matcher.services.audit import verify
from matcher.services.collections import create_cohort, find_list, suspend_list
from matcher.services.list_lines import list_line
from matcher.services.load import load_cohort, load_list
from matcher.services.log_view import shown_details
from matcher.services.outcomes import outcomes
from matcher.services.sources import EmbeddingSource, PictureSource
from matcher.services.vigilance import ReviewerRecord, practice, reminders, restore, statistics
from matcher.services.workplace import Session
from tests.services.test_audit import edit
from tests.services.world import MODEL, Clock, Row, VectorPipeline, World, judgement, vectors

SAME, OTHER, UNSURE = Verdict.SAME, Verdict.DIFFERENT, Verdict.UNDECIDED
REVIEW = 'same_account = "mark"\nknown_answer_share = {share}\nknown_answers_least = 4\n'
USES = ("test", "train-reviewers")


def own(session: Session) -> ReviewerRecord:
    """A reviewer's own figures."""
    (found,) = statistics(session).reviewers
    return found


def near(faces: Floats, seed: int) -> Floats:
    """Another picture of each of these faces."""
    return normalise(faces + 0.05 * vectors(len(faces), seed=seed))


class Pictured(World):
    """The small world with sealed pictures: a picture's bytes are its template. Chance is drawn the same every time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.place = replace(self.place, random=np.random.default_rng(5).bytes)
        self.sessions = {name: replace(one, place=self.place) for name, one in self.sessions.items()}

    def pictures(self, rows: list[tuple[Row, bytes]]) -> PictureSource:
        data = {Path(f"{number}.jpg"): raw for number, (_, raw) in enumerate(rows)}
        told = [
            Row(row.subject_id, Path(f"{number}.jpg"), labels=row.labels, attributes=row.attributes)
            for number, (row, _) in enumerate(rows)
        ]
        return PictureSource(told, lambda path: Picture(path.name, data[path]), VectorPipeline(), Quality())

    def practised(
        self,
        uses: tuple[str, ...] = USES,
        share: float = 0.5,
        expires: date = date(2027, 1, 31),
        pictures: tuple[int, int] = (1, 2),
    ) -> "Pictured":
        """`pictures`: how many of each listed and of each cohort person."""
        people, (of_listed, of_cohort) = 200, pictures
        self.create(max(expires, date(2027, 1, 31)))
        listed = [
            (Row(f"S{i:03}", labels=(("name", "Planted"),)), shot[i].tobytes())
            for shot in [self.templates, *(near(self.templates, 90 + shot) for shot in range(1, of_listed))]
            for i in range(20)
        ]
        load_list(self.sessions["boss"], "missing", self.pictures(listed), False, lambda *_: None)
        terms = CohortTerms("volunteers", "consent", expires, uses=uses)
        create_cohort(self.sessions["boss"], "staff", terms)
        base = vectors(people, seed=2)
        shots = [base, *(near(base, 30 + shot) for shot in range(1, of_cohort))]
        rows = [
            (Row(f"C{i:04}", attributes=(("group", "a" if i % 2 else "b"),)), shot[i].tobytes())
            for shot in shots
            for i in range(people)
        ]
        load_cohort(self.sessions["boss"], "staff", self.pictures(rows), False, lambda *_: None)
        self.calibrate(parse_policy(f"[certification]\nalpha = 0.05\n[review]\n{REVIEW.format(share=share)}"))
        self.activate()
        return self

    def hit(self, number: int, case: str = "") -> None:
        self.clock.now += timedelta(minutes=1)
        self.submit(self.templates[number % 20], case=case or f"hit/{number}")

    def miss(self, number: int) -> None:
        self.clock.now += timedelta(minutes=1)
        probes = vectors(400, seed=77)
        probes = probes[(probes @ self.templates.T).max(axis=1) < 0.5]
        self.submit(probes[number], case=f"nobody/{number}")

    def items(self) -> list[AlertLine]:
        with self.place.work(write=False) as work:
            return list(work.alerts.known_lines())

    def answer(self, alert_id: str) -> Answer:
        with self.place.work(write=False) as work:
            found = work.vigilance.answer(self.sessions["boss"].vault, alert_id)
        assert found is not None
        return found

    def truths(self, alert_id: str) -> dict[str, Verdict]:
        """What somebody would say of each candidate who is always right."""
        mate = self.answer(alert_id).mate
        (line,) = [one for one in self.items() if one.alert_id == alert_id]
        return {one: SAME if one == mate else OTHER for one in line.candidate_ids}

    def say(self, who: str, alert_id: str, verdict: Callable[[str], Verdict]) -> None:
        desk = self.desk(who)
        for candidate in desk.claim(alert_id).candidates:
            desk.judge(alert_id, judgement(candidate.candidate_id, verdict(candidate.candidate_id)))
        desk.disclose(alert_id)
        desk.finish(alert_id)

    def queue_items(self, count: int) -> list[str]:
        """Searches until so many items wait."""
        number = 0
        while len(self.items()) < count:
            self.hit(number)
            self.miss(number)
            number += 1
        return [line.alert_id for line in self.items()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Pictured]:
    made = Pictured(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def practised(world: Pictured) -> Pictured:
    return world.practised()


def checked(world: World) -> None:
    verify(world.place, lambda *_: None)


def log_of(world: World) -> list[LogEntry]:
    with world.place.work(write=False) as work:
        return list(work.log.entries())


# --- making them ------------------------------------------------------------------------------------------------------


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
    with closing(dbapi2.connect(str(home / "matcher.db"))) as connection:
        connection.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(dbapi2.IntegrityError, match=RAW[statement]):
            connection.execute(statement.format(known=known))


# --- figures, floors and restoring ------------------------------------------------------------------------------------


def always(world: Pictured, verdict: Verdict) -> Callable[[str], Callable[[str], Verdict]]:
    return lambda _: lambda _: verdict


def perfect(world: Pictured) -> Callable[[str], Callable[[str], Verdict]]:
    return lambda alert: world.truths(alert).__getitem__


def test_figures_are_what_was_said(practised: Pictured) -> None:
    found = practised.queue_items(6)
    mated = [alert for alert in found if practised.answer(alert).mate is not None]
    for alert in found:
        practised.say("ana", alert, perfect(practised)(alert))
        practised.say("ben", alert, lambda _: UNSURE)
    told = {one.name: one for one in statistics(practised.sessions["audrey"]).reviewers}
    assert set(told) == {"ana", "ben", "cleo"}
    ana, ben = told["ana"].skill, told["ben"].skill
    assert (ana.hits.k, ana.hits.n) == (len(mated), len(mated))
    assert (ana.false_confirms.k, ana.false_confirms.n) == (0, 6 - len(mated))
    assert (ben.hits.k, ben.undecided_mated, ben.undecided_nonmated) == (0, len(mated), 6 - len(mated))
    assert told["cleo"].skill.hits.rate is None
    assert own(practised.sessions["ana"]) == told["ana"]
    assert statistics(practised.sessions["ben"]).reviewers == (told["ben"],)  # their own and nobody else's
    with pytest.raises(MissingRole):
        statistics(practised.sessions["vera"])
    assert practice(practised.sessions["boss"]) is None
    mine = practice(practised.sessions["ana"])
    assert mine is not None
    assert (mine.hits.k, mine.hits.n, mine.hits.interval) == (ana.hits.k, ana.hits.n, ana.hits.cp95)
    assert (mine.false_confirms.k, mine.false_confirms.n) == (0, 6 - len(mated))
    assert (mine.d_prime, mine.criterion) == (ana.d_prime, ana.criterion)
    assert told["ana"].agreement.n == 0  # items are no common work
    checked(practised)


def test_agreement_is_on_concluded_alerts_only(practised: Pictured) -> None:
    practised.hit(1)
    practised.hit(2)
    first, second = sorted(entry.alert_id for entry in practised.desk("ana").queue().entries)
    practised.say("ana", first, lambda _: SAME)
    practised.say("ben", first, lambda _: SAME)
    practised.say("ana", second, lambda _: OTHER)
    assert own(practised.sessions["ana"]).agreement.n == 1
    practised.say("ben", second, lambda _: SAME)
    assert own(practised.sessions["ben"]).agreement.n == 1  # a third reviewer is still to judge
    practised.say("cleo", second, lambda _: OTHER)
    found = statistics(practised.sessions["boss"])
    assert {(p.one, p.other): (p.agreement.agreed, p.agreement.n) for p in found.pairs} == {
        ("ana", "ben"): (1, 2),
        ("ana", "cleo"): (1, 1),
        ("ben", "cleo"): (0, 1),
    }
    agreement = own(practised.sessions["ana"]).agreement
    assert (agreement.agreed, agreement.n) == (2, 3)
    assert agreement.pabak == pytest.approx(1 / 3)


def fall(world: Pictured) -> str:
    """Ana confirms everybody until she is suspended; the alert at which that happened."""
    for alert in world.queue_items(24):
        world.say("ana", alert, lambda _: SAME)
        with world.place.work(write=False) as work:
            if work.vigilance.rights("ana"):
                return alert
    raise AssertionError("nobody was suspended")


def test_who_confirms_everybody_is_suspended_told_and_restored(practised: Pictured) -> None:
    fall(practised)
    ana = statistics(practised.sessions["boss"]).reviewers[0]
    assert ana.suspended is not None
    assert ana.skill.false_confirms.k == 4  # no sooner than the policy says, although 2 of 2 would have shown it
    assert "4 of the first 4 non-mated known-answer items confirmed" in ana.suspended.reason
    desk = practised.desk("ana")
    assert desk.queue().entries == ()
    assert "your right to confirm is suspended" in desk.closings()[0]
    waiting = practised.desk("ben").queue().entries[0].alert_id
    with pytest.raises(Refused, match="your right to confirm is suspended"):
        desk.claim(waiting)
    (told,) = reminders(practised.place)
    assert "reviewer ana is suspended from judging" in told
    checked(practised)

    with pytest.raises(BadInput, match="--reason"):
        restore(practised.sessions["boss"], "ana", " ")
    with pytest.raises(MissingRole):
        restore(practised.sessions["ben"], "ana", "training")
    with pytest.raises(Refused, match="not suspended"):
        restore(practised.sessions["boss"], "ben", "training")
    restore(practised.sessions["boss"], "ana", "two days of training")
    assert reminders(practised.place) == []
    assert len(practised.desk("ana").queue().entries) > 0
    practised.desk("ana").claim(waiting)
    after = statistics(practised.sessions["boss"]).reviewers[0]
    assert (after.suspended, after.restored, after.skill.hits.n) == (None, 1, 0)
    assert after.before == ana.skill.hits.n + ana.skill.false_confirms.n
    checked(practised)


def test_suspension_survives_restarts_and_the_database_keeps_it(practised: Pictured) -> None:
    alert = fall(practised)
    waiting = practised.desk("ben").queue().entries[0].alert_id
    assert waiting != alert
    with practised.place.work() as work:
        line = work.alerts.line(waiting)
        assert line is not None
        who = practised.sessions["ana"].who
        assert work.alerts.claim(waiting, who, line.candidate_ids, practised.clock(), practised.clock() + timedelta(1))
        work.commit()
    with pytest.raises(Refused, match="suspended"):
        practised.desk("ana").judge(waiting, judgement(line.candidate_ids[0], SAME))
    practised.store.close()
    connection = dbapi2.connect(str(practised.folder / "home" / "matcher.db"))
    with pytest.raises(dbapi2.IntegrityError, match="fell below a floor"):
        connection.execute(
            "INSERT INTO judgements SELECT alert_id, 9, ?, 'ana', account, terminal, made_at, 'same', checklist, mode, "
            "face_pixels, milliseconds, signature FROM judgements LIMIT 1",
            (line.candidate_ids[0],),
        )
    connection.close()


def test_nobody_restores_themselves(practised: Pictured) -> None:
    with pytest.raises(AnotherPersonNeeded):
        restore(practised.sessions["boss"], "boss", "I am fine")


def test_the_perfect_and_the_merely_cautious_are_not_suspended(practised: Pictured) -> None:
    for alert in practised.queue_items(12):
        practised.say("ana", alert, perfect(practised)(alert))
    assert own(practised.sessions["ana"]).suspended is None


# --- the audit --------------------------------------------------------------------------------------------------------

EDITS = {
    "a result turned": ("UPDATE known_results SET said = 'different'", "results of ana"),
    "a result gone": ("DELETE FROM known_results WHERE number = 1", "results of ana"),
    "a mate exchanged": ("UPDATE known_results SET mate = NULL WHERE mate IS NOT NULL", "results of ana"),
    "an item gone": ("DELETE FROM known_items WHERE alert_id NOT IN (SELECT alert_id FROM known_results)", "items"),
    "an answer exchanged": ("UPDATE known_items SET answer = x'00'", "known-answer items"),
    "a suspension gone": ("DELETE FROM reviewer_rights", "right to judge of ana"),
    "a score of an item": ("UPDATE candidates SET score = score + 1", "content of alert"),
}


@pytest.mark.parametrize("what", EDITS)
def test_every_edit_is_found(world: Pictured, what: str) -> None:
    world.practised()
    fall(world)
    checked(world)
    world.store.close()
    statement, told = EDITS[what]
    edit(world.folder / "home", statement)
    with pytest.raises(IntegrityError, match=told):
        checked(world)


def test_a_suspension_that_never_was_is_missed(practised: Pictured, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody would do who holds the machine: neither the tables nor the log hold it."""
    monkeypatch.setattr("matcher.services.vigilance.fallen", lambda *_: None)
    for alert in practised.queue_items(24):
        practised.say("ana", alert, lambda _: SAME)
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match="do not follow from the known-answer results"):
        checked(practised)
