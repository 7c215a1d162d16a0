"""Two people, blind, and nothing before the quorum."""

from dataclasses import fields
from datetime import timedelta

import pytest

from matcher.domain.case import Correction, Outcome, Verdict
from matcher.domain.desk import BlindAlert, BlindCandidate, QueueEntry
from matcher.errors import BadInput, MissingRole, Refused
from matcher.services.audit import verify
from matcher.services.collections import suspend_list
from matcher.services.outcomes import outcomes
from tests.databases import both_engines
from tests.services.world import World, judgement

pytestmark = both_engines


@pytest.fixture
def queued(active: World) -> World:
    active.submit(active.templates[7])
    return active


def test_two_same_make_a_lead_and_only_then_a_name(queued: World) -> None:
    alert = queued.judge("ana", Verdict.SAME)
    first = queued.desk("ana").finish(alert)
    assert [one.outcome for one in first] == [Outcome.PENDING]
    assert first[0].label is None
    assert outcomes(queued.place, queued.sessions["ana"], None).concluded == ()
    queued.judge("ben", Verdict.SAME)
    done = queued.desk("ben").finish(alert)
    assert done[0].outcome is Outcome.LEAD
    assert done[0].label is not None
    assert (done[0].label.subject_id, done[0].label.name) == ("S007", "Planted Name 7")
    found = outcomes(queued.place, queued.sessions["ana"], "missing")
    assert found.waiting == 0
    assert found.concluded[0].label == done[0].label
    assert outcomes(queued.place, queued.sessions["audrey"], None).concluded[0].label is None
    assert not found.concluded[0].independent  # both sat at one account, and the policy here only marks it
    assert verify(queued.place, lambda *_: None).judgements == 2


def test_nobody_reaches_a_quorum_alone(queued: World) -> None:
    alert = queued.judge("ana", Verdict.SAME)
    queued.desk("ana").finish(alert)
    assert queued.desk("ana").queue().entries == ()
    with pytest.raises(Refused):
        queued.desk("ana").claim(alert)
    with queued.place.work() as work, pytest.raises(Refused):
        work.alerts.add_lead(alert, work.alerts.lines()[0].candidate_ids[0], queued.clock())


def test_disagreement_waits_for_a_third_who_is_blind_too(queued: World) -> None:
    alert = queued.judge("ana", Verdict.SAME)
    queued.desk("ana").finish(alert)
    queued.judge("ben", Verdict.DIFFERENT)
    assert queued.desk("ben").finish(alert)[0].outcome is Outcome.THIRD_NEEDED
    third = queued.desk("cleo").queue().entries
    assert len(third) == 1
    queued.judge("cleo", Verdict.DIFFERENT)
    done = queued.desk("cleo").finish(alert)
    assert done[0].outcome is Outcome.NOT_A_LEAD
    assert done[0].label is None


def test_the_blind_stage_has_no_place_for_a_score_a_name_or_a_case() -> None:
    assert {field.name for field in fields(QueueEntry)} == {"alert_id", "queued_at", "candidates", "begun"}
    assert {field.name for field in fields(BlindCandidate)} == {"candidate_id", "references"}
    assert {field.name for field in fields(BlindAlert)} == {
        "alert_id",
        "probe",
        "candidates",
        "judged",
        "stage",
        "min_pixels",
    }


def test_scores_are_shown_only_after_every_judgement_and_then_no_judgement_counts(queued: World) -> None:
    desk = queued.desk("ana")
    alert_id = desk.queue().entries[0].alert_id
    blind = desk.claim(alert_id)
    with pytest.raises(Refused, match="not judged yet"):
        desk.disclose(alert_id)
    candidate = blind.candidates[0].candidate_id
    desk.judge(alert_id, judgement(candidate, Verdict.SAME))
    desk.judge(alert_id, judgement(candidate, Verdict.DIFFERENT))  # taken back while still blind
    shown = desk.disclose(alert_id)
    assert shown.candidates[0].own is Verdict.DIFFERENT
    assert shown.candidates[0].score >= shown.candidates[0].threshold
    assert "This is not the chance that these two are the same person." in shown.candidates[0].confidence.line.text
    with pytest.raises(Refused):
        desk.judge(alert_id, judgement(candidate, Verdict.SAME))
    desk.correct(alert_id, Correction(candidate, Verdict.SAME, "the score is high"))
    desk.finish(alert_id)
    queued.judge("ben", Verdict.SAME)
    assert queued.desk("ben").finish(alert_id)[0].outcome is Outcome.THIRD_NEEDED


def test_withdrawn_support_prevents_the_lead(queued: World) -> None:
    alert_id = queued.judge("ana", Verdict.SAME)
    desk = queued.desk("ana")
    candidate = desk.disclose(alert_id).candidates[0].candidate_id
    with pytest.raises(BadInput, match="say why"):
        desk.correct(alert_id, Correction(candidate, Verdict.UNDECIDED, " "))
    desk.correct(alert_id, Correction(candidate, Verdict.UNDECIDED, "other ears"))
    desk.finish(alert_id)
    queued.judge("ben", Verdict.SAME)
    assert queued.desk("ben").finish(alert_id)[0].outcome is Outcome.THIRD_NEEDED


def test_a_claim_holds_for_one_reviewer_and_lapses(queued: World) -> None:
    alert_id = queued.desk("ana").queue().entries[0].alert_id
    queued.desk("ana").claim(alert_id)
    assert queued.desk("ben").queue().entries == ()
    with pytest.raises(Refused):
        queued.desk("ben").claim(alert_id)
    queued.clock.now += timedelta(minutes=16)
    assert len(queued.desk("ben").queue().entries) == 1
    queued.desk("ben").claim(alert_id)
    with pytest.raises(Refused):
        queued.desk("ana").judge(alert_id, judgement("whatever", Verdict.DIFFERENT))


def test_a_reviewer_who_saw_the_scores_and_vanished_is_counted_as_judged(queued: World) -> None:
    queued.judge("ana", Verdict.SAME)
    queued.clock.now += timedelta(minutes=16)
    alert = queued.judge("ben", Verdict.SAME)
    assert queued.desk("ben").finish(alert)[0].outcome is Outcome.LEAD


def test_the_last_reviewer_may_vanish_too(queued: World) -> None:
    alert = queued.judge("ana", Verdict.DIFFERENT)
    queued.desk("ana").finish(alert)
    queued.judge("ben", Verdict.DIFFERENT)
    queued.clock.now += timedelta(minutes=16)
    assert queued.desk("cleo").queue().entries == ()
    assert outcomes(queued.place, queued.sessions["ana"], None).concluded[0].outcome is Outcome.NOT_A_LEAD


def test_a_small_face_or_an_empty_checklist_cannot_be_the_same(queued: World) -> None:
    desk = queued.desk("ana")
    alert_id = desk.queue().entries[0].alert_id
    candidate = desk.claim(alert_id).candidates[0].candidate_id
    whole = judgement(candidate, Verdict.SAME)
    from dataclasses import replace

    with pytest.raises(Refused, match="pixels"):
        desk.judge(alert_id, replace(whole, face_pixels=20))
    with pytest.raises(Refused, match="component"):
        desk.judge(alert_id, replace(whole, checklist=()))


def test_recusing_and_submitting_take_an_alert_out_of_ones_queue(active: World) -> None:
    active.submit(active.templates[2], who="ana")
    assert active.desk("ana").queue().entries == ()
    desk = active.desk("ben")
    alert_id = desk.queue().entries[0].alert_id
    desk.claim(alert_id)
    desk.recuse(alert_id, "I know this person")
    assert desk.queue().entries == ()
    assert len(active.desk("cleo").queue().entries) == 1


def test_only_reviewers_claim(queued: World) -> None:
    assert queued.desk("vera").queue().entries == ()
    alert_id = queued.desk("ana").queue().entries[0].alert_id
    with pytest.raises(MissingRole):
        queued.desk("vera").claim(alert_id)


def test_the_log_betrays_no_verdict_and_no_name(queued: World) -> None:
    alert = queued.judge("ana", Verdict.SAME)
    queued.desk("ana").finish(alert)
    queued.judge("ben", Verdict.SAME)
    with queued.place.work(write=False) as work:
        blind = [entry.details for entry in work.log.entries() if entry.action in ("alert.judged", "alert.disclosed")]
        everything = "".join(entry.details for entry in work.log.entries())
    assert len(blind) == 4
    assert not any(verdict.value in details for verdict in Verdict for details in blind)
    assert "S007" not in everything
    assert "Planted" not in everything


def test_the_strict_policy_refuses_two_reviewers_of_one_account(world: World) -> None:
    from matcher.domain.policy import parse_policy

    world.create()
    world.load()
    world.cohort()
    world.calibrate(parse_policy("[certification]\nalpha = 0.05"))
    world.activate()
    world.submit(world.templates[1])
    alert = world.judge("ana", Verdict.SAME)
    world.desk("ana").finish(alert)
    with pytest.raises(Refused, match="account"):
        world.desk("ben").claim(alert)


def test_a_lapsed_claim_does_not_get_around_it(world: World) -> None:
    from matcher.domain.policy import parse_policy

    world.create()
    world.load()
    world.cohort()
    world.calibrate(parse_policy("[certification]\nalpha = 0.05"))
    world.activate()
    world.submit(world.templates[1])
    first, second = world.desk("ana"), world.desk("ben")
    alert = first.queue().entries[0].alert_id
    for candidate in first.claim(alert).candidates:
        first.judge(alert, judgement(candidate.candidate_id, Verdict.SAME))
    world.clock.now += timedelta(minutes=16)
    world.judge("ben", Verdict.SAME)
    second.finish(alert)
    with pytest.raises(Refused, match="account"):
        first.disclose(alert)
    assert outcomes(world.place, world.sessions["ana"], None).concluded == ()


def test_who_knows_the_person_steps_back_before_the_score(active: World) -> None:
    active.submit(active.templates[7])
    alert = active.judge("ana", Verdict.SAME)
    with pytest.raises(Refused, match="shown already"):
        active.desk("ana").recuse(alert, "I know this person")


def test_a_withdrawn_judgement_is_told_as_one(active: World) -> None:
    active.submit(active.templates[7])
    alert = active.judge("ana", Verdict.SAME)
    candidate = active.desk("ana").disclose(alert).candidates[0].candidate_id
    active.desk("ana").correct(alert, Correction(candidate, Verdict.UNDECIDED, "other ears"))
    active.desk("ana").finish(alert)
    active.judge("ben", Verdict.SAME)
    (shown,) = active.desk("ben").finish(alert)
    assert "third reviewer" in shown.waiting
    (told,) = outcomes(active.place, active.sessions["boss"], None).disputed
    assert dict(told.reviewers) == {"ana": "same, withdrawn", "ben": "same"}


def test_a_stop_is_told_to_those_who_waited(active: World) -> None:
    active.submit(active.templates[7])
    assert suspend_list(active.sessions["boss"], "missing", "wrong pictures") == 1
    assert active.desk("ana").closings() == ["1 closed as inconclusive: list suspended: wrong pictures"]
    active.clock.now += timedelta(days=8)
    assert active.desk("ana").closings() == []


def test_nothing_of_a_probe_without_a_candidate_is_kept(active: World) -> None:
    from tests.services.world import vectors

    probe = vectors(1, seed=77)[0]
    before = sorted(path.name for path in (active.folder / "home").rglob("*"))
    done = active.submit(probe)
    assert (done[0].searched, done[0].alerts) == (1, 0)
    assert sorted(path.name for path in (active.folder / "home").rglob("*")) == before
    with active.place.work(write=False) as work:
        assert work.alerts.lines() == []
        entry = list(work.log.entries())[-1]
    assert entry.action == "list.searched"
    active.store.close()
    everything = b"".join(path.read_bytes() for path in (active.folder / "home").rglob("*") if path.is_file())
    assert probe.tobytes() not in everything
