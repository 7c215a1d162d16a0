"""Small files that would become large: each made without ever being large itself."""

import struct
import zipfile
import zlib
from pathlib import Path

from tests.vision.pictures import face, saved

SIDE = 30_000


def full_png() -> bytes:
    """109 KB of PNG that hold every pixel they promise: 900 million of them, 2.7 GB once unpacked to colour."""
    packer = zlib.compressobj(9)
    row = bytes(1 + -(-SIDE // 8))
    packed = b"".join([*(packer.compress(row) for _ in range(SIDE)), packer.flush()])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def huge_tiff() -> bytes:
    """A TIFF of 30,000 x 30,000 px in one deflated strip."""
    strip = zlib.compress(bytes(1_000_000))
    tags = ((256, SIDE), (257, SIDE), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1), (278, SIDE), (279, len(strip)))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


def huge_bmp() -> bytes:
    """A BMP whose header promises 30,000 x 30,000 px."""
    data = bytearray(saved(face(), "BMP"))
    data[18:26] = struct.pack("<ii", SIDE, SIDE)
    return bytes(data)


def huge_jpeg(side: int) -> bytes:
    """A JPEG of one demo face whose frame header promises side x side px."""
    data = bytearray(saved(face(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def huge_heic(data: bytes) -> bytes:
    """A HEIC whose every image spatial extent (`ispe`, ISO/IEC 23008-12 6.5.3) promises 30,000 x 30,000 px."""
    altered, at = bytearray(data), data.find(b"ispe")
    while at >= 0:
        altered[at + 8 : at + 16] = struct.pack(">II", SIDE, SIDE)
        at = data.find(b"ispe", at + 4)
    return bytes(altered)


def zipped_rows(path: Path) -> None:
    """200 MB of embeddings, all ones, in 0.2 MB of .npz."""
    count, row = 400_000, struct.pack("<f", 1.0) * 128
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 128), }}\n".encode()
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    ids = f"{{'descr': '|S1', 'fortran_order': False, 'shape': ({count},), }}\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("embeddings.npy", "w") as member:
            member.write(start)
            for _ in range(count // 1_000):
                member.write(row * 1_000)
        archive.writestr("subject_id.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(ids)) + ids + b"a" * count)
