"""Cohorts with the same person twice, lists with look-alikes, and reports that are made again."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from matcher.calibration.report import Report, parse_report
from matcher.calibration.resolutions import Resolutions, Ruling
from matcher.calibration.verdict import Status
from matcher.domain.case import Verdict
from matcher.domain.cohort import CohortTerms
from matcher.domain.template import Floats
from matcher.errors import BadInput, InsufficientEvidence, IntegrityError, MissingRole, Refused
from matcher.kernels import normalise
from matcher.services.audit import verify
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_cohort
from matcher.services.handles import known_cohort_pairs, known_look_alikes
from matcher.services.load import load_cohort
from matcher.services.reports import list_report, replay, report_by_digest
from matcher.services.sources import EmbeddingSource
from tests.services.world import MODEL, NOBODY, PILOT, Row, World, vectors

NEAR = 0.02  # of noise beside a template: a score above 0.99


def near(rows: Floats, seed: int, noise: float = NEAR) -> Floats:
    return normalise(rows + noise * vectors(len(rows), seed))


def load_people(world: World, base: Floats, noise: float = 0.05, alike: int = 0) -> None:
    """Two samples each, the second with this noise; those of person number `alike` are almost the same."""
    session, count = world.sessions["boss"], len(base)
    create_cohort(session, "staff", CohortTerms("volunteers", "consent", date(2027, 1, 31)))
    rows = [Row(f"C{i:04}", attributes=(("group", "ab"[i % 2]),)) for i in range(count)]
    second = near(base, 3, noise)
    second[alike] = near(base[alike : alike + 1], 4)[0]
    source = EmbeddingSource([*rows, *rows], np.concatenate([base, second]), MODEL)
    load_cohort(session, "staff", source, False, lambda *_: None)


@pytest.fixture
def twice(world: World) -> World:
    """400 cohort people, of whom C0001 is C0000 and C0003 is C0002; C0004 is the listed S005; S001 resembles S000."""
    world.templates = world.templates.copy()
    world.templates[1] = near(world.templates[:1], 7)[0]
    world.create()
    world.load()
    base = vectors(400, 2)
    base[1], base[3] = near(base[:1], 8)[0], near(base[2:3], 9)[0]
    base[4] = near(world.templates[5:6], 10)[0]
    load_people(world, base, noise=0.3, alike=4)
    return world


def handles(world: World) -> list[tuple[str, str]]:
    known = known_cohort_pairs(world.sessions["boss"], "staff", "missing")
    return [(pair.one.handle, pair.other.handle) for pair in known.pairs]


def calibrate(world: World, ruled: dict[tuple[str, str], Ruling]) -> Report:
    question = Question("missing", "staff", PILOT, ruled=Resolutions(ruled))
    return calibrate_list(world.sessions["boss"], question, NOBODY)


def test_people_twice_in_a_cohort_count_once_until_somebody_has_looked(twice: World) -> None:
    first = twice.calibrate()
    assert (first.adjudication.found, first.adjudication.joined, first.cohort.people) == (2, 2, 398)
    known = known_cohort_pairs(twice.sessions["boss"], "staff", "missing")
    assert {tuple(sorted((p.one.subject_id, p.other.subject_id))) for p in known.pairs} == {
        ("C0000", "C0001"), ("C0002", "C0003")
    }  # fmt: skip
    one, other = handles(twice)
    second = calibrate(twice, {one: Ruling.DIFFERENT, other: Ruling.SAME})
    assert (second.adjudication.joined, second.cohort.people) == (1, 399)
    assert [pair.ruling for pair in second.adjudication.pairs] == [Ruling.DIFFERENT, Ruling.SAME]
    with twice.place.work(write=False) as work:
        logged = [json.loads(e.details) for e in work.log.entries() if e.action == "list.calibrated"]
    assert [entry["adjudicated"] for entry in logged] == [None, second.adjudication.resolutions]
    with pytest.raises(BadInput, match="is not listed"):
        calibrate(twice, {("000000000000", "ffffffffffff"): Ruling.SAME})


def test_the_same_rulings_are_the_same_attempt_and_others_are_another(world: World) -> None:
    world.create()
    world.load()
    base = vectors(60, 2)
    base[1] = near(base[:1], 8)[0]
    load_people(world, base, noise=0.3)
    assert world.calibrate().verdict.status is Status.INSUFFICIENT
    ruled = {handles(world)[0]: Ruling.DIFFERENT}
    assert calibrate(world, ruled).attempt.j == 2
    assert calibrate(world, ruled).attempt.j == 2
    assert world.calibrate().attempt.j == 1
    assert calibrate(world, {handles(world)[0]: Ruling.SAME}).attempt.j == 3


def test_who_may_be_listed_is_told_to_admins_only_and_logged(twice: World) -> None:
    report = twice.calibrate()
    assert len(report.adjudication.perhaps_listed) == 1
    known = known_cohort_pairs(twice.sessions["boss"], "staff", "missing")
    assert [who.subject_id for who in known.perhaps_listed] == ["C0004"]
    for name in ("vera", "ana", "audrey"):
        with pytest.raises(MissingRole):
            known_cohort_pairs(twice.sessions[name], "staff", "missing")
        with pytest.raises(MissingRole):
            known_look_alikes(twice.sessions[name], "missing")
    assert "handles.read" in twice.log_actions()
    verify(twice.place, lambda *_: None)


def test_no_identifier_is_in_a_report(twice: World) -> None:
    body = twice.calibrate().canonical().decode()
    assert not any(f"S{n:03}" in body for n in range(20))
    assert not any(f"C{n:04}" in body for n in range(400))


def test_look_alikes_on_the_list_are_known_to_its_keepers(twice: World) -> None:
    report = twice.calibrate()
    assert report.look_alikes.found == 1
    known = known_look_alikes(twice.sessions["boss"], "missing")
    assert [{p.one.subject_id, p.other.subject_id} for p in known.pairs] == [{"S000", "S001"}]
    assert known.pairs[0].score == report.look_alikes.pairs[0].score


def test_a_reviewer_is_told_after_judging_and_only_of_that_candidate(twice: World) -> None:
    twice.calibrate(threshold=900_000)
    twice.activate()
    told = {}
    for number in (0, 9):
        twice.submit(twice.templates[number])
        alert = twice.judge("ana", Verdict.DIFFERENT)
        told[number] = {one.look_alikes for one in twice.desk("ana").disclose(alert).candidates}
        twice.desk("ana").finish(alert)
        twice.judge("ben", Verdict.DIFFERENT)
        twice.desk("ben").finish(alert)
    assert told == {0: {True}, 9: {False}}


def test_one_listed_person_who_resembles_many_is_a_magnet(world: World) -> None:
    world.create()
    world.load()
    base = vectors(400, 2)
    base[:12] = near(np.repeat(world.templates[6:7], 12, axis=0), 8, 0.6)
    load_people(world, base)
    report = world.calibrate(threshold=800_000)
    assert report.look_alikes.attracted == report.everyone.fpir.k
    known = known_look_alikes(world.sessions["boss"], "missing")
    assert [who.subject_id for who, _ in known.magnets] == ["S006"]
    assert known.magnets[0][1] >= 10


def test_random_vectors_do_not_certify_a_list_of_people_who_look_alike(world: World) -> None:
    centre = vectors(1, 11)
    world.templates = normalise(centre + 0.4 * vectors(20, 12))
    world.create()
    world.load()
    world.cohort()
    report = world.calibrate()
    assert report.verdict.status is Status.INSUFFICIENT
    assert report.realism.probability is not None
    assert report.realism.probability > 0.95
    assert "does not look like the people on the list" in report.verdict.reasons[-1]


def test_a_list_of_one_cannot_be_compared_and_says_so(world: World) -> None:
    world.create()
    world.load(1)
    world.cohort()
    report = world.calibrate()
    assert report.verdict.status is Status.CERTIFIED
    assert report.realism.probability is None
    assert report.realism.reason == "the list has fewer than two people with a template"


def test_a_model_that_tells_nobody_apart_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcher.calibration.pairs.MOST_PAIRS", 0)
    monkeypatch.setattr("matcher.calibration.pairs.pairs_reaching.__defaults__", (0,))
    world.create()
    world.load()
    load_people(world, np.concatenate([vectors(100, 2), near(vectors(100, 2), 5)]))
    with pytest.raises(InsufficientEvidence, match="does not tell them apart"):
        world.calibrate()
    assert world.log_actions()[-1] == "refused"


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_report_is_made_again_to_the_byte(twice: World) -> None:
    first = twice.calibrate()
    one = handles(twice)[0]
    reports = [
        first,
        calibrate(twice, {one: Ruling.DIFFERENT}),
        twice.calibrate(threshold=900_000),
        calibrate_list(twice.sessions["boss"], Question("missing", "staff", PILOT, None, ()), NOBODY),
    ]
    assert len({report.digest() for report in reports}) == 4
    for report in reports:
        for name in ("boss", "vera"):
            again = replay(twice.sessions[name], report.canonical(), NOBODY)
            assert again.differences == ()
            assert again.given == again.again == report.digest()


def test_the_attempt_is_counted_again_from_what_came_before(world: World) -> None:
    world.create()
    world.load()
    world.cohort(people=60)
    for attempt in (1, 2, 3):
        report = world.calibrate(threshold=990_000 + 1_000 * attempt)
        assert report.attempt.j == attempt
    first = replay(world.sessions["boss"], report.canonical(), NOBODY)
    assert first.differences == ()
    world.calibrate(threshold=999_000)
    assert replay(world.sessions["boss"], report.canonical(), NOBODY).differences == ()


def test_an_attempt_that_was_numbered_wrongly_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()
    world.load()
    world.cohort(people=60)
    world.calibrate()
    with monkeypatch.context() as patch:
        patch.setattr("matcher.services.calibrate.next_attempt", lambda *_: 1)
        report = world.calibrate(threshold=990_000)
    found = replay(world.sessions["boss"], report.canonical(), NOBODY)
    assert ("attempt.j", 1, 2) in {(one.path, one.old, one.new) for one in found.differences}


def test_what_was_edited_is_named(twice: World) -> None:
    plain = json.loads(twice.calibrate().canonical())
    plain["groups"][1]["fpir"]["k"] += 1
    plain["adjudication"]["perhaps_listed"] = []
    plain["look_alikes"]["pairs"][0]["score"] += 1
    body = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    found = replay(twice.sessions["boss"], body, NOBODY)
    assert found.given != found.again
    assert {one.path for one in found.differences} == {
        "groups[group a].fpir.k", "adjudication.perhaps_listed[0]", "look_alikes.pairs[0].score"
    }  # fmt: skip
    with pytest.raises(IntegrityError):
        replay(twice.sessions["boss"], b"{}", NOBODY)


def test_a_replay_needs_the_home_the_key_and_a_cohort_that_may_be_used(twice: World, tmp_path: Path) -> None:
    body = twice.calibrate().canonical()
    for name in ("ana", "audrey"):
        with pytest.raises(MissingRole):
            replay(twice.sessions[name], body, NOBODY)
    elsewhere = World(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="does not hold the list"):
        replay(elsewhere.sessions["boss"], body, NOBODY)
    elsewhere.store.close()
    twice.clock.now = twice.clock.now.replace(year=2027, month=3)
    with pytest.raises(Refused, match="expired"):
        replay(twice.sessions["boss"], body, NOBODY)


def test_reports_are_found_by_list_and_by_digest(twice: World) -> None:
    report = twice.calibrate()
    with twice.place.work(write=False) as work:
        assert parse_report(list_report(work, "missing")[1].body) == report
        assert report_by_digest(work, report.digest()[:8]).digest == report.digest()
        for wrong in (report.digest()[:7], "no report", "0" * 64):
            with pytest.raises(BadInput):
                report_by_digest(work, wrong)
