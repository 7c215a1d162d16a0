"""The image mode as a setting: taken at the start, but pixels only where the terminal answered that it draws them."""

from pathlib import Path

import pytest

from matcher.config import load_settings
from matcher.errors import BadInput
from matcher.review.pixels import ImageMode
from tests.fakes.review_office import alert, home
from tests.tui.stage import on_stage


@pytest.mark.parametrize(
    ("written", "mode"),
    [("auto", ImageMode.AUTO), ("half-block", ImageMode.HALF_BLOCK), ("Half Block ", ImageMode.HALF_BLOCK),
     ("SIXEL", ImageMode.SIXEL)],
)  # fmt: skip
def test_a_mode_by_its_name(written: str, mode: ImageMode) -> None:
    assert ImageMode.wished(written) is mode


def test_an_unknown_mode_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="'braille' is none of auto, kitty, sixel, half block, characters"):
        ImageMode.wished("braille")


def test_file_environment_and_their_order(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('image_mode = "characters"\n')
    of_file = load_settings({"MATCHER_CONFIG": str(config)})
    of_both = load_settings({"MATCHER_CONFIG": str(config), "MATCHER_IMAGE_MODE": "sixel"})
    assert (of_file.image_mode, of_both.image_mode) == ("characters", "sixel")
    assert load_settings({"MATCHER_CONFIG": str(tmp_path / "none.toml")}).image_mode == "auto"


async def test_faces_are_drawn_as_the_setting_says() -> None:
    async with on_stage(home(alert(1)), image_mode=ImageMode.CHARACTERS) as stage:
        assert "characters" in stage.text()
        await stage.open("rita")
        assert stage.compare.session.drawn.mode == "characters"


async def test_pixels_are_not_taken_on_trust() -> None:
    async with on_stage(home(alert(1)), image_mode=ImageMode.KITTY) as stage:
        assert stage.app.image_mode is ImageMode.AUTO
        assert "kitty: not answered by this terminal." in stage.text()
        await stage.open("rita")
        assert stage.compare.session.drawn.mode == "half block"
