"""Screening codes: a small stand-in for rows that tells, with proof, which of them cannot reach a score.

`ext/README.md` has the layout and the proof. A code set never decides anything: it only says which rows to look at.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.kernels import checks
from matcher.kernels.choice import Bytes, CodeView, Doubles, Span, chosen

BLOCK = 16  # rows that lie together
LINE = 64  # bytes; blocks begin at a multiple of it, so that none straddles a cache line
GROUP = 8  # dimensions are padded to a multiple of this
SURVIVOR = np.dtype([("query", np.int32), ("row", np.int32), ("upper", np.float32)])

Bits = Literal[4, 8]


@dataclass(frozen=True, slots=True, eq=False)
class CodeSet:
    """Codes of `count` unit rows of `d` elements: uint8, aligned to 64 bytes, read-only.

    Raises BadInput when the bytes are not those of such a set.
    """

    bits: Bits
    count: int
    d: int
    data: Bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.data.dtype != np.uint8 or self.data.shape != (code_bytes(self.count, self.d, self.bits),):
            raise BadInput(
                f"screening codes of {self.count} rows must be {code_bytes(self.count, self.d, self.bits)} bytes"
            )
        if not self.data.flags.c_contiguous or (self.data.size and self.data.ctypes.data % LINE):
            raise BadInput(f"screening codes must be contiguous and begin at a multiple of {LINE} bytes")

    @property
    def view(self) -> CodeView:
        """What a kernel is handed."""
        return self.data, self.count, self.bits

    @property
    def blocks(self) -> int:
        """Number of blocks, the unit in which a scan is split."""
        return -(-self.count // BLOCK)


@dataclass(frozen=True, slots=True, eq=False)
class Survivors:
    """Rows whose bound reached: int32 (s,) query numbers, int32 (s,) row numbers, in no promised order."""

    queries: Scores
    rows: Scores

    def __len__(self) -> int:
        return len(self.rows)


def code_bytes(count: int, d: int, bits: int) -> int:
    """The size of a code set."""
    lines = -(-d // GROUP) * (1 if bits == 4 else 2)
    return -(-count // BLOCK) * (lines + 1) * LINE


def empty_codes(count: int, d: int, bits: int) -> Bytes:
    """Memory for a code set, uint8, aligned to 64 bytes, not initialised."""
    return aligned(code_bytes(count, d, bits))


def aligned(size: int) -> Bytes:
    """So many bytes, aligned to 64, not initialised."""
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]


def encode(rows: Floats, bits: Bits) -> CodeSet:
    """Codes of unit float32 rows (n, d), d at most 4,096. Raises BadInput."""
    checks.require_unit("rows", rows)
    data = empty_codes(len(rows), rows.shape[1], bits)
    if data.size:
        chosen().kernels.encode(rows, bits, data)
    data.flags.writeable = False
    return CodeSet(bits, len(rows), rows.shape[1], data)


def scan_threshold(codes: CodeSet, span: Span, queries: Floats, threshold: Millionths) -> Survivors:
    """Rows of the span's blocks that may score at least `threshold` with a unit query (m, d): every one that does.

    The GIL is released for all of it. Queries are checked by the caller, who may ask for many parts of one set.
    """
    if not len(queries) or span[0] >= span[1]:
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_threshold(codes.view, span, queries, threshold))


def scan_listed(codes: CodeSet, blocks: Scores, queries: Floats, threshold: Millionths) -> Survivors:
    """As `scan_threshold`, for blocks that are listed, int32 (b,), instead of a span of them."""
    if not len(queries) or not len(blocks):
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_listed(codes.view, blocks, queries, threshold))


def scan_top(codes: CodeSet, span: Span, queries: Floats, k: int, floors: Doubles) -> Survivors:
    """Rows of the span's blocks that may be among the k best of them: every one that is, ties included.

    `floors`, float64 (m,), holds scores in millionths that the k-th best of the whole is known to reach (minus
    infinity: nothing is known); it is raised to what this scan learnt.
    """
    if not len(queries) or span[0] >= span[1]:
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_top(codes.view, span, queries, k, floors))


def _survivors(found: bytes) -> Survivors:
    records = np.frombuffer(found, SURVIVOR)
    return Survivors(np.ascontiguousarray(records["query"]), np.ascontiguousarray(records["row"]))
