"""A clock that is set back: log time never goes back, no lease lasts longer, and a claim is held by one."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from matcher.domain.case import Verdict
from matcher.domain.events import Action
from matcher.domain.face import Picture
from matcher.errors import NotSearchable, Refused
from matcher.services.audit import verify
from matcher.services.submit import Errand, submit
from tests.services.world import VectorPipeline, World, judgement

LEASE = timedelta(hours=24)  # of a pilot
MINUTE = timedelta(minutes=1)


def test_a_clock_set_back_between_operations_never_sets_the_log_back(active: World) -> None:
    with active.place.work(write=False) as work:
        newest = work.log.head().time
    for hours in (1, 48, 24 * 400):
        active.clock.now = newest - timedelta(hours=hours)
        active.load(count=19 if hours == 48 else 20, fresh=True)
    with pytest.raises(NotSearchable, match="the clock went back"):
        active.submit(active.templates[3])
    with active.place.work(write=False) as work:
        times = [entry.time for entry in work.log.entries()]
    assert times == sorted(times)
    assert times[-1] == newest
    verify(active.place, lambda *_: None)


def test_a_lapsed_lease_does_not_come_back_with_the_clock(active: World) -> None:
    active.clock.now += LEASE + MINUTE
    with pytest.raises(NotSearchable, match="lapsed"):
        active.submit(active.templates[3])
    active.clock.now -= 3 * MINUTE  # before the end, and within what a clock may be set back
    with pytest.raises(NotSearchable, match="lapsed"):
        active.submit(active.templates[3])
    assert Action.SEARCHED not in active.log_actions()
    active.clock.now -= 3 * MINUTE
    with pytest.raises(NotSearchable, match="the clock went back"):
        active.submit(active.templates[3])


def test_a_lease_that_ends_while_a_folder_is_searched_does_not_come_back_either(active: World) -> None:
    template = active.templates[3].astype(np.float32).tobytes()

    def first(_: Path) -> Picture:
        active.clock.now += LEASE - MINUTE
        return Picture("first", template)

    def second(_: Path) -> Picture:
        active.clock.now += 2 * MINUTE
        active.load(count=19, fresh=True)  # an entry of the log after the end
        active.clock.now -= 2 * MINUTE
        return Picture("second", template)

    images = [(Path("1.jpg"), first), (Path("2.jpg"), second)]
    searches = submit(active.sessions["boss"], "missing", images, Errand("2026/1", "seen"), VectorPipeline)
    assert next(searches).alerts == 1
    with pytest.raises(NotSearchable, match="lapsed"):
        next(searches)
    assert active.log_actions().count(Action.SEARCHED) == 1


def test_claims_outlast_a_clock_set_back_and_can_be_given_back(active: World) -> None:
    active.submit(active.templates[3])
    alert_id = active.desk("ana").queue().entries[0].alert_id
    (one,) = active.desk("ana").claim(alert_id).candidates
    same = judgement(one.candidate_id, Verdict.SAME)
    active.clock.now -= timedelta(hours=1)
    with pytest.raises(Refused, match="another reviewer"):
        active.desk("ben").claim(alert_id)
    active.clock.now += timedelta(hours=1, minutes=16)
    active.desk("ben").claim(alert_id)
    active.clock.now -= timedelta(minutes=10)  # both claims are valid now: neither goes on before the other steps back
    for who in ("ana", "ben"):
        with pytest.raises(Refused, match="another reviewer"):
            active.desk(who).judge(alert_id, same)
    active.desk("ana").release(alert_id)
    active.desk("ben").judge(alert_id, same)
    verify(active.place, lambda *_: None)
