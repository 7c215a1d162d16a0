"""What the head and the advice must always tell is told whole at 80x24: size, mode, reviewer, a stop, the way out."""

import re
from dataclasses import replace

import pytest

from matcher.review.keys import how_to_enlarge
from matcher.review.pixels import Colours
from matcher.tui.dialogs.help import HelpDialog
from matcher.tui.offers import EVERYWHERE, HERE
from tests.fakes.review_office import Home, alert, home, list_line, user
from tests.tui.stage import Stage, on_stage

SMALL = (80, 24)
LONG = "bartholomew.lons"  # as long as a head shows a name


def of_a_long_name(**settings: object) -> Home:
    made = home(alert(1), **settings)
    made.users = {LONG: (user(LONG), f"pass-{LONG}")}
    return made


def head(stage: Stage) -> str:
    return stage.drawn_text().splitlines()[0]


@pytest.mark.parametrize("keys", [(), ("z",), ("f",), ("z", "f"), ("z", "z", "c", "o")])
async def test_size_and_mode_are_in_the_head_whatever_else_is(keys: tuple[str, ...]) -> None:
    async with on_stage(of_a_long_name(min_pixels=64), SMALL, colours=Colours.FEW) as stage:
        await stage.open(LONG)
        await stage.press(*keys)
        await stage.drawn()
        drawn = stage.compare.session.drawn
        assert f"{drawn.mode}, face {drawn.face_pixels} px" in head(stage)
        assert re.search(r"1/2|candidate 1 of 2", head(stage))
        assert LONG in head(stage) or "…" in head(stage)


async def test_the_reviewer_is_in_the_head_where_there_is_room() -> None:
    async with on_stage(of_a_long_name(), SMALL) as stage:
        await stage.open(LONG)
        for key in ("z", "z", "f"):
            assert LONG in head(stage)
            await stage.press(key)
        assert LONG in head(stage)


async def test_a_stop_shortens_no_name() -> None:
    made = of_a_long_name()
    stopped = [replace(list_line(f"list {at}"), state="suspended", stopped="by ada") for at in range(12)]
    made.lists = {one.name: one for one in stopped}
    async with on_stage(made, SMALL) as stage:
        await stage.queue(LONG)
        await stage.until(lambda: "12 suspended" in head(stage), "a stop")
        for key in "234":
            await stage.keys(key)
            await stage.until(lambda: LONG in head(stage) and "12 suspended" in head(stage), f"room {key}")


@pytest.mark.parametrize("keys", [(), ("s",), ("f",), ("z",)])
async def test_the_whole_advice_is_on_screen(keys: tuple[str, ...]) -> None:
    async with on_stage(of_a_long_name(min_pixels=200), SMALL, colours=Colours.FEW) as stage:
        await stage.open(LONG)
        size = stage.compare.session.drawn.face_pixels
        await stage.press(*keys)
        shown = " ".join(stage.drawn_text().split())
        advice = how_to_enlarge(stage.compare.session)
        assert advice in shown
        assert "matcher serve and a browser through ssh -L" in advice
        if keys == ("s",):
            assert "*Same* is refused here" in shown
            assert stage.compare.session.drawn.face_pixels == size  # words push no face aside


async def test_a_long_message_is_told_whole() -> None:
    async with on_stage(of_a_long_name(), SMALL) as stage:
        await stage.queue(LONG)
        told = " ".join(f"word{at}" for at in range(30))
        stage.app.screen.notice(told)  # type: ignore[attr-defined]
        await stage.until(lambda: told in " ".join(stage.drawn_text().split()), "all of it")


async def test_the_palette_over_the_help_says_whole_words() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.queue("rita")
        await stage.keys("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpDialog), "help")
        told = [one.help for one in stage.app.get_system_commands(stage.app.screen)]
        assert not any("Binding(" in one or "key=" in one for one in told)
        assert {one.split(":")[0] for one in told} == {HERE, EVERYWHERE, "colours"}


async def test_an_empty_queue_says_why_it_is_closed() -> None:
    async with on_stage(home(closed="Nothing waits for you while your right to confirm is suspended")) as stage:
        await stage.queue("rita")
        await stage.until(lambda: "while your right to confirm is suspended" in stage.drawn_text(), "why")
        assert "Nothing is waiting" not in stage.text()
