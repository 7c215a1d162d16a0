"""Bytes of a photograph -> the aligned crop that is drawn. Only for eyes; templates come from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from matcher.domain.desk import FacePicture
from matcher.domain.face import Picture
from matcher.domain.rejection import Rejected
from matcher.errors import BadInput
from matcher.review.crop import Placement, inverse, place_faces
from matcher.review.pixels import Grid, ImageMode, face_pixels
from matcher.review.session import ZOOMS, View
from matcher.vision.decoders import FOR_EYES, decoders

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
    """The upright RGB picture, decoded in a process of its own. Raises BadInput when it cannot be shown."""
    with decoders(FOR_EYES).raster(Picture("this picture", data)) as made:
        if isinstance(made, Rejected):
            raise BadInput(made.detail)
        return Decoded(Image.fromarray(made.pixels), made.shrunk)


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
