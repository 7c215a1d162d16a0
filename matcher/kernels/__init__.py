"""The numeric core: canonical scores, maxima and unit vectors, the same bits on every path (`ext/README.md`).

Arrays are checked here, once, and BadInput says what is wrong; UsageError if the implementation that is asked for is
absent. Inputs are only read; results are fresh arrays.
"""

import numpy as np

from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput
from matcher.kernels import checks
from matcher.kernels.choice import chosen

__all__ = ["canonical_scores", "maxima", "normalise", "paired_scores", "path", "rescored"]


def canonical_scores(queries: Floats, rows: Floats) -> Scores:
    """Canonical scores, int32 millionths (m, n), of float32 queries (m, d) with float32 rows (n, d)."""
    _check_pair(queries, rows)
    out = np.empty((len(queries), len(rows)), np.int32)
    if out.size:
        chosen().kernels.canonical_scores(queries, rows, out)
    return out


def paired_scores(queries: Floats, at: Scores, rows: Floats) -> Scores:
    """Canonical scores, int32 (n,), of row i of float32 (n, d) with query `at[i]` of float32 (m, d)."""
    _check_pair(queries, rows)
    checks.require_numbers("at", at, count=len(rows), least=0)
    if len(at) and int(at.max()) >= len(queries):
        raise BadInput(f"at must name one of {len(queries)} queries")
    return rescored(queries, at, rows)


def rescored(queries: Floats, at: Scores, rows: Floats) -> Scores:
    """`paired_scores` for a caller who has checked everything already: an index, for each of its survivors."""
    out = np.empty(len(rows), np.int32)
    if out.size:
        chosen().kernels.paired_scores(queries, at, rows, out)
    return out


def normalise(rows: Floats) -> Floats:
    """Float32 rows (n, d) scaled to unit length; a row of zeros is refused."""
    checks.require_matrix("rows", rows)
    checks.require_no_zero_row(rows)
    out = np.empty_like(rows)
    if out.size:
        chosen().kernels.normalise(rows, out)
    return out


def maxima(queries: Floats, rows: Floats, owner: Scores, excluded: Scores | None = None) -> Scores:
    """The largest canonical score, int32 (m,), of each query over the rows that it does not exclude.

    `owner` (n,) holds each row's subject number, 0 or more; query i leaves out the rows whose owner is `excluded[i]`
    (m,), and -1, like no `excluded` at all, leaves out none. Where no row is left the answer is the least int32.
    """
    _check_pair(queries, rows)
    checks.require_numbers("owner", owner, count=len(rows), least=0)
    if excluded is None:
        excluded = np.full(len(queries), -1, np.int32)
    checks.require_numbers("excluded", excluded, count=len(queries), least=-1)
    out = np.full(len(queries), np.iinfo(np.int32).min, np.int32)
    if len(queries) and len(rows):
        chosen().kernels.maxima(queries, rows, owner, excluded, out)
    return out


def path() -> str:
    """The name of the implementation in use, one of `choice.NAMES`."""
    return chosen().path


def _check_pair(queries: Floats, rows: Floats) -> None:
    checks.require_matrix("queries", queries)
    checks.require_matrix("rows", rows)
    checks.require_same_width(queries, rows)
