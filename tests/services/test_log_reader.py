"""Who reads what of the log, and the figures of one reviewer's own work."""

from datetime import timedelta

import pytest

from matcher.bootstrap import match_confidence
from matcher.domain.case import Correction, Verdict
from matcher.domain.desk import LogLine, Share
from matcher.errors import IntegrityError
from matcher.services.list_office import Office
from matcher.services.log_reader import Reader
from matcher.services.reception import Lobby
from tests.databases import both_engines, without_rules
from tests.services.world import PASSPHRASE, World, judgement

pytestmark = both_engines


class Enough(Exception):
    pass


def quiet(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def queued(active: World) -> World:
    active.submit(active.templates[7], case="2026/secret")
    return active


def read(world: World, who: str) -> tuple[LogLine, ...]:
    return Reader(world.sessions[who]).newest(1000).lines


def test_searches_and_reviews_are_closed_to_whoever_may_judge(queued: World) -> None:
    alert = queued.judge("ana", Verdict.SAME)
    queued.desk("ana").finish(alert)
    for who in ("ana", "ben", "cleo"):
        lines = read(queued, who)
        assert all("2026/secret" not in f"{one}" and alert not in f"{one}" for one in lines)
        closed = [one for one in lines if one.closed]
        assert len(closed) == 5  # searched, claimed, judged, disclosed, finished
        assert {(one.actor, one.account, one.terminal, one.action) for one in closed} == {("", "", "", "closed")}
        for wanted in ("2026/secret", alert, "alert.judged", "alert.finished", "list.searched"):
            assert Reader(queued.sessions[who]).search(wanted, 10, quiet).fitting == 0, wanted
    assert any("2026/secret" in one.details for one in read(queued, "audrey"))
    assert any(alert in one.details for one in read(queued, "audrey"))
    open_to_vera = read(queued, "vera")  # an approver judges nobody, and learns nothing of what was found
    assert not any(one.closed for one in open_to_vera)
    assert not any(alert in one.details for one in open_to_vera)


def test_a_search_that_found_nobody_is_closed_like_one_that_did(queued: World) -> None:
    queued.submit(-queued.templates[7], case="2026/nobody")
    found = [one for one in read(queued, "ben") if one.closed]
    assert len(found) == 2
    assert len({(one.action, one.details) for one in found}) == 1


def test_a_refused_attempt_on_an_alert_is_closed_too(queued: World) -> None:
    alert = queued.desk("ana").queue().entries[0].alert_id
    queued.desk("ana").claim(alert)
    with pytest.raises(Exception, match="does not wait"):
        queued.desk("ben").claim(alert)
    assert [one.action for one in read(queued, "cleo")][:2] == ["closed", "closed"]
    assert [one.action for one in read(queued, "vera")][:2] == ["refused", "alert.claimed"]


def test_pages_are_newest_first_and_say_how_much_there_is(queued: World) -> None:
    reader, total = Reader(queued.sessions["vera"]), len(queued.log_actions())
    page = reader.newest(3)
    assert ([one.sequence for one in page.lines], page.total) == ([total, total - 1, total - 2], total)
    found = reader.search("user.added BOSS", 2, quiet)
    assert len(found.lines) == 2
    assert found.fitting == queued.log_actions().count("user.added")
    assert found.lines[0].sequence > found.lines[1].sequence


def test_a_search_and_a_verification_tell_their_progress_and_stop_when_told(queued: World) -> None:
    reader, steps = Reader(queued.sessions["vera"]), list[tuple[int, int]]()
    verified = reader.verify(lambda done, total: steps.append((done, total)))
    total = len(queued.log_actions())
    assert verified.entries == total
    assert steps == [(at, total) for at in range(1, total + 1)]

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise Enough

    for work in (lambda: reader.verify(stop), lambda: reader.search("x", 5, stop)):
        with pytest.raises(Enough):
            work()
    with queued.place.work() as work:
        assert work.log.head().sequence == total  # nothing is locked, nothing was written


def test_a_broken_log_is_refused_by_the_reader_too(queued: World) -> None:
    without_rules(queued.folder / "home", "UPDATE log SET actor = 'nobody' WHERE sequence = 4")
    with pytest.raises(IntegrityError, match="entry 4"):
        Office(queued.sessions["vera"]).log().verify(quiet)


def test_auditors_come_in_and_are_given_no_alert(queued: World) -> None:
    lobby = Lobby(queued.place, match_confidence)
    assert "audrey" in lobby.names()
    assert "boss" not in lobby.names()
    desk, office = lobby.sign_in("audrey", PASSPHRASE)
    assert desk.queue().entries == ()
    assert office.log().newest(1).lines[0].action == "list.searched"
    with pytest.raises(Exception, match="reviewer"):
        desk.claim(queued.desk("ana").queue().entries[0].alert_id)


def test_own_work_counts_newest_judgements_and_changes_of_shown_scores_only(queued: World) -> None:
    desk = queued.desk("ana")
    nothing = desk.own_work()
    assert [(one.days, one.items, one.median_seconds) for one in nothing] == [
        (7, 0, None),
        (30, 0, None),
        (None, 0, None),
    ]
    assert nothing[0].changed == Share(0, 0, None, None)
    alert = queued.judge("ana", Verdict.SAME)
    candidate = queued.desk("ana").claim(alert).candidates[0].candidate_id
    desk.correct(alert, Correction(candidate, Verdict.UNDECIDED, "ears"))
    desk.finish(alert)
    found = desk.own_work()[0]
    assert (found.items, found.alerts, found.same, found.median_seconds) == (1, 1, 1, 2.5)
    assert (found.changed.k, found.changed.n, found.changed.rate) == (1, 1, 1.0)
    assert found.changed.interval == pytest.approx((0.025, 1.0), abs=1e-9)
    assert (found.withdrawn, found.towards_same) == (1, 0)
    queued.submit(queued.templates[3])
    unseen = desk.queue().entries[0].alert_id
    desk.judge(unseen, judgement(desk.claim(unseen).candidates[0].candidate_id, Verdict.DIFFERENT))
    found = desk.own_work()[0]
    assert (found.items, found.different, found.changed.k, found.changed.n) == (2, 1, 1, 1)  # its score was not shown
    queued.clock.now += timedelta(days=8)
    assert [one.items for one in desk.own_work()] == [0, 2, 2]
    assert queued.desk("ben").own_work()[2].items == 0  # nobody sees another's
