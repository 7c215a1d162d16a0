"""Names that try to drive the terminal, on every screen: markup, escapes, bidi, newlines, length, joined emoji."""

import re
from dataclasses import replace

import pytest
from rich.text import Text

from matcher.domain.case import Verdict
from matcher.domain.people import Role
from matcher.tui.dialogs.question import Reason, YesNo
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.lock import LockScreen
from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.work import WorkScreen
from tests.fakes.review_office import Home, alert, home, list_line, log_line, user, votes
from tests.tui.stage import Stage, on_stage

HOSTILE = {
    "markup": "[red]x[/nope][bold][@click=app.leave]",
    "escape": "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "bidi": "\u202eevil\u2066name\u200e",
    "newline": "one\ntwo\r\nthree\u2028four\u2029five\x85six\vseven\ttab",
    "long": "long " * 2_000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦 zoë \u0301\u0301\u0301 ｗｉｄｅ",
    "nul": "a\0b\x7fc\ufeffd\ue000e\ud800f",
}
FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ue000\ud800]")


def hostile(evil: str) -> Home:
    one = alert(1, candidates=1, name=evil, note=evil)
    one.case = one.list_name = evil
    one.candidates[0].candidate_id = evil
    one.candidates[0].label = replace(one.candidates[0].label, subject_id=evil)
    votes(one, "sam", Verdict.SAME)
    made = home(one, closings=(f"1 closed as inconclusive: {evil}",), stopped=evil, broken=evil)
    line = list_line(evil, loaded_by=evil)
    line = replace(line, purpose=evil, owner=evil, approver=evil, next_step=evil, stopped=evil, watched=evil, tier=evil)
    made.lists = {evil: line}
    made.users[evil] = (user(evil, Role.REVIEWER, Role.APPROVER), "pass")
    made.log = [log_line(1, action=evil, actor=evil, details=f'{{"reason": "{evil}"}}')]
    return made


def assert_harmless(stage: Stage, where: str) -> None:
    """Every cell that the terminal is sent, and the exported picture: nothing that drives it, one line per row."""
    width, height = stage.app.size
    strips = stage.app.screen._compositor.render_strips()
    assert len(strips) == height
    for row, strip in enumerate(strips):
        assert strip.cell_length == width, (where, row)
        text = "".join(part.text for part in strip)
        assert not FORBIDDEN.search(text), (where, text)
        for part in strip:
            assert "app.leave" not in str(part.style.meta if part.style else ""), where  # no markup became an action
    assert not FORBIDDEN.search(stage.app.export_screenshot()), where


async def signed_in(stage: Stage, evil: str) -> None:
    stage.app.start_user = None
    await stage.sign_in(evil, "pass")
    await stage.until(lambda: type(stage.app.screen).__name__ == "QueueScreen", "queue")


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_name_is_harmless_on_every_screen(kind: str) -> None:
    evil = HOSTILE[kind]
    made = hostile(evil)
    async with on_stage(made, (100, 40), banner=evil, report_table=lambda *_: Text(evil)) as stage:
        await stage.until(lambda: stage.app.screen.query_one("#names").option_count > 0, "names")
        assert_harmless(stage, "sign in")
        await signed_in(stage, evil)
        await stage.until(lambda: stage.app.screen.rows is not None, "queue read")
        assert_harmless(stage, "queue")
        await stage.keys("2")
        await stage.until(lambda: isinstance(stage.app.screen, ListsScreen) and bool(stage.app.screen.rows), "lists")
        await stage.until(lambda: True)
        assert_harmless(stage, "lists")
        await stage.keys("ctrl+s")
        await stage.until(lambda: "stopped already" in stage.text(), "stopped")
        await stage.keys("enter")
        await stage.until(lambda: "You sign" in stage.text(), "report")
        assert_harmless(stage, "calibration")
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "lists again")
        await stage.keys("3")
        await stage.until(lambda: isinstance(stage.app.screen, LogScreen) and bool(stage.app.screen.rows), "log")
        await stage.until(lambda: True)
        assert_harmless(stage, "log")
        await stage.keys("v")
        await stage.until(lambda: "DOES NOT VERIFY" in stage.text(), "verification")
        assert_harmless(stage, "verification")
        await stage.keys("4")
        await stage.until(lambda: "Nothing judged" in stage.text(), "my work")
        assert_harmless(stage, "my work")
        await stage.keys("question_mark")
        await stage.until(lambda: "Everywhere" in stage.text(), "help")
        assert_harmless(stage, "help")
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, WorkScreen), "my work again")
        await stage.keys("1")
        await through_an_alert(stage)


async def through_an_alert(stage: Stage) -> None:
    await stage.until(lambda: type(stage.app.screen).__name__ == "QueueScreen", "queue")
    await stage.keys("enter")
    await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "compare")
    await stage.drawn()
    assert_harmless(stage, "compare")
    await stage.press("k")
    await stage.until(lambda: isinstance(stage.app.screen, YesNo), "question")
    assert_harmless(stage, "question")
    await stage.keys("n")
    await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "back")
    await stage.same()
    await stage.press("enter")
    assert_harmless(stage, "disclosed")
    await stage.keys("w")
    await stage.until(lambda: isinstance(stage.app.screen, Reason), "reason")
    assert_harmless(stage, "reason")
    await stage.keys("escape")
    await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "back again")
    await stage.press("enter")
    await stage.until(lambda: "lead, two" in stage.text(), "outcome")
    assert_harmless(stage, "outcome")
    assert stage.app.desk is not None
    stage.app.lock(stage.app.desk.user.name)
    await stage.until(lambda: isinstance(stage.app.screen, LockScreen), "lock")
    assert_harmless(stage, "lock")


def test_the_examples_hold_what_they_are_named_for() -> None:
    assert all(FORBIDDEN.search(HOSTILE[kind]) for kind in ("escape", "bidi", "newline", "nul"))
    assert len(HOSTILE["long"]) == 10_000
