"""Bytes of a photograph -> the aligned crop that is drawn. Only for eyes; templates come from elsewhere."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from matcher.domain.desk import FacePicture
from matcher.errors import BadInput
from matcher.review.crop import Placement, inverse, place_faces
from matcher.review.pixels import Grid, ImageMode, face_pixels

MAX_PIXELS = 64_000_000
DRAWN_PIXELS = 2_000_000  # more than any terminal shows; keeps a huge window from costing seconds

Decoded = Image.Image


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
            image = Image.open(BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise BadInput(f"this picture has {image.width}x{image.height} pixels, too many to be shown")
        return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise BadInput("this picture cannot be read") from None


def crop_pair(
    images: Sequence[Decoded],
    pictures: Sequence[FacePicture],
    grid: Grid,
    mode: ImageMode,
    *,
    zoom: float = 1.0,
    mirror: bool = False,
) -> Crops:
    """Probe (first) and reference drawn for views of `grid`; `mirror` flips the probe."""
    width, height = grid.size
    shrink = min(1.0, (DRAWN_PIXELS / (width * height)) ** 0.5)
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    placed = place_faces([picture.place for picture in pictures], *size, zoom=zoom, mirrored=(mirror, False))
    raster = grid.raster(mode) if mode in {ImageMode.HALF_BLOCK, ImageMode.CHARACTERS} else size
    probe, reference = (_warp(image, one, size).resize(raster) for image, one in zip(images, placed, strict=True))
    shown = face_pixels([one.face_share for one in placed], grid, mode)
    return Crops(probe, reference, shown if shrink == 1.0 else int(shown * shrink))


def _warp(image: Decoded, placement: Placement, size: tuple[int, int]) -> Image.Image:
    # A big photograph is averaged down by a whole factor first: transform() looks at 16 source pixels only.
    factor = max(1, int(1 / placement.scale))
    a, b, c, d, e, f = inverse(placement.matrix)
    small = image.reduce(factor) if factor > 1 else image
    # In the reduced picture a source coordinate x is x / factor.
    data = tuple(value / factor for value in (a, b, c, d, e, f))
    return small.transform(size, Image.Transform.AFFINE, data, resample=Image.Resampling.BICUBIC, fillcolor=(0, 0, 0))
