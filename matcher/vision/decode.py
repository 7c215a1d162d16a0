"""Bytes to pixels: the header is probed first (Pillow), then one decoder makes the pixels (OpenCV).

The product does this in a process of its own (`decoders.py`), never in the one that holds keys and faces.

1. JPEG, PNG, WebP, TIFF or BMP, told by content, never by name; exactly one frame. HEIC where its reader is installed
   (`heic.py`), which then makes the pixels too: OpenCV has none.
2. At most 64 MB, 20,000 px a side and 50 Mpx (JPEG 220 Mpx), checked on the header: a bomb is never unpacked. A PNG's
   data must unpack to what its header says (`png.py`), and no picture may have less than a byte for 512 pixels.
3. EXIF orientation is applied (OpenCV does it for every format that has it); the result is upright 8-bit blue green
   red. 16-bit samples keep their upper 8 bits (of colour TIFF they are rounded), alpha is dropped, grey and CMYK
   become colour: all by OpenCV, so that equal bytes give equal pixels everywhere.
4. A picture that ends early is refused. Damage in the middle of a JPEG may decode without a sign: what was searched is
   therefore identified by the digest of its bytes, never of its pixels.
5. A JPEG with further pictures behind it is its first one. CIPA DC-007 (MPO) makes that the picture that readers show;
   cameras append previews, and telephones the brightness map of the same picture. A TIFF whose first picture calls
   itself a reduced one (NewSubfileType, TIFF 6.0) is a camera's raw file, of which that is a thumbnail: refused.
6. Colours are taken as they are stored: profiles are not applied. Ten demo faces stored as Display P3, as telephones
   do, scored 0.993 or more with themselves; stored as Adobe RGB 0.976 or more.
"""

import io
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.answering import Task
from matcher.vision.damage import DAMAGE
from matcher.vision.heic import is_heic, open_heic
from matcher.vision.limits import (
    FORMATS,
    MAX_BYTES,
    MAX_JPEG_PIXELS,
    MAX_PIXELS,
    MAX_SIDE,
    PIXELS_FOR_A_BYTE,
    too_many_bytes,
)
from matcher.vision.pixels import Pixels
from matcher.vision.png import plain_png
from matcher.vision.signatures import begins_like, looks_like
from matcher.vision.webp import promised_size

_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
DAMAGED = "the picture's data is damaged or cut off: save it anew, or take another picture"
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_TOO_MANY = f"more than {MAX_JPEG_PIXELS // 1_000_000} million pixels: scale it down"
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706

# Pillow warns on stderr: of bombs (here a rejection like any other) and of odd metadata.
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
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
    data = plain_png(picture.data) if begins_like(picture.data) == "PNG" else picture.data
    if data is None:
        return Rejected(picture.name, Reason.UNREADABLE, DAMAGED)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3:
        return Rejected(picture.name, Reason.UNREADABLE, DAMAGED)
    pixels.flags.writeable = False
    return np.asarray(pixels, np.uint8)


def is_very_large(picture: Picture) -> bool:
    """Whether decoding it takes so much memory that one at a time is enough. False for what cannot be read."""
    if begins_like(picture.data) != "JPEG" or len(picture.data) > MAX_BYTES:
        return False  # others are not decoded where they are
    if PIXELS_FOR_A_BYTE * len(picture.data) <= MAX_PIXELS:
        return False  # nor what is next to empty
    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            return image.width * image.height > MAX_PIXELS
    except (UnidentifiedImageError, *_BOMB, *DAMAGE):
        return False


def _for_templates(picture: Picture) -> tuple[Pixels, int] | Rejected:
    pixels = decode(picture)
    return pixels if isinstance(pixels, Rejected) else (pixels, 1)


FOR_TEMPLATES = Task(_for_templates, is_very_large)


def _too_little_or_much(picture: Picture) -> Rejected | None:
    if len(picture.data) > MAX_BYTES:
        return Rejected(picture.name, Reason.TOO_LARGE, too_many_bytes(len(picture.data)))
    return None if picture.data else Rejected(picture.name, Reason.NOT_A_PICTURE, "empty")


def _probe(picture: Picture) -> Rejected | None:
    promised = promised_size(picture.data)
    if promised is not None and (wrong := _check_size(picture.name, promised, MAX_PIXELS, len(picture.data))):
        return wrong
    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            if (wrong := _check_header(picture.name, image, len(picture.data))) is not None:
                return wrong
            _read_to_end(image)
            return None
    except UnidentifiedImageError:
        return _unidentified(picture)
    except _BOMB:
        return Rejected(picture.name, Reason.TOO_LARGE, _TOO_MANY)
    except DAMAGE:
        return Rejected(picture.name, Reason.UNREADABLE, DAMAGED)


def _unidentified(picture: Picture) -> Rejected:
    if (name := begins_like(picture.data)) is not None:
        detail = f"it begins like a {name}, but is damaged, cut off or of a rare kind: save it anew as JPEG or PNG"
        return Rejected(picture.name, Reason.UNREADABLE, detail)
    kind = looks_like(picture.data)
    seems = "" if kind is None else f"; it seems to be {kind}: save the picture as JPEG or PNG"
    return Rejected(picture.name, Reason.NOT_A_PICTURE, f"neither JPEG, PNG, WebP, TIFF, BMP nor HEIC{seems}")


def _decode_heic(picture: Picture) -> Pixels | Rejected:
    """The reader turns the picture upright by the file's own transformations, which in HEIC stand above EXIF's word."""
    try:
        image = open_heic(picture.data)
        if image is None:
            hint = "HEIC is read once `pip install 'watchlist-matcher[heic]'` is done; or save it as JPEG"
            return Rejected(picture.name, Reason.FORMAT_NOT_INSTALLED, hint)
        with image:
            if (wrong := _check_header(picture.name, image, len(picture.data))) is not None:
                return wrong
            pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"), np.uint8)[..., ::-1])
    except _BOMB:
        return Rejected(picture.name, Reason.TOO_LARGE, _TOO_MANY)
    except (UnidentifiedImageError, RuntimeError, *DAMAGE):
        return Rejected(picture.name, Reason.UNREADABLE, DAMAGED)
    pixels.flags.writeable = False
    return pixels


def _check_header(name: str, image: Image.Image, size: int) -> Rejected | None:
    most = MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MAX_PIXELS
    if (wrong := _check_size(name, image.size, most, size)) is not None:
        return wrong
    if not (image.mode in _MODES or image.mode.startswith("I;16")):
        return Rejected(name, Reason.UNREADABLE, f"pixels of kind {image.mode} are not taken: save it as JPEG or PNG")
    if image.format == "TIFF" and _reduced(image):
        return Rejected(name, Reason.UNREADABLE, "a camera's raw file with a thumbnail: save it as JPEG or PNG")
    if _has_second_frame(image):
        return Rejected(name, Reason.SEVERAL_FRAMES, f"{image.format}: save the one picture that is meant")
    return None


def _check_size(name: str, sides: tuple[int, int], most: int, size: int) -> Rejected | None:
    width, height = sides
    if width * height > most or max(width, height) > MAX_SIDE:
        words = f"at most {most // 1_000_000} million px and {MAX_SIDE:,} px a side: scale it down"
        return Rejected(name, Reason.TOO_LARGE, f"{width:,} x {height:,} px, {words}")
    if width * height > PIXELS_FOR_A_BYTE * size:
        words = f"{size:,} bytes for {width:,} x {height:,} px is next to empty: crop it to the face"
        return Rejected(name, Reason.UNREADABLE, words)
    return None


def _read_to_end(image: Image.Image) -> None:
    """Raises for a file that is cut off: OpenCV may fill the rest with grey or black."""
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))  # the smallest scale there is
        image.load()
    elif image.format in ("BMP", "TIFF"):
        image.load()


def _reduced(image: Image.Image) -> bool:
    tags: dict[int, object] = getattr(image, "tag_v2", {})
    kind = tags.get(_NEW_SUBFILE_TYPE, 0)
    return _DNG_VERSION in tags or (isinstance(kind, int) and bool(kind & 1))


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
