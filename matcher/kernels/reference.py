"""The obvious NumPy twin of the compiled core: the same functions, the same bits, slow.

Its interface is that of `matcher.kernels._compiled.Path`: checked arrays in, `out` filled. `ext/README.md` is the
contract. The twins of encoding and scanning are in `reference_codes.py` and `reference_signs.py`.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.kernels.reference_codes import encode, scan_listed, scan_threshold, scan_top
from matcher.kernels.reference_signs import scan_signs

__all__ = [
    "canonical_scores",
    "encode",
    "maxima",
    "normalise",
    "pair_counts",
    "paired_scores",
    "pairs_reaching",
    "scan_listed",
    "scan_signs",
    "scan_threshold",
    "scan_top",
]

LANES = 16
NOTHING_LEFT = np.iinfo(np.int32).min

Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Span = tuple[int, int]


def canonical_scores(queries: Floats, rows: Floats, out: Scores) -> None:
    """Scores of each query (m, d) with each row (n, d) in millionths, into `out` (m, n)."""
    wide = _widened(rows)
    for i, query in enumerate(_widened(queries)):
        out[i] = np.clip(np.rint(_sums(query, wide) * 1e6), -MILLION, MILLION).astype(np.int32)


def paired_scores(queries: Floats, at: Scores, rows: Floats, out: Scores) -> None:
    """The score of row i (n, d) with query `at[i]` (m, d) in millionths, into `out` (n,)."""
    pair = np.empty((1, 1), np.int32)
    for i, query in enumerate(at.tolist()):
        canonical_scores(queries[query : query + 1], rows[i : i + 1], pair)
        out[i] = pair[0, 0]


def normalise(rows: Floats, out: Floats) -> None:
    """Each row (n, d) divided by its length, into `out` (n, d)."""
    wide = _widened(rows)
    out[:] = (rows.astype(np.float64) / np.sqrt(_sums(wide, wide))[:, np.newaxis]).astype(np.float32)


def maxima(queries: Floats, rows: Floats, owner: Scores, excluded: Scores, out: Scores) -> None:
    """The largest score of each query over the rows it does not exclude, into `out` (m,)."""
    scores = np.empty((1, len(rows)), np.int32)
    for i in range(len(queries)):
        canonical_scores(queries[i : i + 1], rows, scores)
        out[i] = scores[0].max(where=owner != excluded[i], initial=NOTHING_LEFT)


def pair_counts(rows: Floats, people: tuple[Scores, Scores], span: Span, width: int, out: Counts) -> None:
    """Adds each pair of the span to the histogram of its groups, in `out` (groups (groups + 1) / 2, 2e6 / width)."""
    owner, group = people
    for i, others, scores in _pairs(rows, owner, span):
        low, high = np.minimum(group[i], group[others]), np.maximum(group[i], group[others])
        bins = np.minimum((scores + MILLION) // width, out.shape[1] - 1)
        np.add.at(out, (high * (high + 1) // 2 + low, bins), 1)


def pairs_reaching(rows: Floats, owner: Scores, span: Span, threshold: Millionths) -> bytes:
    """(first row, second row, score) of each pair of the span that reaches, as int32."""
    found = [np.empty((0, 3), np.int32)]
    for i, others, scores in _pairs(rows, owner, span):
        kept = scores >= threshold
        found.append(np.stack([np.full_like(others, i), others, scores], axis=1)[kept])
    return np.concatenate(found).tobytes()


def _pairs(rows: Floats, owner: Scores, span: Span) -> Iterator[tuple[int, Scores, Scores]]:
    """Each row of the span, the rows behind it that another person owns, and their scores."""
    for i in range(*span):
        others = (i + 1 + np.flatnonzero(owner[i + 1 :] != owner[i])).astype(np.int32)
        scores = np.empty((1, len(others)), np.int32)
        canonical_scores(rows[i : i + 1], rows[others], scores)
        yield i, others, scores[0]


def _widened(rows: Floats) -> Doubles:
    """(n, d) as float64 (n, steps, 16), zeros behind: they change no bit of a sum that starts at +0."""
    n, d = rows.shape
    steps = -(-d // LANES)
    wide = np.zeros((n, steps * LANES))
    wide[:, :d] = rows
    return wide.reshape(n, steps, LANES)


def _sums(a: Doubles, b: Doubles) -> Doubles:
    """Dot products of (..., steps, 16) arrays in the canonical order."""
    lanes = np.zeros((*np.broadcast_shapes(a.shape, b.shape)[:-2], LANES))
    for step in range(a.shape[-2]):
        lanes += a[..., step, :] * b[..., step, :]
    for width in (8, 4, 2, 1):
        lanes = lanes[..., :width] + lanes[..., width : 2 * width]
    return lanes[..., 0]
