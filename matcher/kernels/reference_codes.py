"""The obvious NumPy twin of screening: encoding rows, and scanning codes for rows whose bound reaches.

Every float32 and float64 operation is the one that `ext/csrc/encode.c` and `scan.c` make, in their order, so that codes
and survivors are equal to the last bit. The proof of the bound is in `ext/README.md`.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from matcher.domain.template import MILLION, Floats, Millionths

LANES, BLOCK, LINE, GROUP = 16, 16, 64, 8
SCALE_UNIT = {4: 2.0**-18, 8: 2.0**-22}
EXCESS = {4: 8, 8: 128}
LOSS_UNIT = 2.0**-15
ROUNDED_UP = 1.0 + 2.0**-40
LENGTH_AT_MOST = 1.0 + 1e-6
HALF_MILLIONTH, ROUNDING = 0.5e-6, 2.0**-19
STEPS = 2

CodeView = tuple[npt.NDArray[np.uint8], int, int]
Span = tuple[int, int]
Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
F = TypeVar("F", bound=np.floating[Any])
_RECORD = np.dtype([("query", np.int32), ("row", np.int32), ("upper", np.float32), ("at_most", np.int32)])
_ONE, _SHIFT = np.float32(1), np.float32(1.5 * 2**23)


# --- encoding ---------------------------------------------------------------------------------------------------------


def encode(rows: Floats, bits: int, out: Bytes) -> None:
    """Codes, scales and losses of unit rows (n, d), into `out`."""
    d = rows.shape[1]
    lanes = _in_lanes(rows)
    largest = np.abs(rows).max(axis=1)
    scales = _scales4(lanes, d, largest) if bits == 4 else _scales8(largest)
    codes = _codes(rows, scales[:, np.newaxis], bits)
    rests = rows.astype(np.float64) - scales.astype(np.float64)[:, np.newaxis] * codes
    lost = np.sqrt(_folded(_lane_sums(_in_lanes(rests * rests))))
    facts = np.stack([np.rint(scales / SCALE_UNIT[bits]), np.ceil(lost * ROUNDED_UP / LOSS_UNIT)])
    _laid_out(codes.astype(np.int64) + EXCESS[bits], facts.astype("<u2"), bits, out)


def _laid_out(codes: Codes, facts: npt.NDArray[np.uint16], bits: int, out: Bytes) -> None:
    """Blocks of 16 rows: lines of 4 dimensions a row (two nibbles each where codes have 4 bits), then the facts."""
    n, d = codes.shape
    blocks, groups = -(-n // BLOCK), -(-d // GROUP)
    whole = np.zeros((blocks * BLOCK, groups * GROUP), np.uint8)
    whole[:n, :d] = codes
    by_group = whole.reshape(blocks, BLOCK, groups, 2, 4).transpose(0, 2, 3, 1, 4)  # block, group, half, row, dimension
    lines = by_group[:, :, 0] | by_group[:, :, 1] << 4 if bits == 4 else by_group
    told = np.zeros((2, blocks * BLOCK), "<u2")
    told[:, :n] = facts
    out_blocks = out.reshape(blocks, -1)
    out_blocks[:, :-LINE] = lines.reshape(blocks, -1)
    out_blocks[:, -LINE:] = (
        np.ascontiguousarray(told.reshape(2, blocks, BLOCK).transpose(1, 0, 2)).view(np.uint8).reshape(blocks, LINE)
    )


def _scales4(lanes: Floats, d: int, largest: Floats) -> Floats:
    """Alternating least squares from two starts, in units; the one that loses less."""
    square = _folded(_lane_sums(lanes * lanes))
    normal = np.float32(0.3352) * np.sqrt((square / d).astype(np.float32))
    best = _in_units(largest / np.float32(7))
    least = np.full(len(lanes), np.finfo(np.float32).max, np.float32)
    for start in (normal, largest / np.float32(7)):
        scale = start
        for _ in range(STEPS):
            scale = _better_scale(lanes, scale)
        scale = _in_units(scale)
        rests = lanes - scale[:, np.newaxis, np.newaxis] * _codes(lanes, scale[:, np.newaxis, np.newaxis], 4)
        lost = _folded(_lane_sums(rests * rests)).astype(np.float32)
        best, least = np.where(lost < least, scale, best), np.where(lost < least, lost, least)
    return best


def _better_scale(lanes: Floats, scale: Floats) -> Floats:
    codes = _codes(lanes, scale[:, np.newaxis, np.newaxis], 4)
    along, square = _folded(_lane_sums(lanes * codes)), _folded(_lane_sums(codes * codes))
    found = square > 0
    return np.where(found, (along / np.where(found, square, 1)).astype(np.float32), scale)


def _scales8(largest: Floats) -> Floats:
    unit = SCALE_UNIT[8]
    return (np.ceil(largest.astype(np.float64) / 127.0 / unit) * unit).astype(np.float32)


def _codes(values: Floats, scales: Floats, bits: int) -> Floats:
    low, high = (-8, 7) if bits == 4 else (-127, 127)
    whole = (values * (_ONE / scales) + _SHIFT) - _SHIFT
    return np.asarray(np.clip(whole, np.float32(low), np.float32(high)), np.float32)


def _in_units(scales: Floats) -> Floats:
    units = np.clip(np.rint(scales.astype(np.float64) / SCALE_UNIT[4]).astype(np.float32), 1, 65535)
    return (units.astype(np.float64) * SCALE_UNIT[4]).astype(np.float32)


def _in_lanes(values: npt.NDArray[F]) -> npt.NDArray[F]:
    n, d = values.shape
    wide = np.zeros((n, -(-d // LANES) * LANES), values.dtype)
    wide[:, :d] = values
    return wide.reshape(n, -1, LANES)


def _lane_sums(lanes: npt.NDArray[F]) -> npt.NDArray[F]:
    total = np.zeros((len(lanes), LANES), lanes.dtype)
    for step in range(lanes.shape[1]):
        total += lanes[:, step]
    return total


def _folded(sums: npt.NDArray[np.floating]) -> Doubles:
    total = np.zeros(len(sums))
    for lane in range(LANES):
        total += sums[:, lane]
    return total


# --- scanning ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Query:
    """A query as integers: `unit` is what 1 in a sum times a scale is worth, `rest` what is not in the sums at most."""

    codes: Codes
    unit: float
    rest: float
    weight: np.float32


def scan_threshold(view: CodeView, span: Span, queries: Floats, threshold: Millionths) -> bytes:
    """Records (query, row, upper) of every row whose bound reaches the threshold."""
    part, bits = _Part(view, span, queries.shape[1]), view[2]
    found = []
    for number, values in enumerate(queries):
        query = _quantised(values, bits)
        upper, _ = part.bounds(query)
        limit = np.float32(-np.inf) if threshold <= -MILLION else _limit(query, threshold)
        found.append(_records((number, query), part, upper, upper >= limit))
    return np.concatenate(found).tobytes()


def scan_listed(view: CodeView, blocks: npt.NDArray[np.int32], queries: Floats, threshold: Millionths) -> bytes:
    """As `scan_threshold`, block by block."""
    return b"".join(scan_threshold(view, (at, at + 1), queries, threshold) for at in blocks.tolist())


def scan_top(view: CodeView, span: Span, queries: Floats, k: int, floors: Doubles) -> bytes:
    """Records of every row that may be among the k best of these blocks; `floors` is raised."""
    part, bits = _Part(view, span, queries.shape[1]), view[2]
    found = []
    for number, values in enumerate(queries):
        query = _quantised(values, bits)
        upper, lower = part.bounds(query)
        limit = np.float32(-np.inf) if np.isinf(floors[number]) else _limit(query, float(floors[number]))
        reached = lower[upper >= limit]
        if len(reached) >= k:
            low = np.sort(reached)[-k]
            limit = max(limit, _rounded_down(float(low) - float(_gap(query))))
            learnt = np.floor((float(low) * query.unit - query.rest) * 1e6) - 1.0
            floors[number] = max(floors[number], learnt)
        found.append(_records((number, query), part, upper, upper >= limit))
    return np.concatenate(found).tobytes()


class _Part:
    """Blocks first .. end - 1 of a code set, taken apart."""

    def __init__(self, view: CodeView, span: Span, d: int) -> None:
        (codes, count, bits), (first, end) = view, span
        self.first = first * BLOCK
        rows = min(count, end * BLOCK) - self.first
        groups = -(-d // GROUP)
        blocks = codes.reshape(-1, (groups * (1 if bits == 4 else 2) + 1) * LINE)[first:end]
        facts = np.ascontiguousarray(blocks[:, -LINE:]).view("<u2").reshape(-1, 2, BLOCK)
        self.scales, self.losses = (facts[:, i].ravel()[:rows].astype(np.float32) for i in range(2))
        lines = blocks[:, :-LINE].reshape(len(blocks), groups, -1, BLOCK, 4)
        halves = np.stack([lines & 15, lines >> 4], axis=2)[:, :, :, 0] if bits == 4 else lines
        whole = halves.transpose(0, 3, 1, 2, 4).reshape(-1, groups * GROUP)
        self.codes = whole[:rows, :d].astype(np.int64) - EXCESS[bits]

    def bounds(self, query: _Query) -> tuple[Floats, Floats]:
        """Upper and lower bounds of every row, float32, in the query's units."""
        along = (self.codes @ query.codes).astype(np.float32) * self.scales
        beside = self.losses * query.weight
        return along + beside, along - beside


def _quantised(values: Floats, bits: int) -> _Query:
    exact = values.astype(np.float64)
    step = float(np.abs(exact).max()) / 127.0
    codes = np.rint(exact / step)
    rests = exact - step * codes
    lost = float(np.sqrt(_in_order(rests * rests))) * ROUNDED_UP
    length = LENGTH_AT_MOST + lost
    unit = step * SCALE_UNIT[bits]
    weight = -_rounded_down(-length * LOSS_UNIT / unit)
    return _Query(codes.astype(np.int64), unit, LENGTH_AT_MOST * lost + ROUNDING * length, np.float32(weight))


def _limit(query: _Query, score: float) -> np.float32:
    reached = score * 1e-6 - HALF_MILLIONTH - query.rest
    return _rounded_down(reached / query.unit)


def _gap(query: _Query) -> np.float32:
    return -_rounded_down(-2 * (query.rest + HALF_MILLIONTH) / query.unit)


def _rounded_down(value: float) -> np.float32:
    near = np.float32(value)
    return np.float32(np.nextafter(near, np.float32(-np.inf))) if float(near) > value else near


def _in_order(values: Doubles) -> float:
    """A sum from the first to the last; NumPy's own is pairwise."""
    return float(list(accumulate(values.tolist(), initial=0.0))[-1])


def _records(
    asked: tuple[int, _Query], part: _Part, upper: Floats, kept: npt.NDArray[np.bool_]
) -> npt.NDArray[np.void]:
    (number, query), rows = asked, np.flatnonzero(kept)
    records = np.empty(len(rows), _RECORD)
    records["query"], records["row"], records["upper"] = number, rows + part.first, upper[rows]
    above = np.nextafter(upper[rows], np.float32(np.inf)).astype(np.float64) * query.unit + query.rest
    records["at_most"] = np.minimum(np.floor((above + HALF_MILLIONTH) * 1e6) + 1, MILLION)
    return records
