"""Lists, the stop button, and activation by an approver who types the number."""

from dataclasses import replace

import pytest
from textual.widgets import DataTable, Input

from matcher.domain.watch import Refutation
from matcher.tui.dialogs.question import Reason
from matcher.tui.screens.calibration import CalibrationScreen
from matcher.tui.screens.lists import ListsScreen
from tests.fakes.review_office import Home, home
from tests.tui.stage import Stage, on_stage


async def open_lists(stage: Stage, name: str) -> None:
    await stage.queue(name)
    await stage.keys("l")
    await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "lists")
    await stage.until(lambda: stage.app.screen.query_one(DataTable).row_count > 0, "rows")


async def open_report(stage: Stage, name: str, wait_for: str) -> None:
    await open_lists(stage, name)
    await stage.keys("enter")
    await stage.until(lambda: isinstance(stage.app.screen, CalibrationScreen), "calibration")
    await stage.until(lambda: wait_for in stage.text(), wait_for)


async def number_focused(stage: Stage) -> None:
    await stage.until(lambda: stage.app.focused is not None and stage.app.focused.id == "number", "focus")


async def test_an_approver_activates_by_typing_the_number() -> None:
    made = home()
    async with on_stage(made, report_table=lambda report, width: f"report of {len(report)} bytes") as stage:
        await open_report(stage, "ann", "You sign:")
        assert "report of" in stage.text()
        await number_focused(stage)
        await stage.keys("enter")
        await stage.until(lambda: "you answer for it" in stage.text(), "nothing typed")
        await stage.keys("8", "enter")
        await stage.until(lambda: "nothing was activated" in stage.text(), "wrong number")
        assert made.lists["spring fair"].state == "calibrated"
        await stage.keys("y", "e", "s", "7", "enter")
        await stage.until(lambda: "Active. Your signature is in the log" in stage.text(), "active")
    assert made.lists["spring fair"].approver == "ann"


async def test_the_loader_is_told_that_another_person_is_needed() -> None:
    made = home()
    async with on_stage(made) as stage:
        await open_report(stage, "ada", "You sign:")
        await number_focused(stage)
        await stage.keys("7", "enter")
        await stage.until(lambda: "another approver must activate it" in stage.text(), "message")
    assert made.lists["spring fair"].state == "calibrated"


async def test_a_reviewer_reads_but_cannot_activate() -> None:
    async with on_stage(home()) as stage:
        await open_report(stage, "rita", "Activation needs an approver")
        assert not stage.app.screen.query_one("#signing").display


async def test_a_list_without_a_report_is_a_line() -> None:
    made: Home = home()
    del made.lists["spring fair"]
    async with on_stage(made) as stage:
        await open_report(stage, "ann", "has no report yet")
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "lists")


async def test_anybody_stops_a_list_with_a_reason() -> None:
    made = home()
    async with on_stage(made) as stage:
        await open_lists(stage, "rita")
        await stage.keys("ctrl+s")
        await stage.until(lambda: isinstance(stage.app.screen, Reason), "reason")
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "back")
        assert made.lists["spring fair"].state == "calibrated"
        await stage.keys("ctrl+s")
        await stage.until(lambda: isinstance(stage.app.screen, Reason), "reason")
        await stage.keys(*"wrong", "enter")
        await stage.until(lambda: made.lists["spring fair"].state == "suspended", "suspended")
    assert made.reasons == ["wrong"]


REASON = Refutation("e" * 64, 1, 2, 2, 0.05, 0.03, 0.1743).reason
WATCHED = (
    "2 cases: 2 estimated false alarms, 0 waiting, 0 closed unjudged (all 2 searches: 2 rejected); at most 5 % "
    "certified; look 1: 2 of 2, lower bound 17.4 %; refuted in service"
)


def refuted() -> Home:
    made = home()
    line = replace(made.lists["spring fair"], state="suspended", watched=WATCHED)
    made.lists = {"spring fair": replace(line, stopped=f"by the count of rejections: {REASON}")}
    return made


def words(text: str) -> str:
    """Text without the line breaks of a screen."""
    return " ".join(text.split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_refuted_list_says_why_it_stopped_and_what_was_counted(size: tuple[int, int]) -> None:
    async with on_stage(refuted(), size=size) as stage:
        await open_lists(stage, "rita")
        await stage.until(lambda: REASON in words(stage.drawn_text()), "the reason, whole")
        shown = words(stage.drawn_text())
        assert WATCHED in shown
        assert "spring fair" in shown  # the row is still there on the smallest screen
        assert "Next step" in shown


async def test_the_report_of_a_stopped_list_says_so_above_it() -> None:
    async with on_stage(refuted(), report_table=lambda report, width: "the report") as stage:
        await open_report(stage, "ann", "the report")
        assert f"Stopped by the count of rejections: {REASON}" in words(stage.drawn_text())
    async with on_stage(home(), report_table=lambda report, width: "the report") as stage:
        await open_report(stage, "ann", "the report")
        assert "Stopped" not in stage.drawn_text()


async def test_the_report_turns_its_pages_while_the_number_is_in_focus_and_takes_the_screen() -> None:
    rows = "\n".join(f"row {at}" for at in range(90))
    async with on_stage(home(), (80, 24), report_table=lambda report, width: rows) as stage:
        await open_report(stage, "ann", "You sign:")
        await number_focused(stage)
        assert "row 1 " in stage.drawn_text()
        assert "pgdn page" in stage.drawn_text()
        await stage.keys("pagedown")
        await stage.until(lambda: "row 1 " not in stage.drawn_text(), "a page down")
        await number_focused(stage)
        seen = stage.drawn_text().count("row ")
        await stage.keys("7", "tab", "tab", "f")
        await stage.until(lambda: "You sign:" not in stage.drawn_text(), "full")
        assert stage.drawn_text().count("row ") > seen + 3
        await stage.keys("pageup", "pageup")
        await stage.until(lambda: "row 1 " in stage.drawn_text(), "the first page")
        await stage.keys("f")
        await stage.until(lambda: "You sign:" in stage.drawn_text(), "back")
        assert stage.app.screen.query_one("#number", Input).value == "7"
