"""How this terminal draws pictures. Importing this asks the terminal, so it must happen before the app starts."""

from PIL import Image
from rich.console import Console
from textual.strip import Strip
from textual.widget import Widget
from textual_image._terminal import get_cell_size
from textual_image.renderable import Image as DetectedRenderable
from textual_image.renderable import SixelImage as SixelRenderable
from textual_image.renderable import TGPImage as KittyRenderable
from textual_image.widget import SixelImage, TGPImage

from matcher.review.pixels import Colours, Grid, ImageMode
from matcher.tui.widgets.blocks import character_strips, half_block_strips


def resolved(mode: ImageMode) -> ImageMode:
    """The mode that is really drawn: `auto` is what the terminal answered, half blocks when it said nothing."""
    if mode is not ImageMode.AUTO:
        return mode
    if DetectedRenderable is KittyRenderable:
        return ImageMode.KITTY
    return ImageMode.SIXEL if DetectedRenderable is SixelRenderable else ImageMode.HALF_BLOCK


def available() -> tuple[ImageMode, ...]:
    """The modes that the image-mode key goes through: pixels only where the terminal answered that it draws them.

    A graphics mode that a terminal does not know shows nothing, and a face that nobody sees must not count as large.
    """
    found = resolved(ImageMode.AUTO)
    drawn = () if found is ImageMode.HALF_BLOCK else (found,)
    return (ImageMode.AUTO, *drawn, ImageMode.HALF_BLOCK, ImageMode.CHARACTERS)


def colours() -> Colours:
    """How many colours this terminal says it shows (COLORTERM, TERM)."""
    systems = {"truecolor": Colours.FULL, "256": Colours.FEW}
    return systems.get(Console(stderr=True).color_system or "", Colours.TOO_FEW)


def mode_name(mode: ImageMode) -> str:
    """What screens call a mode; `auto` names what it found."""
    return f"auto: {resolved(mode).value}" if mode is ImageMode.AUTO else mode.value


def grid(columns: int, rows: int) -> Grid:
    """A view of this many cells in this terminal (10 x 20 pixels a cell where the terminal does not say)."""
    size = get_cell_size()
    return Grid(columns, rows, max(1, size.width), max(1, size.height))


def strips(image: Image.Image, mode: ImageMode) -> list[Strip]:
    """Rows of text for the modes that draw with characters; nothing for the others."""
    if mode is ImageMode.HALF_BLOCK:
        return half_block_strips(image)
    return character_strips(image) if mode is ImageMode.CHARACTERS else []


def pixel_widget(mode: ImageMode) -> Widget:
    """The widget for a mode that sends pixels."""
    return TGPImage() if mode is ImageMode.KITTY else SixelImage()
