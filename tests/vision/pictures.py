"""Hostile and odd pictures, each made when a test asks for it; every face in them is a synthetic demo person."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ONE_FACE = Path(__file__).resolve().parents[2] / "watchlists" / "demo" / "list" / "W00lf_0.jpg"
ORIENTATION = 274


def face() -> Image.Image:
    """The upright picture of one demo person, 320 x 320."""
    with Image.open(ONE_FACE) as image:
        return image.convert("RGB")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of an image in a format."""
    raw = io.BytesIO()
    image.save(raw, kind, **options)
    return raw.getvalue()


def several_frames(kind: str, frames: int = 2) -> bytes:
    """An animation or a multi-page file."""
    shades = [Image.new("RGB", (32, 32), (40 * index, 0, 0)) for index in range(frames)]
    return saved(shades[0], kind, save_all=True, append_images=shades[1:])


def turned(orientation: int, kind: str) -> bytes:
    """The face stored turned or mirrored, with the EXIF word that sets it upright again."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    return saved(face().transpose(undo[orientation]), kind, exif=exif, **options)


def png_bomb(width: int, height: int) -> bytes:
    """A small PNG whose header promises width x height pixels."""
    return png(width, height, bytes(1000))


def png(width: int, height: int, rows: bytes, interlaced: bool = False) -> bytes:
    """A PNG of 8-bit colour with these unpacked rows, whatever its header promises."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def webp_bomb() -> bytes:
    """A WebP of 16,383 x 16,383 px that is all header."""
    side = (16_383).to_bytes(2, "little")
    frame = b"\x10\x00\x00\x9d\x01\x2a" + side + side + bytes(64)
    body = b"WEBPVP8 " + len(frame).to_bytes(4, "little") + frame
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def sixteen_bit_grey() -> bytes:
    """The face as a 16-bit grey PNG."""
    grey = np.asarray(face().convert("L"), np.uint16)
    return saved(Image.fromarray(grey * 257), "PNG")
