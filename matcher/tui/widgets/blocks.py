"""Pictures drawn with characters: half blocks in colour (two pixels a cell) or shades without colour.

textual-image has both, but builds them cell by cell on the interface's thread, with a call that Pillow 12
deprecates.
"""

from PIL import Image
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

SHADES = " ░▒▓█"
NO_STYLE = Style()  # NO_COLOR's filter needs a style on every segment


def half_block_strips(image: Image.Image) -> list[Strip]:
    """One strip per two rows of an RGB picture with an even number of rows."""
    wide, data = image.width, image.convert("RGB").tobytes()
    rows = [data[at : at + 3 * wide] for at in range(0, len(data), 3 * wide)]
    return [Strip(_half_row(upper, lower), wide) for upper, lower in zip(rows[::2], rows[1::2], strict=True)]


def character_strips(image: Image.Image) -> list[Strip]:
    """One strip per row, brighter pixels as fuller shades."""
    wide, data = image.width, image.convert("L").tobytes()
    shaded = "".join(SHADES[value * len(SHADES) // 256] for value in data)
    return [Strip([Segment(shaded[at : at + wide], NO_STYLE)], wide) for at in range(0, len(shaded), wide)]


def _half_row(upper: bytes, lower: bytes) -> list[Segment]:
    segments: list[Segment] = []
    start, last = 0, upper[:3] + lower[:3]
    cells = len(upper) // 3
    for at in range(1, cells + 1):
        colours = upper[3 * at : 3 * at + 3] + lower[3 * at : 3 * at + 3]
        if colours != last:
            segments.append(Segment("▀" * (at - start), _style(last)))
            start, last = at, colours
    return segments


def _style(colours: bytes) -> Style:
    red, green, blue, red_below, green_below, blue_below = colours
    return Style.from_color(Color.from_rgb(red, green, blue), Color.from_rgb(red_below, green_below, blue_below))


class BlockPicture(Widget):
    """Shows strips as they are; rows or columns that are missing stay empty."""

    _strips: list[Strip]

    def __init__(self) -> None:
        super().__init__()
        self._strips = []

    def show(self, strips: list[Strip]) -> None:
        """Takes the strips of a new picture."""
        self._strips = strips
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row at `y`."""
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, NO_STYLE)
        return strip.adjust_cell_length(self.size.width, NO_STYLE).crop(0, self.size.width)
