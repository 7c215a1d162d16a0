"""The k best rows of bare vectors, for timing against libraries that do nothing else. No list is ever asked this.

1. A scan leaves every row that may be among the k best, each with a score that it does not exceed.
2. The k most promising rows of a query are scored: the k-th best of the whole is no worse than the worst of them.
3. Only rows that may reach that are scored too, so few float rows are read.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.template import Floats, Scores
from matcher.kernels import codes
from matcher.kernels.threads import in_parallel, spans

Ranking = list[tuple[int, int]]


def best_rows(
    rows: Floats, screened: codes.CodeSet, queries: Floats, k: int, threads: int
) -> tuple[list[Ranking], int]:
    """(row, canonical score) of the k best rows of each query, ties by row number; and how many rows were scored."""

    def scan(span: tuple[int, int]) -> codes.Survivors:
        return codes.scan_top(screened, span, queries, k, np.full(len(queries), -np.inf))

    found = in_parallel(scan, spans(screened.blocks, threads))
    asked, numbers, at_most = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("queries", "rows", "at_most")
    )
    order = np.lexsort((-at_most, asked))
    asked, numbers, at_most = asked[order], numbers[order], at_most[order]
    starts = np.searchsorted(asked, np.arange(len(queries)))
    promising = np.arange(len(asked)) - starts[asked] < k
    first = _scored(rows, queries, asked[promising], numbers[promising])
    floors = np.full(len(queries), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(floors, asked[promising], first)
    rest = ~promising & (at_most >= floors[asked])
    scores = np.concatenate([first, _scored(rows, queries, asked[rest], numbers[rest])])
    looked_at = np.concatenate([np.flatnonzero(promising), np.flatnonzero(rest)])
    return _ranked(len(queries), (asked[looked_at], numbers[looked_at], scores), k), len(looked_at)


def ranked(numbers: Scores, scores: Scores, k: int) -> Ranking:
    """The k best of these rows."""
    order = np.lexsort((numbers, -scores))[:k]
    return list(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))


def _scored(rows: Floats, queries: Floats, asked: Scores, numbers: Scores) -> Scores:
    return kernels.paired_scores(queries, asked, rows[numbers])


def _ranked(count: int, found: tuple[npt.NDArray[np.int32], ...], k: int) -> list[Ranking]:
    asked, numbers, scores = found
    order = np.argsort(asked, kind="stable")
    asked, numbers, scores = asked[order], numbers[order], scores[order]
    edges = np.searchsorted(asked, np.arange(count + 1)).tolist()
    return [ranked(numbers[a:b], scores[a:b], k) for a, b in pairwise(edges)]
