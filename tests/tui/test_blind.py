"""Stage 1 and the queue show nothing that could sway a judgement, in the widgets or in what the terminal draws."""

import html
import re

from matcher.tui.screens.compare import CompareScreen
from tests.fakes.review_office import CONFIDENCE, Home, alert, home
from tests.tui.stage import Stage, on_stage


def assert_blind(stage: Stage, made: Home) -> None:
    svg = html.unescape(re.sub(r"<style.*?</style>", "", stage.app.export_screenshot(), flags=re.S)).replace(
        "\xa0", " "
    )
    drawn = " ".join(re.findall(r">([^<>]+)</text>", svg))
    everything = stage.text() + "\n" + drawn
    for one in made.alerts.values():
        for word in (
            one.case,
            one.list_name,
            "SUBJ-",
            "Esi",
            "Stavros",
            "invented",
            CONFIDENCE[:20],
            "413",
            "▲",
            "threshold",
        ):
            assert word not in everything, word
        for candidate in one.candidates:
            digits = f"{candidate.score / 1_000_000:.4f}"
            assert digits not in everything
            assert str(candidate.score) not in everything
    assert not re.search(r"0\.\d{2,}", everything)


async def test_queue_and_every_moment_of_stage_one() -> None:
    made = home(alert(1, candidates=3), alert(2))
    async with on_stage(made) as stage:
        await stage.queue("rita")
        await stage.until(lambda: "2 waiting" in stage.text(), "queue")
        assert_blind(stage, made)
        assert "sam" not in stage.text()
        await stage.keys("enter")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "compare")
        await stage.drawn()
        for keys in (("z",), ("n",), ("b",), ("b",), ("m",), ("f",), ("f",), ("s", "a", "x", "v"), ("escape",), ("e",),
                     ("d", "enter"), ("u", "enter"), ("d", "enter")):  # fmt: skip
            await stage.press(*keys)
            assert_blind(stage, made)
        assert stage.compare.session.all_judged
        assert "disclose" not in made.calls


async def test_help_and_palette_are_blind_and_offer_no_screenshot() -> None:
    made = home(alert(1))
    async with on_stage(made) as stage:
        await stage.open("rita")
        titles = [command.title for command in stage.app.get_system_commands(stage.app.screen)]
        assert "Screenshot" not in titles
        assert "Theme" not in titles
        assert "Switch reviewer" in titles
        await stage.keys("question_mark")
        assert_blind(stage, made)
        await stage.keys("escape", "ctrl+p")
        await stage.pilot.pause(0.1)
        assert_blind(stage, made)
