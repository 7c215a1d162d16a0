"""Bytes of a photograph -> upright red green blue pixels for eyes; templates are made of what `decode.py` gives.

A JPEG of more than 64 million pixels is read at a half, a quarter or an eighth of its width, which the decoder does for
nothing; a face in it still has more pixels than a terminal.
"""

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.answering import Task
from matcher.vision.damage import DAMAGE
from matcher.vision.heic import is_heic, open_heic
from matcher.vision.limits import FORMATS
from matcher.vision.pixels import Pixels

MAX_PIXELS = 64_000_000
_CANNOT_BE_READ = "this picture cannot be read"
_HINT = "this picture is HEIC: it is shown once `pip install 'watchlist-matcher[heic]'` is done"


def view(picture: Picture) -> tuple[Pixels, int] | Rejected:
    """Pixels (h, w, 3), red green blue, and how many times smaller than the photograph they are."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are checked here, and of odd metadata
            return _viewed(picture)
    except (RuntimeError, Image.DecompressionBombError, *DAMAGE):
        return Rejected(picture.name, Reason.UNREADABLE, _CANNOT_BE_READ)


def _viewed(picture: Picture) -> tuple[Pixels, int] | Rejected:
    heic = is_heic(picture.data)
    image = open_heic(picture.data) if heic else Image.open(BytesIO(picture.data), formats=FORMATS)
    if image is None:
        return Rejected(picture.name, Reason.FORMAT_NOT_INSTALLED, _HINT)
    width, height, shrunk = image.width, image.height, _times(image)
    if width * height > MAX_PIXELS * shrunk**2:
        return Rejected(
            picture.name, Reason.TOO_LARGE, f"this picture has {width}x{height} pixels, too many to be shown"
        )
    if shrunk > 1:
        image.draft("RGB", (width // shrunk, height // shrunk))
    upright = ImageOps.exif_transpose(_of_eight_bits(image)).convert("RGB")
    return np.asarray(upright, np.uint8), shrunk


def _times(image: Image.Image) -> int:
    shrunk = 1
    while image.format in ("JPEG", "MPO") and image.width * image.height > MAX_PIXELS * shrunk**2 and shrunk < 8:
        shrunk *= 2
    return shrunk


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey by its upper eight bits, as templates have it; Pillow would show all but the darkest as white."""
    if not image.mode.startswith("I;16"):
        return image
    grey = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    exif = grey.getexif()
    for tag, value in image.getexif().items():
        exif[tag] = value
    return grey


FOR_EYES = Task(view)
