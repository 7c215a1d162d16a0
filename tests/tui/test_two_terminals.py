"""Two terminals on one real home: one holder at a time, a lapsed claim comes back, and the second reviewer is blind."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from matcher.bootstrap import match_confidence
from matcher.domain.events import LogEntry
from matcher.domain.face import Face, Picture
from matcher.domain.people import Seat
from matcher.domain.policy import Quality, parse_policy
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats
from matcher.kernels import normalise
from matcher.review.wording import OUTCOMES
from matcher.services.audit import verify
from matcher.services.load import load_list
from matcher.services.people import remove_user, set_suspended
from matcher.services.reception import Lobby
from matcher.services.sources import PictureSource
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Workplace
from matcher.store.unit_of_work import Store, open_store
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lock import LockScreen
from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.queue import QueueScreen
from tests.databases import address_of, both_engines
from tests.fakes.drawn_faces import drawn_face
from tests.services.world import MEASURES, PASSPHRASE, Row, VectorPipeline, World, vectors
from tests.tui.stage import Stage, on_stage

pytestmark = both_engines
POLICY = parse_policy("[certification]\nalpha = 0.05\n[review]\nmin_pixels = 16\n")
LEASE = timedelta(minutes=15, seconds=1)


@dataclass
class DrawnPipeline(VectorPipeline):
    """Drawn faces have the templates that they were given; other bytes are a template themselves."""

    known: dict[bytes, tuple[Floats, int]] = field(default_factory=dict)

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        if picture.data not in self.known:
            return super().faces(picture, quality)
        template, seed = self.known[picture.data]
        return [Face(drawn_face(seed).place, MEASURES, template)]


class Town(World):
    """A world whose list has pictures, and which has a door for every terminal."""

    def listed(self) -> "Town":
        self.pipeline = DrawnPipeline()
        self.create()
        pictures = [drawn_face(seed).data for seed in range(20)]
        self.pipeline.known = {data: (self.templates[at], at) for at, data in enumerate(pictures)}
        rows = [Row(f"S{i:03}", Path(str(i)), labels=(("name", f"Planted Name {i}"),)) for i in range(20)]
        source = PictureSource(
            rows, lambda path: Picture(str(path), pictures[int(str(path))]), self.pipeline, Quality()
        )
        load_list(self.sessions["boss"], "missing", source, False, lambda *_: None)
        self.cohort()
        self.calibrate(POLICY)
        self.activate()
        return self

    def probe(self, number: int, case: str) -> None:
        near = normalise(self.templates[number : number + 1] + 0.02 * vectors(1, seed=number))[0]
        data = drawn_face(number, variant=9).data
        self.pipeline.known[data] = (near, number)
        picture = Picture("probe", data)
        images = [(Path("probe.jpg"), lambda _: picture)]
        found = list(submit(self.sessions["boss"], "missing", images, Errand(case, "seen"), lambda: self.pipeline))
        assert found

    def door(self, account: str, terminal: str) -> tuple[Lobby, Store]:
        seat = Seat(account, terminal)
        store = open_store(self.folder / "home", seat, self.clock, address_of(self.folder / "home"))
        place: Workplace = replace(self.place, work=store.unit_of_work, seat=seat)
        return Lobby(place, match_confidence), store


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path).listed()
    made.probe(7, "C-2026-0117")
    yield made
    made.store.close()


class Terminals:
    """Two apps at once, each at a seat of its own."""

    def __init__(self, town: Town) -> None:
        self._town, self._open = town, AsyncExitStack()

    async def __aenter__(self) -> tuple[Stage, Stage]:
        stages = []
        for account, terminal in (("ana-account", "/dev/pts/1"), ("ben-account", "/dev/pts/2")):
            lobby, store = self._town.door(account, terminal)
            self._open.callback(store.close)
            stages.append(await self._open.enter_async_context(on_stage(lobby, (100, 40), today=self._town.clock)))
        return stages[0], stages[1]

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()


async def enter(stage: Stage, name: str) -> None:
    await stage.sign_in(name, PASSPHRASE)
    await stage.until(lambda: isinstance(stage.app.screen, QueueScreen) and stage.app.screen.rows is not None, "queue")


async def open_first(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.app.screen.shown.rows), "an alert")
    await stage.keys("enter")
    await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "compare")
    await stage.drawn()


async def reload(stage: Stage) -> None:
    await stage.keys("r")
    await stage.app.workers.wait_for_complete()
    await stage.until(lambda: True)


def waiting(stage: Stage) -> int:
    assert isinstance(stage.app.screen, QueueScreen)
    return len(stage.app.screen.rows or ())


async def test_who_was_first_holds_it_and_the_other_is_told(town: Town) -> None:
    async with Terminals(town) as (first, second):
        await enter(first, "ana")
        await enter(second, "ben")
        await second.until(lambda: waiting(second) == 1, "both see it")
        await open_first(first)
        await second.keys("enter")  # ben's screen still shows the row
        await second.until(lambda: "does not wait for you" in second.text(), "refused")
        assert isinstance(second.app.screen, QueueScreen)
        await second.until(lambda: waiting(second) == 0, "gone")
        await first.keys("escape")
        await first.until(lambda: isinstance(first.app.screen, QueueScreen), "given back")
        await first.app.ask(lambda: None)  # the desk thread has released it
        await reload(second)
        assert waiting(second) == 1


async def test_a_lapsed_claim_comes_back_and_its_holder_can_write_nothing_more(town: Town) -> None:
    async with Terminals(town) as (first, second):
        await enter(first, "ana")
        await enter(second, "ben")
        await open_first(first)
        await reload(second)
        assert waiting(second) == 0
        town.clock.now += LEASE
        await reload(second)
        assert waiting(second) == 1
        await open_first(second)
        await first.press("d", "enter")
        assert "does not wait for you" in first.text()
        with town.place.work(write=False) as work:
            alert = work.alerts.lines()[0].alert_id
            assert not work.alerts.judgements(alert)


async def test_a_locked_terminal_keeps_its_claim_until_the_lease_ends(town: Town) -> None:
    async with Terminals(town) as (first, second):
        await enter(first, "ana")
        await enter(second, "ben")
        await open_first(first)
        first.app.call_later(first.app.lock, "ana")  # as its own: two apps run here
        await first.until(lambda: isinstance(first.app.screen, LockScreen), "locked")
        await reload(second)
        assert waiting(second) == 0
        await first.keys(*"wrong", "enter")
        await first.until(lambda: "does not open" in first.text(), "refused")
        town.clock.now += LEASE
        await reload(second)
        assert waiting(second) == 1
        first.app.screen.query_one("#reentry", Input).value = PASSPHRASE
        await first.keys("enter")
        await first.until(lambda: isinstance(first.app.screen, CompareScreen), "open again")
        await first.drawn()
        await open_first(second)
        await first.press("d", "enter")
        assert "does not wait for you" in first.text()
    assert "sign in" in str([one.details for one in refused(town)])


def refused(town: Town) -> list[LogEntry]:
    with town.place.work(write=False) as work:
        return [entry for entry in work.log.entries() if entry.action == "refused"]


async def test_the_second_reviewer_is_blind_and_two_who_agree_make_a_lead(town: Town) -> None:
    async with Terminals(town) as (first, second):
        await enter(first, "ana")
        await open_first(first)
        await first.same()
        await first.press("enter")
        await first.until(lambda: first.compare.session.stage == "disclosed", "disclosed")
        await first.press("enter")
        assert OUTCOMES["pending"] in first.text()
        assert "Planted Name 7" not in first.text()
        await enter(second, "ben")
        await second.until(lambda: waiting(second) == 1, "waits for ben")
        blind = [second.text()]
        await second.keys("3")
        await second.until(lambda: isinstance(second.app.screen, LogScreen) and bool(second.app.screen.rows), "log")
        await second.keys("slash", *"closed")
        await second.until(lambda: bool(second.app.screen.shown.rows), "closed entries")
        blind.append(second.text())
        closed = [line for line in second.app.screen.rows if line.closed]
        assert len(closed) >= 4  # searched, claimed, judged, disclosed, finished
        await second.keys("escape")
        blind.append(second.text())
        await second.keys("1")
        await second.until(lambda: isinstance(second.app.screen, QueueScreen), "queue")
        await open_first(second)
        blind.append(second.text())
        for text in blind:
            for word in ("C-2026-0117", "alert.judged", "alert.finished", "ana-account", "Planted", "S007", "0.9"):
                assert word not in text, word
        await second.same()
        await second.press("enter")
        await second.until(lambda: "C-2026-0117" in second.text(), "disclosed")
        await second.press("enter")
        await second.until(lambda: "Planted Name 7" in second.text(), "lead")
        assert "NOT INDEPENDENT" not in second.text()
        await second.press("enter")
        await second.until(lambda: isinstance(second.app.screen, QueueScreen), "queue again")
        await second.keys("4")
        await second.until(lambda: "0 of 1: 0.0 %, 95 % interval 0.0 to 97.5 %" in second.text(), "own figures")
        await second.keys("3")
        await second.until(lambda: "searches and reviews are" in second.text(), "the log says no more than places")
        await second.keys("v")
        await second.until(lambda: "VERIFIES" in second.text(), "verified on screen")
    assert verify(town.place, lambda *_: None).judgements == 2


async def test_what_was_judged_in_another_terminal_of_the_same_person_closes_this_one(town: Town) -> None:
    async with Terminals(town) as (first, second):
        for stage in (first, second):
            await enter(stage, "ana")
            await open_first(stage)
        await second.press("d", "enter")
        await first.keys("s")
        await first.until(lambda: isinstance(first.app.screen, QueueScreen), "back in the queue")
        await first.until(lambda: "in another terminal" in first.text(), "told why")
        await second.press("enter")  # the claim was not given back under its holder
        assert second.compare.session.stage == "disclosed"
        await open_first(first)
        await first.until(lambda: first.compare.session.stage == "disclosed", "goes on where it is")
        assert judged(town) == 1


def judged(town: Town) -> int:
    with town.place.work(write=False) as work:
        return sum(len(work.alerts.judgements(line.alert_id)) for line in work.alerts.lines())


@pytest.mark.parametrize(
    ("gone", "told"), [("suspended", "User ana is suspended: an admin must lift"), ("removed", "User ana was removed")]
)
async def test_who_is_suspended_or_removed_meanwhile_is_told_so_in_every_room(town: Town, gone: str, told: str) -> None:
    async with Terminals(town) as (first, _):
        await enter(first, "ana")
        await first.until(lambda: waiting(first) == 1, "an alert")
        if gone == "suspended":
            set_suspended(town.sessions["boss"], "ana", True)
        else:
            remove_user(town.sessions["boss"], "ana")
        await reload(first)
        await first.until(lambda: told in " ".join(first.drawn_text().split()), "told")
        assert waiting(first) == 0
        assert "Nothing is waiting" not in first.text()
        assert "ctrl+l signs out" in first.text()
        for key in "234":
            await first.keys(key)
            await first.until(lambda: told[5:20] in first.drawn_text(), f"room {key}")
