"""Bytes of a photograph -> the aligned crop that is drawn. Only for eyes; templates come from elsewhere.

A JPEG of more than 64 million pixels is read at a half, a quarter or an eighth of its width, which the decoder does for
nothing; a face in it still has more pixels than a terminal.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from matcher.domain.desk import FacePicture
from matcher.errors import BadInput
from matcher.review.crop import Placement, inverse, place_faces
from matcher.review.pixels import Grid, ImageMode, face_pixels
from matcher.review.session import ZOOMS, View
from matcher.vision.heic import is_heic, open_heic

MAX_PIXELS = 64_000_000
DRAWN_PIXELS = 2_000_000  # more than any terminal shows; keeps a huge window from costing seconds

GRID_COLOUR = (255, 220, 80)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """An upright RGB picture, `shrunk` times smaller than the photograph in either direction."""

    image: Image.Image
    shrunk: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Two aligned crops of one size, and the height in pixels of the smaller face as drawn."""

    probe: Image.Image
    reference: Image.Image
    face_pixels: int


def decode(data: bytes) -> Decoded:
    """The upright RGB picture. Raises BadInput when it cannot be shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked on the next lines
            image = open_heic(data) if is_heic(data) else Image.open(BytesIO(data))
        if image is None:
            raise BadInput("this picture is HEIC: it is shown once `pip install 'watchlist-matcher[heic]'` is done")
        width, height, shrunk = image.width, image.height, 1
        while image.format in ("JPEG", "MPO") and width * height > MAX_PIXELS * shrunk**2 and shrunk < 8:
            shrunk *= 2
        if width * height > MAX_PIXELS * shrunk**2:
            raise BadInput(f"this picture has {width}x{height} pixels, too many to be shown")
        if shrunk > 1:
            image.draft("RGB", (width // shrunk, height // shrunk))
        return Decoded(ImageOps.exif_transpose(_of_eight_bits(image)).convert("RGB"), shrunk)
    except (RuntimeError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise BadInput("this picture cannot be read") from None


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey by its upper eight bits, as templates have it; Pillow would show all but the darkest as white."""
    if not image.mode.startswith("I;16"):
        return image
    grey = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    exif = grey.getexif()
    for tag, value in image.getexif().items():
        exif[tag] = value
    return grey


def crop_pair(
    images: Sequence[Decoded],
    pictures: Sequence[FacePicture],
    grid: Grid,
    mode: ImageMode,
    view: View,
) -> Crops:
    """Probe (first) and reference drawn for views of `grid`; under an overlay both are the half of each."""
    # Faces are placed in square pixels; what is drawn has the mode's own pixels, which may be fewer and not square.
    width, height = grid.size
    placed = place_faces([picture.place for picture in pictures], width, height, ZOOMS[view.zoom], (view.mirror, False))
    across, down = grid.raster(mode)
    shrink = min(1.0, (DRAWN_PIXELS / (across * down)) ** 0.5)
    size = max(1, round(across * shrink)), max(1, round(down * shrink))
    scale = size[0] / width, size[1] / height
    drawn = [_warp(image, one, size, scale) for image, one in zip(images, placed, strict=True)]
    if view.contrast:
        # The darkest and the lightest hundredth are given up; one curve for all channels keeps the colours.
        drawn = [ImageOps.autocontrast(image, cutoff=1, preserve_tone=True) for image in drawn]
    if view.overlay:
        drawn = [Image.blend(drawn[0], drawn[1], 0.5)] * 2
    probe, reference = [_ruled(image, placed[0], scale) for image in drawn] if view.grid else drawn
    return Crops(probe, reference, int(face_pixels([one.face_share for one in placed], grid, mode) * shrink))


def _ruled(image: Image.Image, placement: Placement, scale: tuple[float, float]) -> Image.Image:
    """Lines through the middle of the eyes and every half eye distance from there, at the same places in both faces."""
    lines = image.copy()
    pen = ImageDraw.Draw(lines)
    step = [placement.distance / 2 * one for one in scale]
    first = [middle * one % gap for middle, one, gap in zip(placement.middle, scale, step, strict=True)]
    for at in range(round(image.width / step[0]) + 1):
        x = round(first[0] + at * step[0])
        pen.line((x, 0, x, image.height), fill=GRID_COLOUR)
    for at in range(round(image.height / step[1]) + 1):
        y = round(first[1] + at * step[1])
        pen.line((0, y, image.width, y), fill=GRID_COLOUR)
    return Image.blend(image, lines, 0.5)


def _warp(decoded: Decoded, placement: Placement, size: tuple[int, int], scale: tuple[float, float]) -> Image.Image:
    # A big photograph is averaged down by a whole factor first: transform() looks at 16 source pixels only.
    factor = max(1, int(1 / (placement.scale * max(scale) * decoded.shrunk)))
    a, b, c, d, e, f = inverse(placement.matrix)
    a, b, d, e = a / scale[0], b / scale[1], d / scale[0], e / scale[1]
    small = decoded.image.reduce(factor) if factor > 1 else decoded.image
    # In the reduced picture a source coordinate x is x / (factor * shrunk).
    data = tuple(value / (factor * decoded.shrunk) for value in (a, b, c, d, e, f))
    return small.transform(size, Image.Transform.AFFINE, data, resample=Image.Resampling.BICUBIC, fillcolor=(0, 0, 0))
