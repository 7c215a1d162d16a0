"""The k best rows of bare vectors, for timing against libraries that do nothing else. No list is ever asked this."""

import numpy as np

from matcher import kernels
from matcher.domain.template import Floats, Scores
from matcher.kernels import codes
from matcher.kernels.threads import in_parallel, spans


def best_rows(
    rows: Floats, screened: codes.CodeSet, queries: Floats, k: int, threads: int
) -> tuple[list[list[tuple[int, int]]], int]:
    """(row, canonical score) of the k best rows of each query, ties by row number; and how many survived screening."""

    def scan(span: tuple[int, int]) -> codes.Survivors:
        return codes.scan_top(screened, span, queries, k, np.full(len(queries), -np.inf))

    found = in_parallel(scan, spans(screened.blocks, threads))
    asked = np.concatenate([one.queries for one in found])
    numbers = np.concatenate([one.rows for one in found])
    order = np.lexsort((numbers, asked))
    asked, numbers = asked[order], numbers[order]
    scores = kernels.paired_scores(queries, asked, rows[numbers])
    edges = np.searchsorted(asked, np.arange(len(queries) + 1))
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [ranked(numbers[a:b], scores[a:b], k) for a, b in pairs], len(numbers)


def ranked(numbers: Scores, scores: Scores, k: int) -> list[tuple[int, int]]:
    """The k best of these rows."""
    order = np.lexsort((numbers, -scores))[:k]
    return list(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))
