"""How many pixels a terminal gives a picture, by the way it is drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ImageMode(StrEnum):
    """How pictures are drawn; the value is what screens and judgements call it."""

    AUTO = "auto"
    KITTY = "kitty"
    SIXEL = "sixel"
    HALF_BLOCK = "half block"
    CHARACTERS = "characters"

    def next(self) -> "ImageMode":
        """The mode that the image-mode key goes to."""
        modes = list(ImageMode)
        return modes[(modes.index(self) + 1) % len(modes)]


@dataclass(frozen=True, slots=True)
class Grid:
    """A view of `columns` x `rows` cells; a cell is `cell_width` x `cell_height` screen pixels."""

    columns: int
    rows: int
    cell_width: int
    cell_height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in screen pixels, which are square."""
        return self.columns * self.cell_width, self.rows * self.cell_height

    def raster(self, mode: ImageMode) -> tuple[int, int]:
        """Width and height in pixels that the mode can colour one by one."""
        if mode is ImageMode.HALF_BLOCK:
            return self.columns, 2 * self.rows
        if mode is ImageMode.CHARACTERS:
            return self.columns, self.rows
        return self.size


def face_pixels(face_shares: Iterable[float], grid: Grid, mode: ImageMode) -> int:
    """Height in pixels of the smaller face, from the shares of the view's height that the faces take."""
    return int(min(face_shares) * grid.raster(mode)[1])
