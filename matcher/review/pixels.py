"""How many pixels a terminal gives a picture, by the way it is drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from matcher.errors import BadInput


class ImageMode(StrEnum):
    """How pictures are drawn; the value is what screens and judgements call it."""

    AUTO = "auto"
    KITTY = "kitty"
    SIXEL = "sixel"
    HALF_BLOCK = "half block"
    CHARACTERS = "characters"

    @classmethod
    def wished(cls, text: str) -> "ImageMode":
        """The mode that a setting names, `half-block` or `half block` alike. Raises BadInput for an unknown one."""
        try:
            return cls(text.strip().lower().replace("-", " "))
        except ValueError:
            raise BadInput(f"image mode {text!r} is none of {', '.join(cls)}") from None

    def next(self, available: Sequence["ImageMode"]) -> "ImageMode":
        """The mode that the image-mode key goes to."""
        at = available.index(self) if self in available else -1
        return available[(at + 1) % len(available)]


class Colours(StrEnum):
    """How many colours half blocks are drawn in: 2^24, 256, or too few for a face."""

    FULL = "full"
    FEW = "256 colours"
    TOO_FEW = "too few colours"

    def described(self, mode: ImageMode) -> str:
        """What a judgement says of how faces were drawn."""
        return mode.value if mode is not ImageMode.HALF_BLOCK or self is Colours.FULL else f"{mode.value}, {self.value}"

    def shows_faces(self, mode: ImageMode) -> bool:
        """False where a face is a handful of colours or shades: too little for *same*, however large it is drawn."""
        return mode is not ImageMode.CHARACTERS and (mode is not ImageMode.HALF_BLOCK or self is not Colours.TOO_FEW)


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
