"""A PNG with nothing but what makes its pixels, once it is known to hold just as much as its header says.

1. Kept are header, palette, transparency, picture data, end and EXIF (its orientation). The rest (text, times, colour
   profiles) no decoder sees: profiles that libpng dislikes are common, and it says so on stderr.
2. Every checksum must be right (PNG third edition, 5.3), and the picture data must unpack to the very length that
   follows from the header (7.2, 8.1): less is a file that was cut off, more is a bomb, told after at most that length.
"""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First row and column, and steps, of the seven passes of an interlaced picture (8.2).
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_AT_ONCE = 1 << 20


def plain_png(data: bytes) -> bytes | None:
    """The same picture in fewer chunks; None for a file that is damaged, cut off, or holds more than it says."""
    try:
        chunks = [(kind, body) for kind, body in _chunks(data) if kind in _KEPT]
        pieces = [body for kind, body in chunks if kind == b"IDAT"]
        if not _unpacks_to(pieces, _length(chunks[0][1])):
            return None
    except (ValueError, KeyError, IndexError, struct.error, zlib.error):
        return None
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk up to the end. Raises ValueError for a wrong checksum, struct.error at a cut."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise ValueError("wrong checksum")
        yield kind, body
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _length(header: bytes) -> int:
    """How many bytes the picture data must unpack to."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((len(range(x, width, right)), len(range(y, height, down))) for y, x, down, right in passes)
    return sum(rows * (1 + -(-columns * _CHANNELS[colour] * depth // 8)) for columns, rows in sizes if columns)


def _unpacks_to(pieces: list[bytes], length: int) -> bool:
    """Whether these are zlib data of just this many bytes."""
    unpacker, found = zlib.decompressobj(), 0
    for piece in pieces:
        rest = piece
        while rest and not unpacker.eof:
            found += len(unpacker.decompress(rest, _AT_ONCE))
            rest = unpacker.unconsumed_tail
            if found > length:
                return False
    return unpacker.eof and found == length
