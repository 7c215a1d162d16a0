"""The log screen: filter, order, the whole log, and a verification that can be stopped."""

from textual.events import Key
from textual.widgets import DataTable

from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.queue import QueueScreen
from tests.fakes.review_office import Home, home, log_line
from tests.tui.stage import Stage, on_stage


async def open_log(stage: Stage, name: str = "rita") -> LogScreen:
    await stage.queue(name)
    await stage.keys("3")
    await stage.until(lambda: isinstance(stage.app.screen, LogScreen), "log")
    await stage.until(lambda: stage.app.screen.query_one(DataTable).row_count > 0, "entries")
    assert isinstance(stage.app.screen, LogScreen)
    return stage.app.screen


def long_log() -> Home:
    made = home()
    made.log = [log_line(1, "home.created"), *(log_line(at) for at in range(2, 800)), log_line(800, "list.activated")]
    return made


async def test_newest_entries_first_and_the_one_under_the_cursor_in_full() -> None:
    async with on_stage(home()) as stage:
        log = await open_log(stage)
        assert "30 entries" in stage.text()
        assert log.under_cursor() is not None
        assert log.under_cursor().sequence == 30
        await stage.keys("down")
        await stage.until(lambda: f"29, hash {29:02x}{29:02x}" in stage.drawn_text(), "detail follows")
        assert "desk at pts/1" in stage.drawn_text()


async def test_letters_filter_what_is_shown_and_enter_looks_through_the_whole_log() -> None:
    async with on_stage(long_log()) as stage:
        await open_log(stage)
        assert "800 entries, the newest 500 of them" in stage.text()
        await stage.keys("slash", *"activated")
        await stage.until(lambda: ", 1 shown" in stage.text(), "filtered")
        await stage.keys("escape", "slash", *"home.created")
        await stage.until(lambda: "No row fits" in stage.drawn_text(), "not among the newest")
        await stage.keys("enter")
        await stage.until(lambda: "1 of 800 entries hold 'home.created'" in stage.drawn_text(), "found")
        await stage.keys("escape")
        await stage.until(lambda: "the newest 500 of them" in stage.drawn_text(), "newest again")


async def test_a_filter_ended_and_begun_again_in_one_breath_keeps_its_first_letter() -> None:
    async with on_stage(long_log()) as stage:
        log = await open_log(stage)
        await stage.keys("slash", *"activated")
        await stage.until(lambda: ", 1 shown" in stage.text(), "filtered")
        for key in ("escape", "slash", *"home.created"):
            stage.app.simulate_key(key)
        stage.app.post_message(Key("slash", "/"))
        await stage.until(lambda: log.wanted == "home.created/", "every letter, and a slash is one there")


async def test_order_by_key_and_by_a_click_on_a_head() -> None:
    made = home()
    made.log = [log_line(1, actor="zoe"), log_line(2, actor="abe"), log_line(3, actor="mia")]

    def numbers(log: LogScreen) -> list[int]:
        return [line.sequence for line, _ in log.shown.rows]

    async with on_stage(made) as stage:
        log = await open_log(stage)
        assert numbers(log) == [3, 2, 1]
        await stage.keys("o")
        assert numbers(log) == [1, 2, 3]
        assert "Time ↑" in stage.drawn_text()
        table = log.query_one(DataTable)
        await stage.pilot.click(table, offset=(34, 0))
        await stage.until(lambda: numbers(log) == [2, 3, 1], "by who")
        await stage.pilot.click(table, offset=(34, 0))
        await stage.until(lambda: numbers(log) == [1, 3, 2], "the other way")


async def test_a_verification_says_what_it_found_and_what_it_cannot_know() -> None:
    async with on_stage(home()) as stage:
        await open_log(stage)
        await stage.keys("v")
        await stage.until(lambda: "VERIFIES" in stage.drawn_text(), "verified")
        assert "whoever holds this machine could have rewritten this" in " ".join(stage.drawn_text().split())
        assert "█" not in stage.drawn_text()


async def test_a_broken_log_is_said_in_words() -> None:
    async with on_stage(home(broken="the log is broken at entry 7: [red]its hash")) as stage:
        await open_log(stage)
        await stage.keys("v")
        await stage.until(lambda: "DOES NOT VERIFY" in stage.drawn_text(), "broken")
        assert "broken at entry 7: [red]its hash" in stage.drawn_text()


async def test_a_verification_shows_progress_lets_others_work_and_stops_with_escape() -> None:
    made = home()
    made.hold.clear()
    async with on_stage(made) as stage:
        await open_log(stage)
        await stage.keys("v")
        await stage.until(lambda: "of 30   esc stops" in stage.drawn_text(), "progress")
        await stage.keys("slash", *"boss")
        assert stage.app.screen.wanted == "boss"
        await stage.keys("escape")
        await stage.until(lambda: "Stopped verifying" in stage.drawn_text(), "stopped")
        assert isinstance(stage.app.screen, LogScreen)
        assert "VERIFIES" not in stage.text()


async def test_leaving_the_room_ends_the_work() -> None:
    made = home()
    made.hold.clear()
    async with on_stage(made) as stage:
        log = await open_log(stage)
        await stage.keys("v")
        await stage.until(lambda: log._errand is not None, "begun")
        errand = log._errand
        await stage.keys("1")
        await stage.until(lambda: isinstance(stage.app.screen, QueueScreen), "queue")
        await stage.until(lambda: errand is not None and errand._stop.is_set(), "told to stop")
