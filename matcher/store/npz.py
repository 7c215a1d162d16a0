"""Reading `.npz` from a stranger: what is declared is checked before anything is unpacked, and nothing is evaluated.

1. The headers of the arrays are matched against the one form NumPy writes; they are never parsed as Python, and a
   header that declares objects (pickles) is refused by its letter.
2. A member's declared size must be the header's plus shape times item size, and what comes out must be as long.
3. Members are stored or deflated, not encrypted, at most 200 with 16 GiB together; arrays are read in pieces of 1 MiB.

Formats: NumPy NEP 1; zip APPNOTE 6.3.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

from matcher.errors import BadInput
from matcher.store.input_files import open_input

PIECE = 1 << 20  # bytes

_MOST_MEMBERS = 200
_MOST_BYTES = 16 << 30
_LONGEST_HEADER = 4_096
_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=]?)([A-Za-z])(\d{0,9})',"
    r"\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([\d, ]{0,64})\),?\s*\}\s*"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One array: its type as order, letter and size (`<`, `f`, 4), its layout, and where its bytes are."""

    name: str
    order: str
    letter: str
    size: int
    fortran: bool
    shape: tuple[int, ...]
    start: int
    info: zipfile.ZipInfo

    @property
    def item_bytes(self) -> int:
        """Bytes of one item; a U item holds four for each character."""
        return self.size * 4 if self.letter == "U" else self.size


class Npz:
    """An open archive whose headers have been checked."""

    def __init__(self, where: str, archive: zipfile.ZipFile) -> None:
        self._where = where
        self._archive = archive
        infos = archive.infolist()
        self._check(infos)
        members = [self._member(info) for info in infos]
        self.members = {member.name: member for member in members}
        if len(self.members) != len(members):
            raise BadInput(f"{where} holds two arrays of one name")

    def pieces(self, member: Member, unit: int) -> Iterator[bytes]:
        """The bytes of an array in pieces of whole units (`unit` bytes), each about 1 MiB. Raises BadInput."""
        left = prod(member.shape) * member.item_bytes
        at_once = max(1, PIECE // unit) * unit
        with _faults(self._where), self._archive.open(member.info) as stream:
            self._exactly(stream, member.start)
            while left:
                piece = self._exactly(stream, min(at_once, left))
                left -= len(piece)
                yield piece
            if stream.read(1):  # reading to the end is also what makes zipfile compare the CRC
                raise self._refused("an array is longer than it says")

    def _check(self, infos: list[zipfile.ZipInfo]) -> None:
        if len(infos) > _MOST_MEMBERS:
            raise self._refused(f"more than {_MOST_MEMBERS} arrays")
        if any(info.flag_bits & 1 for info in infos):
            raise self._refused("encrypted members are not read")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise self._refused("only stored and deflated members are read")
        total = sum(info.file_size for info in infos)
        if total > _MOST_BYTES:
            raise self._refused(f"it would unpack to {total / 1e9:.1f} GB; split it")

    def _member(self, info: zipfile.ZipInfo) -> Member:
        with self._archive.open(info) as stream:
            start = self._exactly(stream, len(_MAGIC) + 2)
            width = _LENGTH_BYTES.get(start[len(_MAGIC) :], 0)
            if start[: len(_MAGIC)] != _MAGIC or not width or not info.filename.endswith(".npy"):
                raise self._refused("a member is no .npy array")
            length = int.from_bytes(self._exactly(stream, width), "little")
            if length > _LONGEST_HEADER:
                raise self._refused("the header of an array is too long")
            header = self._exactly(stream, length).decode("latin-1")
        member = self._parsed(header, info, len(start) + width + length)
        if member.start + prod(member.shape) * member.item_bytes != info.file_size:
            raise self._refused("an array is not as long as its header says")
        return member

    def _parsed(self, header: str, info: zipfile.ZipInfo, start: int) -> Member:
        match = _HEADER.fullmatch(header)
        if match is None:
            raise self._refused("an array is not of a plain type")
        order, letter, size, fortran, shape = match.groups()
        if letter == "O":
            raise self._refused("it holds pickled objects, which are never loaded; save arrays of float32 and str")
        lengths = [part.strip() for part in shape.split(",") if part.strip()]
        if not all(part.isdecimal() for part in lengths) or len(lengths) > 2 or not size or not int(size):
            raise self._refused("an array has an odd shape or type")
        name = info.filename.removesuffix(".npy")
        return Member(name, order, letter, int(size), fortran == "True", tuple(map(int, lengths)), start, info)

    def _exactly(self, stream: IO[bytes], length: int) -> bytes:
        data = stream.read(length)
        if len(data) != length:
            raise self._refused("an array is cut")
        return data

    def _refused(self, what: str) -> BadInput:
        return BadInput(f"{self._where}: {what}")


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """An `.npz` whose headers have been checked. Raises BadInput."""
    with open_input(path) as file:
        with _faults(str(path)):
            archive = zipfile.ZipFile(file)
        with archive:
            with _faults(str(path)):
                npz = Npz(str(path), archive)
            yield npz


@contextmanager
def _faults(where: str) -> Iterator[None]:
    """What zipfile raises for damaged, foreign and hostile archives, as BadInput."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BadInput(f"{where} is not an intact .npz: {error}") from None
