"""Erasing on both engines: of a list whose alert shows two people, and of a cohort with known-answer items."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.domain.watchlist import ListState
from matcher.errors import StorageFailed
from matcher.services.erase import erase_people
from matcher.services.finish_erasure import finish_all
from matcher.services.outcomes import outcomes
from matcher.store import engine, postgres
from tests.databases import address_of, both_engines
from tests.services.homes import holding
from tests.services.pictured import OTHER, SAME, Pictured
from tests.services.test_erase import GONE, erase, opened_everything, sealed_of, sound, watchlist

pytestmark = both_engines


def test_the_probe_stays_where_another_candidate_is_the_lead(tmp_path: Path) -> None:
    made = Pictured(tmp_path)
    made.templates[8] = made.templates[7]  # two who look alike: one probe finds both
    made.templates[8, 0] += 0.01
    made.templates[8] /= np.linalg.norm(made.templates[8])
    made.practised(share=0.0)
    made.hit(7, case="both")
    vault = made.sessions["boss"].vault
    with made.place.work(write=False) as work:
        alert = work.alerts.get(vault, work.alerts.lines()[0].alert_id)
    assert alert is not None
    of = {one.subject_id: one.candidate_id for one in alert.candidates}
    assert set(of) == {"S007", "S008"}
    for who in ("ana", "ben"):
        made.say(who, alert.alert_id, lambda candidate: SAME if candidate == of["S008"] else OTHER)
    erase(made, stop=True)
    with made.place.work(write=False) as work:
        left = work.alerts.get(vault, alert.alert_id)
    assert left is not None
    assert left.probe == alert.probe
    assert {one.subject_id for one in left.candidates} == {"", "S008"}
    (done,) = (one for one in outcomes(made.place, made.sessions["boss"], None).concluded if one.label)
    assert done.label is not None
    assert done.label.subject_id == "S008"
    erase(made, "S008", stop=True)
    with made.place.work(write=False) as work:
        left = work.alerts.get(vault, alert.alert_id)
    assert left is not None
    assert left.probe == b""
    sound(made)


def test_a_cohort_person_leaves_with_the_items_that_show_them(tmp_path: Path) -> None:
    made = Pictured(tmp_path)
    made.practised()
    waiting, judged = made.queue_items(2)[:2]
    made.say("ana", judged, lambda candidate: made.truths(judged)[candidate])
    people = {made.answer(waiting).person, made.answer(judged).person}
    done = erase_people(made.sessions["boss"], "staff", people)
    assert done.subjects == len(people)
    assert done.closed >= 1
    assert done.revision is not None
    left = opened_everything(made)
    assert not any(one.encode() in left for one in people)
    assert b"C0199" in left
    assert watchlist(made).state(made.clock()) is ListState.ACTIVE
    made.hit(11, case="goes on")
    sound(made)


def test_who_holds_an_old_state_open_delays_the_receipt_and_nothing_is_lost(tmp_path: Path, monkeypatch: Any) -> None:
    made = Pictured(tmp_path)
    made.practised(share=0.0)
    made.hit(7, case="waiting")
    before = sealed_of(made, GONE)
    for module in (engine, postgres):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    with made.place.work(write=False) as reader:
        reader.log.head()
        with pytest.raises(StorageFailed, match="overwritten when it is done"):
            erase(made, stop=True)
    assert "erasure.finished" not in made.log_actions()
    sound(made)
    if address_of(tmp_path / "home") is not None:
        assert holding(tmp_path / "home", before)  # the server kept the dead rows
    assert finish_all(made.place) == 1
    assert holding(tmp_path / "home", before) == []
    assert finish_all(made.place) == 0
