"""The rooms: ways between them, help and palette made of the bindings, filter, order and mouse."""

import inspect
from datetime import UTC, datetime

import pytest
from textual.binding import Binding
from textual.widgets import DataTable, Input

from matcher.domain.desk import Share, Stage, WorkPeriod
from matcher.review.keys import DEEDS
from matcher.tui.app import ReviewApp
from matcher.tui.dialogs.help import HelpDialog
from matcher.tui.offers import offers
from matcher.tui.screens import calibration, compare, lists, lock, log, queue, sign_in, table_room, work
from matcher.tui.screens.calibration import CalibrationScreen
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.screens.room import Room
from matcher.tui.screens.work import WorkScreen
from tests.fakes.review_office import alert, home
from tests.tui import stage as stages

MODULES = (calibration, compare, lists, lock, log, queue, sign_in, table_room, work)
ROOMS = {one for module in MODULES for _, one in inspect.getmembers(module, inspect.isclass) if issubclass(one, Room)}
SHARES = Share(3, 105, 3 / 105, (0.006, 0.081))
WORK = tuple(WorkPeriod(days, 60, 15, 20, 70, 13.04, SHARES, 2, 1) for days in (7, 30, None))


@pytest.mark.parametrize("owner", [ReviewApp, *sorted(ROOMS, key=lambda one: one.__name__)])
def test_every_key_of_ours_has_words(owner: type[object]) -> None:
    for binding in vars(owner).get("BINDINGS", ()):
        repeats_an_app_key = binding.action.startswith("app.") and not binding.show
        assert binding.tooltip or repeats_an_app_key, (owner, binding)


def test_every_deed_of_an_alert_has_words_and_the_keys_that_share_words_do_the_same() -> None:
    for deeds in DEEDS.values():
        assert all(deed.words and deed.section for deed in deeds.values())
        by_words: dict[str, set[str]] = {}
        for key, deed in deeds.items():
            by_words.setdefault(deed.words, set()).add(key)
        assert {frozenset(keys) for keys in by_words.values() if len(keys) > 1} <= {
            frozenset({"right", "tab"}), frozenset({"left", "shift+tab"}), frozenset({"enter", "escape"})
        }  # fmt: skip


async def test_numbers_and_clicks_lead_from_room_to_room() -> None:
    async with stages.on_stage(home(alert(1), work=WORK)) as stage:
        await stage.queue("rita")
        for key, room in (("2", ListsScreen), ("3", LogScreen), ("4", WorkScreen), ("1", QueueScreen)):
            await stage.keys(key)
            await stage.until(lambda room=room: isinstance(stage.app.screen, room), room.__name__)
            assert len(stage.app.screen_stack) <= 3
        tabs = {str(tab.render()): tab for tab in stage.app.screen.query("RoomTab")}
        await stage.pilot.click(tabs["4 my work"])
        await stage.until(lambda: isinstance(stage.app.screen, WorkScreen), "clicked")
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, QueueScreen), "back")
        assert "0 of 2 lists active" in stage.drawn_text()
        assert "rita" in stage.drawn_text()


async def test_no_number_leads_out_of_an_alert() -> None:
    async with stages.on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.keys("1", "2", "3", "4")
        assert isinstance(stage.app.screen, CompareScreen)
        assert "room" not in {offer.action[:4] for offer in offers(stage.app.screen)}


@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
async def test_help_and_palette_hold_every_binding_of_the_room_below(key: str) -> None:
    async with stages.on_stage(home(alert(1), work=WORK)) as stage:
        await stage.queue("ann")
        await stage.keys(key)
        await stage.pilot.pause(0.1)
        room = stage.app.screen
        titles = {command.title.lower() for command in stage.app.get_system_commands(room)}
        expected = {
            one.tooltip
            for owner in (type(room), ReviewApp)
            for base in owner.__mro__
            for one in vars(base).get("BINDINGS", ())
            if base.__module__.startswith("matcher") and isinstance(one, Binding) and one.tooltip
        }
        overridden = {"end the filter; then back to the queue"} if isinstance(room, QueueScreen) else set()
        assert {words.lower() for words in expected - overridden} <= titles
        await stage.keys("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpDialog), "help")
        shown = " ".join(stage.text().split())
        for words in expected - overridden:
            assert words.split()[0] in shown
        assert "Everywhere" in shown
        await stage.keys("escape")
        await stage.until(lambda: stage.app.screen is room, "closed")


async def test_help_of_an_alert_changes_with_its_stage() -> None:
    async with stages.on_stage(home(alert(1, candidates=1)), size=(120, 40)) as stage:
        await stage.open("rita")
        await stage.keys("question_mark")
        await stage.until(lambda: "Judging" in stage.text(), "help")
        blind = " ".join(stage.text().split())
        assert "checklist: agree" in blind
        assert "withdraw" not in blind
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "closed")
        await stage.press("d", "enter", "enter")
        assert {offer.words for offer in offers(stage.compare)} >= {d.words for d in DEEDS[Stage.DISCLOSED].values()}
        await stage.keys("question_mark")
        await stage.until(lambda: "After the score" in stage.text(), "help")
        disclosed = " ".join(stage.text().split())
        assert "ask for a third reviewer" in disclosed
        assert "checklist" not in disclosed


async def test_the_palette_does_what_the_key_does() -> None:
    async with stages.on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.keys("ctrl+p", *"mirror")
        await stage.pilot.pause(0.6)
        await stage.keys("enter", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "palette closed")
        await stage.until(lambda: stage.compare.session.view.mirror, "mirrored")
        await stage.drawn()


async def test_the_queue_is_filtered_and_ordered_by_age_and_candidates() -> None:
    made = home(alert(1, candidates=3), alert(2, candidates=1), alert(3, candidates=2))
    for month, one in zip((9, 8, 7), made.alerts.values(), strict=True):  # mid-month: the same in every time zone
        one.queued_at = datetime(2026, month, 15, 12, tzinfo=UTC)

    def order() -> list[str]:
        return [entry.alert_id[-1] for entry, _ in stage.app.screen.shown.rows]

    async with stages.on_stage(made) as stage:
        await stage.queue("rita")
        await stage.until(lambda: order() == ["3", "2", "1"], "oldest first")
        for wanted in (["1", "2", "3"], ["2", "3", "1"], ["1", "3", "2"]):
            await stage.keys("o")
            await stage.until(lambda wanted=wanted: order() == wanted, str(wanted))
        assert "Candidates ↓" in stage.drawn_text()
        await stage.keys("slash", *"new 2026-09")
        await stage.until(lambda: order() == ["1"], "filtered")
        assert "3 waiting for you, 1 fit the filter" in stage.text()
        await stage.keys("escape")
        await stage.until(lambda: order() == ["1", "3", "2"], "all")
        assert not stage.app.screen.query_one("#filter", Input).display


async def test_a_click_on_a_row_opens_it_and_the_footer_does_what_its_key_does() -> None:
    async with stages.on_stage(home(alert(1))) as stage:
        await stage.queue("rita")
        await stage.until(lambda: stage.app.screen.query_one(DataTable).row_count > 0, "rows")
        footer = next(key for key in stage.app.screen.query("FooterKey") if key.description == "filter")
        await stage.pilot.click(footer)
        await stage.until(lambda: stage.app.screen.query_one("#filter").has_focus, "filter")
        await stage.keys("escape")
        await stage.until(lambda: not stage.app.screen.query_one("#filter").display, "filter gone")
        await stage.pilot.click(DataTable, offset=(4, 1))
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "opened")


async def test_a_click_on_a_list_opens_its_report() -> None:
    async with stages.on_stage(home()) as stage:
        await stage.queue("ann")
        await stage.keys("2")
        await stage.until(lambda: bool(stage.app.screen.query_one(DataTable).row_count), "rows")
        await stage.pilot.click(DataTable, offset=(4, 1))
        await stage.until(lambda: isinstance(stage.app.screen, CalibrationScreen), "report")


async def test_own_figures_with_k_of_n_and_the_interval() -> None:
    async with stages.on_stage(home(work=WORK)) as stage:
        await stage.queue("rita")
        await stage.keys("4")
        await stage.until(lambda: "3 of 105: 2.9 %, 95 % interval 0.6 to 8.1 %" in stage.drawn_text(), "figures")
        for words in (
            "last 7 days",
            "since the beginning",
            "13.0 s",
            "*same* withdrawn: 2, third reviewer asked for: 1",
        ):
            assert words in stage.drawn_text(), words


async def test_without_a_judgement_there_is_no_share_and_the_page_says_what_to_do() -> None:
    async with stages.on_stage(home()) as stage:
        await stage.queue("rita")
        await stage.keys("4")
        await stage.until(lambda: "Nothing judged yet" in stage.drawn_text(), "empty")
    one = alert(1)
    async with stages.on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.press("d", "enter", "escape", "4")
        await stage.until(lambda: "no score was shown yet, so there is no share" in stage.drawn_text(), "no share")
        assert "nan" not in stage.drawn_text().lower()


async def test_who_is_no_reviewer_is_told_so() -> None:
    async with stages.on_stage(home(alert(1))) as stage:
        stage.home.alerts.clear()
        await stage.queue("ann")
        await stage.until(lambda: "you are not a reviewer" in stage.drawn_text(), "told")


async def test_a_click_on_a_verdict_chooses_it_and_commits_nothing() -> None:
    one = alert(1)
    async with stages.on_stage(home(one)) as stage:
        await stage.open("rita")
        (row,) = (at for at, text in enumerate(stage.drawn_text().splitlines()) if "u undecided" in text)
        column = stage.drawn_text().splitlines()[row].index("different")
        await stage.pilot.click(offset=(column + 2, row))
        await stage.until(lambda: stage.compare.session.chosen == "different", "chosen")
        assert not one.paths["rita"].judgements
