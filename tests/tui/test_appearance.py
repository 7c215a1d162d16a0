"""Colours that can be read, and names that cannot drive the terminal."""

import pytest
from rich.text import Text

from matcher.domain.case import Verdict
from matcher.tui.plain import page
from matcher.tui.themes import DARK, MONOCHROME, PAIRS, PALETTES, contrast
from tests.fakes.review_office import alert, home, list_line, votes
from tests.tui.stage import Stage, on_stage
from tests.tui.test_lists import open_lists

EVIL = "[red]x[/nope]\x1b[31m\u202egnp\n$(ls)"
PICTURE = set("▀▌▐ ░▒▓█─│╭╮╰╯┌┐└┘▔▁▏▕▊▎🭼🭿▍╸╺━╎╴")


def test_every_pair_of_every_theme_has_the_contrast_of_wcag_aa() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for palette in PALETTES.values():
        for ink, ground in PAIRS:
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground, palette[ink])


def assert_readable_card(stage: Stage) -> None:
    """A dialog darkens what lies behind it on purpose: only its own card is to be read."""
    region = stage.app.screen.query_one(".card").region
    seen = 0
    for strip in stage.app.screen._compositor.render_strips()[region.y : region.bottom]:
        for text, style, _ in strip.crop(region.x, region.right):
            if set(text) - PICTURE and style is not None and style.color is not None and style.bgcolor is not None:
                ink, ground = (colour.get_truecolor() for colour in (style.color, style.bgcolor))
                assert contrast(ink.hex, ground.hex) >= 4.5, (text, ink.hex, ground.hex)
                seen += 1
    assert seen > 5


def assert_readable(stage: Stage) -> None:
    """What is really drawn: every character that is text, on the background behind it."""
    seen = 0
    for strip in stage.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if not set(text) - PICTURE or style is None or style.color is None or style.bgcolor is None:
                continue
            ink, ground = (colour.get_truecolor() for colour in (style.color, style.bgcolor))
            assert contrast(ink.hex, ground.hex) >= 4.5, (text, ink.hex, ground.hex)
            seen += 1
    assert seen > 5


@pytest.mark.parametrize("theme", list(PALETTES))
async def test_what_is_drawn_is_readable_in_every_theme(theme: str) -> None:
    async with on_stage(home(alert(1))) as stage:
        stage.app.action_use_theme(theme)
        await stage.pilot.pause(0.1)
        assert_readable(stage)
        await stage.open("rita")
        assert_readable(stage)
        await stage.same()
        await stage.press("d", "enter", "enter")
        assert_readable(stage)
        await stage.press("enter", "enter")
        assert_readable(stage)
        await stage.press("enter")
        for key in "l34":
            await stage.keys(key)
            await stage.pilot.pause(0.2)
            assert_readable(stage)
        await stage.keys("question_mark")
        await stage.pilot.pause(0.2)
        assert_readable_card(stage)
        await stage.keys("escape")
        await stage.pilot.pause(0.1)
        stage.app.lock("rita")
        await stage.pilot.pause(0.2)
        assert_readable(stage)


async def test_no_color_means_the_monochrome_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DARK != MONOCHROME
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(home()) as stage:
        assert stage.app.theme == MONOCHROME


def assert_harmless(stage: Stage) -> None:
    strips = stage.app.screen._compositor.render_strips()
    shown = "".join(part.text for strip in strips for part in strip)
    assert "[red]x[/nope]" in shown
    for character in ("\x1b", "\u202e"):
        assert character not in shown
        assert character not in stage.app.export_screenshot()


async def test_an_evil_name_is_shown_as_it_is() -> None:
    one = alert(1, candidates=1, name=EVIL, note=EVIL)
    one.case = one.list_name = EVIL
    votes(one, "sam", Verdict.SAME)
    made = home(one)
    made.lists = {EVIL: list_line(EVIL, loaded_by=EVIL)}
    async with on_stage(made, banner=EVIL, report_table=lambda *_: Text(EVIL)) as stage:
        await stage.pilot.pause(0.1)
        assert_harmless(stage)
        await stage.open("rita")
        await stage.same()
        await stage.press("enter")
        assert_harmless(stage)
        await stage.press("enter")
        assert "lead, two" in stage.text()
        assert_harmless(stage)
        await stage.press("enter", "ctrl+l")
        await open_lists(stage, "ann")
        assert_harmless(stage)
        await stage.keys("enter")
        await stage.until(lambda: "You sign" in stage.text(), "report")
        assert_harmless(stage)


def test_a_report_page_keeps_its_styles_and_loses_its_controls() -> None:
    shown = page(Text.assemble(("a\x1bb\n", "bold"), ("c", "italic")))
    assert shown.plain == "a\N{REPLACEMENT CHARACTER}b\nc"
    assert [span.style for span in shown.spans] == ["bold", "italic"]
