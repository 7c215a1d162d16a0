"""Bytes to pixels: the header is probed first (Pillow), then one decoder makes the pixels (OpenCV).

1. JPEG, PNG, WebP, TIFF or BMP, told by content, never by name; exactly one frame. HEIC where its reader is installed
   (`heic.py`), which then makes the pixels too: OpenCV has none.
2. At most 20 MB, 50 Mpx and 12,000 px a side, checked on the header: a bomb is never unpacked.
3. EXIF orientation is applied (OpenCV does it for every format that has it); the result is upright 8-bit blue green
   red. 16-bit samples keep their upper 8 bits (of colour TIFF they are rounded), alpha is dropped, grey and CMYK
   become colour: all by OpenCV, so that equal bytes give equal pixels everywhere.
4. A JPEG that ends early is refused. Damage in the middle of a JPEG may decode without a sign: what was searched is
   therefore identified by the digest of its bytes, never of its pixels.
5. A JPEG with further pictures behind it is its first one. CIPA DC-007 (MPO) makes that the picture that readers show;
   cameras append previews, and telephones the brightness map of the same picture.
"""

import io
import struct
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.heic import is_heic, open_heic
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
    if (wrong := _too_little_or_much(picture)) is not None:
        return wrong
    if is_heic(picture.data):
        return _decode_heic(picture)
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


def _too_little_or_much(picture: Picture) -> Rejected | None:
    if len(picture.data) > MAX_BYTES:
        return Rejected(picture.name, Reason.TOO_LARGE, f"{len(picture.data)} bytes, at most {MAX_BYTES}")
    return None if picture.data else Rejected(picture.name, Reason.NOT_A_PICTURE, "empty")


def _probe(picture: Picture) -> Rejected | None:
    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            if (wrong := _check_header(picture.name, image)) is not None:
                return wrong
            _read_to_end(image)
            return None
    except UnidentifiedImageError:
        return Rejected(picture.name, Reason.NOT_A_PICTURE, "neither JPEG, PNG, WebP, TIFF, BMP nor HEIC")
    except _BOMB:
        return Rejected(picture.name, Reason.TOO_LARGE, f"more than {MAX_PIXELS // 1_000_000} million pixels")
    except _DAMAGE as error:
        return Rejected(picture.name, Reason.UNREADABLE, type(error).__name__)


def _decode_heic(picture: Picture) -> Pixels | Rejected:
    """The reader turns the picture upright by the file's own transformations, which in HEIC stand above EXIF's word."""
    try:
        image = open_heic(picture.data)
        if image is None:
            hint = "HEIC is read once `pip install 'watchlist-matcher[heic]'` is done; or save it as JPEG"
            return Rejected(picture.name, Reason.FORMAT_NOT_INSTALLED, hint)
        with image:
            if (wrong := _check_header(picture.name, image)) is not None:
                return wrong
            pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"), np.uint8)[..., ::-1])
    except _BOMB:
        return Rejected(picture.name, Reason.TOO_LARGE, f"more than {MAX_PIXELS // 1_000_000} million pixels")
    except (UnidentifiedImageError, RuntimeError, *_DAMAGE) as error:
        return Rejected(picture.name, Reason.UNREADABLE, type(error).__name__)
    pixels.flags.writeable = False
    return pixels


def _check_header(name: str, image: Image.Image) -> Rejected | None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        most = f"at most {MAX_PIXELS // 1_000_000} million and {MAX_SIDE} a side"
        return Rejected(name, Reason.TOO_LARGE, f"{width} x {height} px, {most}")
    if not (image.mode in _MODES or image.mode.startswith("I;16")):
        return Rejected(name, Reason.UNREADABLE, f"pixels of kind {image.mode} are not taken")
    if _has_second_frame(image):
        return Rejected(name, Reason.SEVERAL_FRAMES, f"{image.format}: save the one picture that is meant")
    return None


def _read_to_end(image: Image.Image) -> None:
    """Raises for a file that is cut off: older OpenCV fills the rest with grey, and libpng complains on stderr."""
    if image.format == "PNG":
        image.verify()  # checksums only
    elif image.format in ("JPEG", "MPO"):
        image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))  # the smallest scale there is
        image.load()
    elif image.format == "BMP":
        image.load()


def _has_second_frame(image: Image.Image) -> bool:
    if image.format == "MPO":
        return False  # rule 5
    if image.format != "TIFF":
        return getattr(image, "n_frames", 1) > 1
    try:
        image.seek(1)  # counting the frames of a TIFF would follow a chain as long as the file
    except EOFError:
        return False
    return True
