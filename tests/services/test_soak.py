"""Several terminals on PostgreSQL and Ray, killed at random; `python -m tests.simulations.soak` makes more of it."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.case import Verdict
from matcher.services.workplace import Workplace
from matcher.store.unit_of_work import Store, open_store
from tests.databases import why_none
from tests.services.world import World, judgement, workplace
from tests.simulations.eight_workers import Step
from tests.simulations.soak_found import Found, judged

ROOT = Path(__file__).resolve().parents[2]
Facts = dict[str, Any]


def test_terminals_shards_and_nodes_are_killed_and_nothing_is_lost() -> None:
    if find_spec("ray") is None:
        pytest.skip("needs the extra cluster")
    if (reason := why_none()) is not None:
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulations.soak", "0.5", "3"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["whole"]
    assert {"submitters", "reviewers", "actors"} <= set(found["killed"])
    assert found["alerts"] > 0
    assert found["judgements"] > 0
    assert found["leads"] > 0


class Told:
    """A home on which two people judged, and what was acknowledged to everybody."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder).active()
        self.notes: dict[str, list[Facts]] = {"sam": [], "ana": [], "ben": []}
        listed = self.world.templates
        for case, probe in (("0", listed[3]), ("1", -listed[4]), ("2", listed[5]), ("2", -listed[6])):
            (told,) = self.world.submit(probe, case=case)
            facts = {"case": case, "probe": probe.tobytes().hex(), "alerts": told.alerts, "took": 0.1}
            self.notes["sam"].append({"at": time.time(), **facts})
        for name in ("ana", "ben"):
            self.judge(name)
        self.world.store.close()

    def judge(self, name: str) -> None:
        desk = self.world.desk(name)
        for line in desk.queue().entries:
            for one in desk.claim(line.alert_id).candidates:
                desk.judge(line.alert_id, judgement(one.candidate_id, Verdict.SAME))
                self.notes[name].append({"alert": line.alert_id, "judged": [one.candidate_id, "same", 2.5]})
            desk.disclose(line.alert_id)
            desk.finish(line.alert_id)
            self.notes[name].append({"alert": line.alert_id, "finished": True})

    def opened(self) -> tuple[Workplace, Store]:
        return workplace(self.world.folder / "home", self.world.clock, open_store)

    def found(self, steps: Sequence[Step] = (), **ended: Any) -> Found:
        facts = {"drained": True, "died": [], "killed": {}} | ended
        return judged(self.opened, self.notes, (0.0, facts), steps, 60.0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("soak"))


@pytest.fixture
def told(home: Told) -> Told:
    """The same home with notes that may be changed."""
    mine: Told = object.__new__(Told)
    mine.world, mine.notes = home.world, deepcopy(home.notes)
    return mine


def test_what_was_acknowledged_and_is_there_is_whole(told: Told) -> None:
    found = told.found()
    assert found.whole
    assert (found.searches, found.alerts, found.judgements, found.leads) == (4, 2, 4, 2)


def test_a_search_and_an_alert_that_are_not_there_are_lost(told: Told) -> None:
    told.notes["sam"].append(told.notes["sam"][0] | {"probe": told.world.templates[7].tobytes().hex()})
    found = told.found()
    assert (found.searches_lost, found.alerts_lost, found.whole) == (1, 1, False)


def test_searches_that_nobody_made_are_found(told: Told) -> None:
    del told.notes["sam"][3]
    assert told.found().searches_lost == 0  # its terminal may have been killed before it was told
    del told.notes["sam"][2]
    assert told.found().searches_lost == 1


def test_an_answer_of_a_part_of_the_list_is_wrong(told: Told) -> None:
    told.notes["sam"][1] |= {"probe": told.world.templates[9].tobytes().hex()}
    found = told.found()
    assert found.wrong_answers == 2  # the acknowledged one names nobody, and nobody is logged
    assert not found.whole


def test_a_judgement_and_a_review_that_are_not_there_are_lost(told: Told) -> None:
    told.notes["ana"][0]["judged"][2] = 9.0
    told.notes["ben"].append({"alert": "none", "finished": True})
    found = told.found()
    assert (found.judgements_lost, found.reviews_lost, found.whole) == (1, 1, False)


def test_another_end_than_exit_5_a_death_and_silence_are_told(told: Told) -> None:
    told.notes["sam"].append({"at": time.time() + 90, "case": "9", "exit": 5, "said": "", "took": 5.0})
    found = told.found(died=["ana: 1"])
    assert (found.exit_5, found.stuck, found.other_ends) == (1, 1, ("ana: 1",))
    told.notes["sam"][-1] |= {"exit": 6, "said": "broken"}
    assert told.found().other_ends == ("exit 6: broken",)
    assert not told.found().whole


def test_one_person_is_not_two(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.simulations import soak_found

    stored = soak_found._stored

    def by_one(place: Workplace, vault: Any) -> soak_found.Stored:
        found = stored(place, vault)
        kept = {alert: [one for one in some if one.reviewer == "ana"] for alert, some in found.judgements.items()}
        return soak_found.Stored(found.entries, found.alerts, kept, found.finished, found.leads)

    monkeypatch.setattr(soak_found, "_stored", by_one)
    found = told.found()
    assert (found.leads_without_two, found.judgements_lost) == (2, 2)
