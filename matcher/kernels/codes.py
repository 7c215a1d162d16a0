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
from matcher.kernels.threads import in_parallel, spans, threads_for

BLOCK = 16  # rows that lie together
LINE = 64  # bytes; blocks begin at a multiple of it, so that none straddles a cache line
GROUP = 8  # dimensions are padded to a multiple of this
SURVIVOR = np.dtype([("query", np.int32), ("row", np.int32), ("upper", np.float32), ("at_most", np.int32)])

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
    """Rows whose bound reached: int32 (s,) query numbers, row numbers, and what each row scores at most (millionths).

    In no promised order.
    """

    queries: Scores
    rows: Scores
    at_most: Scores

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


def encode(rows: Floats, bits: Bits, threads: int | None = None) -> CodeSet:
    """Codes of unit float32 rows (n, d), d at most 4,096, on as many threads as have enough to do. Raises BadInput."""
    checks.require_unit("templates", rows)
    n, d = rows.shape
    data = empty_codes(n, d, bits)
    block = code_bytes(BLOCK, d, bits)

    def encode_span(span: Span) -> None:
        part = rows[span[0] * BLOCK : span[1] * BLOCK]
        chosen().kernels.encode(part, bits, data[span[0] * block : span[1] * block])

    in_parallel(encode_span, spans(-(-n // BLOCK), threads_for(data.size, threads)))
    data.flags.writeable = False
    return CodeSet(bits, n, d, data)


def scan_threshold(codes: CodeSet, span: Span, queries: Floats, threshold: Millionths) -> Survivors:
    """Rows of the span's blocks that may score at least `threshold` with a unit query (m, d): every one that does.

    The GIL is released for all of it. That queries are unit is checked by the caller, who may ask for many parts of
    one set; BadInput for another width or a span beyond the set.
    """
    _check(codes, span, queries)
    if not len(queries) or span[0] >= span[1]:
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_threshold(codes.view, span, queries, threshold))


def scan_listed(codes: CodeSet, blocks: Scores, queries: Floats, threshold: Millionths) -> Survivors:
    """As `scan_threshold`, for blocks that are listed, int32 (b,), instead of a span of them."""
    checks.require_queries(queries, codes.d)
    checks.require_numbers("blocks", blocks, count=len(blocks), least=0)
    if len(blocks) and int(blocks.max()) >= codes.blocks:
        raise BadInput(f"there are {codes.blocks} blocks, none of number {int(blocks.max())}")
    if not len(queries) or not len(blocks):
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_listed(codes.view, blocks, queries, threshold))


def scan_top(codes: CodeSet, span: Span, queries: Floats, k: int, floors: Doubles) -> Survivors:
    """Rows of the span's blocks that may be among the k best of them: every one that is, ties included.

    `floors`, float64 (m,), holds scores in millionths that the k-th best of the whole is known to reach (minus
    infinity: nothing is known); it is raised to what this scan learnt. Raises BadInput as `scan_threshold` does, for k
    below 1, and for other floors.
    """
    _check(codes, span, queries)
    checks.require_floors(floors, count=len(queries))
    if k < 1:
        raise BadInput(f"the {k} best were asked for: k must be at least 1")
    if not len(queries) or span[0] >= span[1]:
        return _survivors(b"")
    return _survivors(chosen().kernels.scan_top(codes.view, span, queries, k, floors))


def _check(codes: CodeSet, span: Span, queries: Floats) -> None:
    checks.require_queries(queries, codes.d)
    checks.require_span(*span, codes.blocks)


def _survivors(found: bytes) -> Survivors:
    records = np.frombuffer(found, SURVIVOR)
    return Survivors(*(np.ascontiguousarray(records[name]) for name in ("query", "row", "at_most")))
