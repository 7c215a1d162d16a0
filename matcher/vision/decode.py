"""Bytes to pixels: the header is probed first (Pillow), then one decoder makes the pixels (OpenCV).

1. JPEG, PNG, WebP or TIFF, told by content, never by name; exactly one frame.
2. At most 20 MB, 50 Mpx and 12,000 px a side, checked on the header: a bomb is never unpacked.
3. EXIF orientation is applied (OpenCV does it for all four formats); the result is upright 8-bit blue green red.
   16-bit samples keep their upper 8 bits, alpha is dropped, grey and CMYK become colour: all by OpenCV, so that equal
   bytes give equal pixels everywhere.
4. A JPEG that ends early is refused. Damage in the middle of a JPEG may decode without a sign: what was searched is
   therefore identified by the digest of its bytes, never of its pixels.
"""

import io
import struct
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.limits import FORMATS, MAX_BYTES, MAX_PIXELS, MAX_SIDE
from matcher.vision.pixels import Pixels

_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
# What Pillow's readers raise on damaged files; each was met by flipping bytes.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    Warning,
)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

# Pillow warns on stderr: of bombs from 89 Mpx on (here a rejection like any other) and of odd metadata.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.simplefilter("error", Image.DecompressionBombWarning)


def decode(picture: Picture) -> Pixels | Rejected:
    """Upright pixels (h, w, 3), blue green red."""
    if (wrong := _probe(picture)) is not None:
        return wrong
    try:
        pixels = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3:
        return Rejected(picture.name, Reason.UNREADABLE, "the picture's data is damaged or cut off")
    pixels.flags.writeable = False
    return np.asarray(pixels, np.uint8)


def _probe(picture: Picture) -> Rejected | None:
    if len(picture.data) > MAX_BYTES:
        return Rejected(picture.name, Reason.TOO_LARGE, f"{len(picture.data)} bytes, at most {MAX_BYTES}")
    if not picture.data:
        return Rejected(picture.name, Reason.NOT_A_PICTURE, "empty")
    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            return _check_header(picture.name, image)
    except UnidentifiedImageError:
        return Rejected(picture.name, Reason.NOT_A_PICTURE, "neither JPEG, PNG, WebP nor TIFF")
    except _BOMB:
        return Rejected(picture.name, Reason.TOO_LARGE, f"more than {MAX_PIXELS // 1_000_000} million pixels")
    except _DAMAGE as error:
        return Rejected(picture.name, Reason.UNREADABLE, type(error).__name__)


def _check_header(name: str, image: Image.Image) -> Rejected | None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        return Rejected(name, Reason.TOO_LARGE, f"{width} x {height} px")
    if not (image.mode in _MODES or image.mode.startswith("I;16")):
        return Rejected(name, Reason.UNREADABLE, f"pixels of kind {image.mode} are not taken")
    if _has_second_frame(image):
        return Rejected(name, Reason.SEVERAL_FRAMES, f"{image.format}: save the one picture that is meant")
    _read_to_end(image)
    return None


def _read_to_end(image: Image.Image) -> None:
    """Raises for a file that is cut off: older OpenCV fills the rest with grey, and libpng complains on stderr."""
    if image.format == "PNG":
        image.verify()  # checksums only
    elif image.format == "JPEG":
        image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))  # the smallest scale there is
        image.load()


def _has_second_frame(image: Image.Image) -> bool:
    if image.format != "TIFF":
        return getattr(image, "n_frames", 1) > 1
    try:
        image.seek(1)  # counting the frames of a TIFF would follow a chain as long as the file
    except EOFError:
        return False
    return True
