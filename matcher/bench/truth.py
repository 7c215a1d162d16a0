"""What the answer must be: every row scored canonically, without any screening."""

import numpy as np

from matcher import kernels
from matcher.bench.ranking import ranked
from matcher.domain.template import Floats, Millionths

_AT_ONCE = 50_000


def reached(rows: Floats, queries: Floats, threshold: Millionths) -> list[list[tuple[int, int]]]:
    """(row, score) of every row at or above the threshold, best first, ties by row number."""
    found: list[list[tuple[int, int]]] = [[] for _ in queries]
    for at in range(0, len(rows), _AT_ONCE):
        scores = kernels.canonical_scores(queries, rows[at : at + _AT_ONCE])
        for query, row in zip(*np.nonzero(scores >= threshold), strict=True):
            found[query].append((at + int(row), int(scores[query, row])))
    return [sorted(pairs, key=lambda pair: (-pair[1], pair[0])) for pairs in found]


def best(rows: Floats, queries: Floats, k: int) -> list[list[tuple[int, int]]]:
    """(row, score) of the k best rows."""
    found: list[list[tuple[int, int]]] = [[] for _ in queries]
    for at in range(0, len(rows), _AT_ONCE):
        scores = kernels.canonical_scores(queries, rows[at : at + _AT_ONCE])
        numbers = np.arange(at, at + scores.shape[1], dtype=np.int32)
        for query, line in enumerate(scores):
            near = np.flatnonzero(line >= np.partition(line, -min(k, len(line)))[-min(k, len(line))])
            found[query] = _merged(found[query], ranked(numbers[near], line[near], k), k)
    return found


def _merged(one: list[tuple[int, int]], other: list[tuple[int, int]], k: int) -> list[tuple[int, int]]:
    return sorted(one + other, key=lambda pair: (-pair[1], pair[0]))[:k]
