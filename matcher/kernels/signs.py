"""The first pass of the cascade: one sign a dimension of rows that were turned by a random rotation.

1. A row that belongs in an answer is dropped with a small probability, which `sphere.miss_probability` tells before the
   search; `ext/README.md` has the proof. Codes of 4 and 8 bits never drop one, and no list is searched but with those.
2. The probability is over the rotation: rows and queries must not depend on its seed.
3. Rows with a coordinate so near 0 that rounding may have changed its sign are `unsure` and pass always.
"""

from dataclasses import dataclass, field

import numpy as np

from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.kernels import checks
from matcher.kernels.choice import Bytes, Doubles, SignView, Span, Weights, chosen
from matcher.kernels.codes import BLOCK, LINE, SURVIVOR, aligned

WIDE = 32  # dimensions a line of signs holds of each row of its block
FOUR = 4  # dimensions a table answers for
UNIT = 2.0**-16  # of a row's alignment and remainder
MOVED = 2.0**-30  # rounding moves a rotated unit vector by less
SLACK = 2.0**-28  # in the inner product: twice MOVED and more
BELOW = 2.0**-19  # a score of t millionths needs a cosine of t 10^-6 less this
LEAST = 100  # millionths: the proof wants a positive threshold
_AT_ONCE = 4096  # rows in float64 while they are turned
_ABOVE = 1.0 + 2.0**-40
_PATTERNS = 2.0 * (np.arange(16)[:, np.newaxis] >> np.arange(FOUR) & 1) - 1.0


@dataclass(frozen=True, slots=True, eq=False)
class SignSet:
    """Signs of `count` unit rows of `d` elements, turned by `rotation`; made by `encode_signs` only."""

    count: int
    d: int
    rotation: Doubles = field(repr=False)
    unsure: Scores = field(repr=False)  # rows that pass always, ascending
    data: Bytes = field(repr=False)

    @property
    def view(self) -> SignView:
        """What a kernel is handed."""
        return self.data, self.count, -(-self.d // WIDE)

    @property
    def blocks(self) -> int:
        """Number of blocks, the unit in which a scan is split."""
        return -(-self.count // BLOCK)


@dataclass(frozen=True, slots=True, eq=False)
class SignQuery:
    """A turned query as the kernels use it: a table for every four dimensions and the weights of a row's facts."""

    tables: Bytes = field(repr=False)
    weights: Weights


def sign_bytes(count: int, d: int) -> int:
    """The size of a set of signs."""
    return -(-count // BLOCK) * (-(-d // WIDE) + 1) * LINE


def encode_signs(rows: Floats, rotation: Doubles) -> SignSet:
    """Signs of unit float32 rows (n, d), turned by an orthogonal (d, d). Raises BadInput."""
    checks.require_unit("rows", rows)
    count, d = rows.shape
    if rotation.shape != (d, d):
        raise BadInput(f"rows of {d} elements cannot be turned by a matrix {rotation.shape}")
    data = aligned(sign_bytes(count, d))
    blocks = data.reshape(-1, -(-d // WIDE) + 1, LINE)
    unsure = []
    for at in range(0, count, _AT_ONCE):
        turned = _turned(rows[at : at + _AT_ONCE], rotation)
        unsure.append(at + np.flatnonzero((np.abs(turned) <= MOVED).any(axis=1)))
        _pack(turned, blocks[at // BLOCK : (at + len(turned) + BLOCK - 1) // BLOCK])
    data.flags.writeable = False
    return SignSet(count, d, rotation, np.concatenate([np.empty(0, np.int64), *unsure]).astype(np.int32), data)


def asked(signs: SignSet, query: Floats, threshold: Millionths, depth: float) -> SignQuery:
    """A unit query (d,) at a threshold from 0.0001 on, for a depth of `sphere.depth_for`. Raises BadInput."""
    if not LEAST <= threshold <= MILLION:
        raise BadInput(f"threshold {threshold} must be between {LEAST} and {MILLION} millionths for a cascade")
    checks.require_unit("queries", query[np.newaxis])
    lines = signs.view[2]
    turned = np.zeros(lines * WIDE)
    turned[: signs.d] = _turned(query[np.newaxis], signs.rotation)[0]
    entries, step, mass, lost = _tables(turned.reshape(-1, FOUR))
    tables = entries.reshape(lines, 4, 2, 16).transpose(0, 2, 1, 3)
    root, least = float(np.sqrt(signs.d)), threshold * 1e-6 - BELOW
    weights = (
        least * UNIT * root / step,
        float(np.sqrt(1.0 - least * least)) * depth * UNIT * root / step,
        # One step for every rounding to float32 and in it.
        (mass - lost - SLACK * root) / step - 1.0,
    )
    return SignQuery(np.ascontiguousarray(tables).ravel(), weights)


def scan_signs(signs: SignSet, span: Span, query: SignQuery) -> Scores:
    """Rows of the span's blocks that pass, int32 (s,), in no promised order; the GIL is released meanwhile.

    Raises BadInput for a query of other tables or a span beyond the set.
    """
    checks.require_span(*span, signs.blocks)
    if query.tables.size != 2 * LINE * signs.view[2]:
        raise BadInput(f"the tables of a query of other than {signs.d} elements cannot be used")
    if span[0] >= span[1]:
        return np.empty(0, np.int32)
    found = np.frombuffer(chosen().kernels.scan_signs(signs.view, span, query.tables, query.weights), SURVIVOR)["row"]
    first, end = np.searchsorted(signs.unsure, (span[0] * BLOCK, span[1] * BLOCK))
    if first == end:
        return np.ascontiguousarray(found)
    return np.union1d(found, signs.unsure[first:end])


def _tables(fours: Doubles) -> tuple[Bytes, float, float, float]:
    """What every pattern of signs adds for each four dimensions, in whole steps above the least.

    Beside it the step, the sum of all absolute values, and what rounding to steps can have added or taken in all.
    """
    mass = np.abs(fours).sum(axis=1)
    wanted = fours @ _PATTERNS.T + mass[:, np.newaxis]
    step = 2.0 * float(mass.max()) / 255.0
    entries = np.rint(wanted / step)
    lost = np.abs(wanted - step * entries).max(axis=1)
    return entries.astype(np.uint8), step, float(mass.sum()), float(lost.sum())


def _turned(units: Floats, rotation: Doubles) -> Doubles:
    exact = units.astype(np.float64)
    exact /= np.sqrt(np.einsum("ij,ij->i", exact, exact))[:, np.newaxis]
    turned: Doubles = exact @ rotation.T
    return turned


def _pack(turned: Doubles, blocks: Bytes) -> None:
    """Signs and facts of some blocks' rows; missing rows of the last block are zeros."""
    (rows, d), lines = turned.shape, blocks.shape[1] - 1
    signs = np.zeros((len(blocks) * BLOCK, lines * 4), np.uint8)
    packed = np.packbits(turned > 0.0, axis=1, bitorder="little")
    signs[:rows, : packed.shape[1]] = packed
    blocks[:, :-1] = signs.reshape(-1, BLOCK, lines, 4).transpose(0, 2, 3, 1).reshape(-1, lines, LINE)
    alignment = np.floor((np.abs(turned).sum(axis=1) / np.sqrt(d) - MOVED) / UNIT).clip(0, 65535)
    facts = np.zeros((len(blocks) * BLOCK, 2), "<u2")
    facts[:rows, 0] = alignment
    facts[:rows, 1] = np.ceil(np.sqrt(1.0 - (alignment * UNIT) ** 2) / UNIT * _ABOVE).clip(0, 65535)
    blocks[:, -1] = (
        np.ascontiguousarray(facts.reshape(-1, BLOCK, 2).transpose(0, 2, 1)).view(np.uint8).reshape(-1, LINE)
    )
