"""Embeddings that go in as `.npz`: `embeddings` float32 (n, d), `subject_id` (n,), further string columns (n,).

1. Shapes, types and sizes are checked from the headers before any array is read (`npz.py`).
2. Every embedding is finite and not zero. They are not yet unit vectors: the canonical kernel makes them so.
3. `image` is reserved: it may be there, and nothing is made of it.
4. A float array that unpacks to more than 100 times its size is a bomb: no embeddings compress like that.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.store.manifest_rows import LONGEST_CELL, MOST_ROWS, Kind, ManifestRow, RowMaker, check_columns
from matcher.store.npz import Member, Npz, open_npz

_MOST_RATIO = 100
_MOST_TEXT = 64_000_000  # bytes of one column, whatever it was packed to
_SMALL = 64 << 20  # bytes: whatever it unpacks from, so much does no harm


def read_embeddings(path: Path, kind: Kind, dim: int) -> tuple[tuple[ManifestRow, ...], Floats]:
    """Rows and C-contiguous float32 (n, dim) embeddings, finite and non-zero, in the order of the file.

    Raises BadInput naming the file, and the row counted from 0.
    """
    where = str(path)
    with open_npz(path) as npz:
        check_columns(where, list(npz.members), ("embeddings", "subject_id"))
        columns = {name: member for name, member in npz.members.items() if name != "embeddings"}
        count = _check_embeddings(where, npz.members["embeddings"], dim)
        for member in columns.values():
            _check_texts(where, member, count)
        maker = RowMaker(where, "row", list(columns), kind)
        texts = zip(*(_texts(where, npz, member) for member in columns.values()), strict=True)
        rows = tuple(maker.row(at, maker.checked_cells(at, cells), None) for at, cells in enumerate(texts))
        return rows, _embeddings(where, npz, npz.members["embeddings"])


def _check_embeddings(where: str, member: Member, dim: int) -> int:
    """How many there are."""
    if (member.letter, member.size) != ("f", 4) or member.order not in ("<", "=", "") or len(member.shape) != 2:
        found = f"{member.order}{member.letter}{member.size} {member.shape}"
        raise BadInput(f"{where}: embeddings must be float32 (n, {dim}), not {found}")
    count, width = member.shape
    if width != dim:
        raise BadInput(f"{where}: embeddings have {width} dimensions, the model makes {dim}")
    if not 0 < count <= MOST_ROWS:
        raise BadInput(f"{where} holds {count:,} embeddings; 1 to {MOST_ROWS:,} are read at once")
    if member.info.file_size > max(_SMALL, _MOST_RATIO * member.info.compress_size):
        raise BadInput(f"{where}: embeddings unpack to more than {_MOST_RATIO} times their size; no real ones do")
    return count


def _check_texts(where: str, member: Member, count: int) -> None:
    if member.shape != (count,) or member.letter not in "US" or member.order == ">":
        raise BadInput(f"{where}: column {member.name} must hold {count} strings")
    if member.item_bytes > 4 * LONGEST_CELL:
        raise BadInput(f"{where}: column {member.name} has cells longer than {LONGEST_CELL:,} characters")
    _check_ratio(where, member)


def _check_ratio(where: str, member: Member) -> None:
    """Text packs well, but not like a bomb: a column of wide cells is checked as it will lie in memory."""
    if member.info.file_size > max(_MOST_TEXT, _MOST_RATIO * member.info.compress_size):
        raise BadInput(
            f"{where}: column {member.name} unpacks to {member.info.file_size / 1e6:.0f} MB; use narrower cells"
        )


def _texts(where: str, npz: Npz, member: Member) -> Iterator[str]:
    """The cells of a column, some thousands at a time: a column of wide cells is far larger than its text."""
    kind = np.dtype(f"{'<U' if member.letter == 'U' else '|S'}{member.size}")
    for piece in npz.pieces(member, member.item_bytes):
        try:
            cells = np.frombuffer(piece, kind).tolist()
            yield from (cell if isinstance(cell, str) else cell.decode() for cell in cells)
        except (ValueError, SystemError):  # SystemError: a code point beyond Unicode
            raise BadInput(f"{where}: column {member.name} holds what is no text") from None


def _embeddings(where: str, npz: Npz, member: Member) -> Floats:
    shape = member.shape[::-1] if member.fortran else member.shape
    found = np.empty(shape, np.float32)
    flat = found.reshape(-1)
    done = 0
    for piece in npz.pieces(member, 4):
        values = np.frombuffer(piece, "<f4")
        flat[done : done + len(values)] = values
        done += len(values)
    embeddings = np.ascontiguousarray(found.T) if member.fortran else found
    rows_at_once = max(1, (1 << 20) // embeddings.shape[1])
    for at in range(0, len(embeddings), rows_at_once):
        _check_values(where, embeddings[at : at + rows_at_once], at)
    return embeddings


def _check_values(where: str, part: Floats, at: int) -> None:
    finite = np.isfinite(part).all(axis=1)
    if not finite.all():
        raise BadInput(f"{where}, row {at + int(np.argmin(finite))}: an embedding holds NaN or infinity")
    direction = part.any(axis=1)
    if not direction.all():
        raise BadInput(f"{where}, row {at + int(np.argmin(direction))}: an embedding is zero and has no direction")
