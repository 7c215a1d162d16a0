"""The line that says that lists are not searched as they should be."""

import threading

import pytest

from matcher.tui import app as review_app
from tests.fakes.review_office import alert, home
from tests.tui.stage import on_stage

LINE = "index degraded: 2 of 3 shards have room; start more nodes"


async def test_a_degraded_index_is_told_in_every_room_until_it_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_app, "INDEX_SECONDS", 0.05)
    state = [LINE]
    async with on_stage(home(), size=(80, 24), index_state=lambda: state[0]) as stage:
        await stage.queue("rita")
        for room in "2341":
            await stage.keys(room)
            await stage.until(lambda: LINE in stage.drawn_text(), f"the line in room {room}")
        state[0] = ""
        await stage.until(lambda: "degraded" not in stage.drawn_text(), "the line gone")


async def test_faces_keep_their_size_whatever_the_index_does() -> None:
    async with on_stage(home(alert(1)), index_state=lambda: LINE) as stage:
        await stage.open("rita")
        await stage.until(lambda: stage.app.index_state == LINE, "the state")
        assert "degraded" not in stage.drawn_text()
        await stage.keys("escape")
        await stage.until(lambda: LINE in stage.drawn_text(), "the line in the queue")


async def test_a_cluster_that_does_not_answer_keeps_nobody_waiting() -> None:
    answers = threading.Event()

    def slow() -> str:
        answers.wait(30)
        return LINE

    async with on_stage(home(alert(1)), index_state=slow) as stage:
        await stage.open("rita")
        assert stage.app.index_state == ""
        answers.set()
        await stage.until(lambda: stage.app.index_state == LINE, "the state")
