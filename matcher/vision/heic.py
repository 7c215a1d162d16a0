"""HEIC, what telephones save: read only where the extra `heic` is installed.

1. It is told by content: an ISO base media file (ISO/IEC 14496-12) whose first box names one of HEIF's brands for HEVC
   pictures (ISO/IEC 23008-12, annexes B and E). AVIF and films have others.
2. The reader is `pillow-heif`: BSD, but its wheels carry libheif and libde265 (LGPL) and x265 (GPL-2.0). Hence an extra
   that people add themselves, never a dependency; nothing of it is part of this program.
3. It is imported when the first such picture comes, and told to use one thread: pictures run side by side already.
"""

import io
from functools import cache

from PIL import Image

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_GENERAL = frozenset({b"mif1", b"msf1"})  # a picture of some kind: which, the compatible brands say


def is_heic(data: bytes) -> bool:
    """True for what calls itself HEIC, readable or not."""
    if data[4:8] != b"ftyp":
        return False
    box = data[: min(int.from_bytes(data[:4], "big"), 256)]
    brands = {box[at : at + 4] for at in (8, *range(16, len(box) - 3, 4))}
    return box[8:12] in _BRANDS or (box[8:12] in _GENERAL and not _BRANDS.isdisjoint(brands))


def open_heic(data: bytes) -> Image.Image | None:
    """The picture with nothing but its header read; None without the extra. Raises what Pillow raises for damage."""
    return Image.open(io.BytesIO(data), formats=("HEIF",)) if _registered() else None


@cache
def _registered() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    return True
