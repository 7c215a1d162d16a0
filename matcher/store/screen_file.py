"""The sealed screen of a revision, and its sealed rows one chunk at a time.

    one line of JSON    format, digest of the content it was made from, bits, d, rows, subjects, bytes of the ids
    ids                 JSON array of the subjects' ids
    subjects            int32 little-endian, the subject of each row
    codes               as `ext/README.md` lays them out

Opening reads this container and no float row: what is searched is what was sealed, because every chunk is authenticated
and bound to its container, and the stamp names the content.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from matcher.domain.ports import ContainerReader, ContainerWriter
from matcher.domain.revision import Screen
from matcher.domain.template import Floats, Scores
from matcher.errors import IntegrityError
from matcher.kernels.codes import code_bytes, empty_codes

_FORMAT = 1
_LONGEST_LINE = 4_096
_PIECE = 1 << 20
_ROWS_APART = 65_536  # bytes between two rows up to which reading on is cheaper than another chunk
_LONGEST_READ = 1 << 22  # bytes read at once, which lie in memory beside the rows that were asked for


def write_screen(box: ContainerWriter, screen: Screen) -> None:
    """Seals a screen into an open container."""
    ids = json.dumps(screen.subject_ids, separators=(",", ":"), ensure_ascii=False).encode()
    facts = {
        "format": _FORMAT,
        "digest": screen.revision_digest,
        "bits": screen.bits,
        "d": screen.d,
        "rows": len(screen.subjects),
        "subjects": len(screen.subject_ids),
        "ids": len(ids),
    }
    box.append(json.dumps(facts, sort_keys=True).encode() + b"\n")
    box.append(ids)
    box.append(np.ascontiguousarray(screen.subjects, "<i4").tobytes())
    for at in range(0, len(screen.codes), _PIECE):
        box.append(screen.codes[at : at + _PIECE].tobytes())


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """What a screen says beside its codes: whose each row is."""

    revision_digest: str
    bits: Literal[4, 8]
    d: int
    subjects: Scores
    subject_ids: tuple[str, ...] = field(repr=False)
    codes_at: int


def read_screen(vault: ContainerReader, container_id: str) -> Screen:
    """The screen of a container; codes lie in fresh memory, read-only. Raises IntegrityError."""
    found = read_owners(vault, container_id)
    codes = empty_codes(len(found.subjects), found.d, found.bits)
    _fill(vault, container_id, found.codes_at, codes)
    codes.flags.writeable = False
    return Screen(found.revision_digest, found.bits, found.d, codes, found.subjects, found.subject_ids)


def read_owners(vault: ContainerReader, container_id: str) -> Owners:
    """The screen of a container without its codes. Raises IntegrityError."""
    size = vault.size(container_id)
    line = vault.read(container_id, 0, min(size, _LONGEST_LINE)).partition(b"\n")[0]
    try:
        facts: dict[str, Any] = json.loads(line)
        known = facts["format"] == _FORMAT and facts["bits"] in (4, 8)
        rows, d, ids_bytes, bits = (int(facts[name]) for name in ("rows", "d", "ids", "bits"))
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise IntegrityError(f"container {container_id} holds no screen that this program knows: load the list again")
    ids_at = len(line) + 1
    subjects_at = ids_at + ids_bytes
    codes_at = subjects_at + 4 * rows
    if size != codes_at + code_bytes(rows, d, bits):
        raise IntegrityError(f"container {container_id} is not as long as it says: restore a backup")
    import msgspec

    ids = msgspec.json.decode(vault.read(container_id, ids_at, ids_bytes), type=tuple[str, ...])
    subjects = np.empty(rows, "<i4")
    _fill(vault, container_id, subjects_at, subjects.view(np.uint8))
    subjects.flags.writeable = False
    return Owners(facts["digest"], facts["bits"], d, subjects.astype(np.int32, copy=False), ids, codes_at)


def _fill(vault: ContainerReader, container_id: str, offset: int, into: npt.NDArray[np.uint8]) -> None:
    for at in range(0, len(into), _PIECE):
        length = min(_PIECE, len(into) - at)
        into[at : at + length] = np.frombuffer(vault.read(container_id, offset + at, length), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class SealedRows:
    """`ports.RowReader` over a container of float32 rows (n, d): only chunks that hold a wanted row are opened."""

    vault: ContainerReader = field(repr=False)
    container_id: str
    n: int
    d: int

    def take(self, numbers: Scores) -> Floats:
        """Rows by number, ascending and distinct. Raises IntegrityError."""
        rows = np.empty((len(numbers), self.d), np.float32)
        width, start = 4 * self.d, 0
        while start < len(numbers):
            end = self._end_of_run(numbers, start)
            first, last = int(numbers[start]), int(numbers[end - 1])
            read = self.vault.read(self.container_id, first * width, (last - first + 1) * width)
            near = np.frombuffer(read, "<f4").reshape(-1, self.d)
            rows[start:end] = near[numbers[start:end] - first]
            start = end
        return rows

    def _end_of_run(self, numbers: Scores, start: int) -> int:
        """Where the rows end that are read at once with the one at `start`."""
        width, end, first, last = 4 * self.d, start + 1, int(numbers[start]), int(numbers[start])
        while end < len(numbers):
            row = int(numbers[end])
            if (row - last) * width > _ROWS_APART or (row - first + 1) * width > _LONGEST_READ:
                break
            end, last = end + 1, row
        return end
