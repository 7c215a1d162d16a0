"""What known-answer items show of a reviewer: figures, a suspension below the floors, and its end."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, MissingRole, Refused
from matcher.services.vigilance import ReviewerRecord, practice, reminders, restore, statistics
from matcher.services.workplace import Session
from tests.databases import refused_by
from tests.services.pictured import OTHER, SAME, UNSURE, Pictured, checked
from tests.services.test_audit import edit
from tests.services.world import judgement


def own(session: Session) -> ReviewerRecord:
    """A reviewer's own figures."""
    (found,) = statistics(session).reviewers
    return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Pictured]:
    made = Pictured(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def practised(world: Pictured) -> Pictured:
    return world.practised()


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
    assert "while your right to confirm is suspended" in desk.queue().closed
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
    said = refused_by(
        practised.folder / "home",
        f"INSERT INTO judgements SELECT alert_id, 9, '{line.candidate_ids[0]}', 'ana', account, terminal, made_at, "  # noqa: S608
        "'same', checklist, mode, face_pixels, milliseconds, signature FROM judgements LIMIT 1",
    )
    assert any("fell below a floor" in one for one in said)


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
