"""Peers that may miss rows: each is timed beside its recall, the share of the true answer that it gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.domain.template import Floats

Rows = npt.NDArray[np.int64]
Search = Callable[[Floats, int], Rows]


def lossy_peers(rows: Floats) -> dict[str, Search]:
    """Ways to the k nearest rows, by name; usearch only where it is installed."""
    d = rows.shape[1]
    made = {
        "faiss_sq8": _trained("SQ8", rows),
        "faiss_hnsw32": _trained("HNSW32", rows),
        f"faiss_pq{d // 2}x4fs": _trained(f"PQ{d // 2}x4fs", rows),
        "faiss_rabitq_fs": _trained("RaBitQfs", rows),
        "usearch_i8_exact": _usearch(rows),
    }
    return {name: search for name, search in made.items() if search is not None}


def recall(found: Rows, truth: list[list[tuple[int, int]]]) -> float:
    """The share of the true rows that were found."""
    wanted = sum(len(pairs) for pairs in truth)
    got = sum(len({row for row, _ in pairs} & set(line)) for pairs, line in zip(truth, found.tolist(), strict=True))
    return got / wanted


def _trained(factory: str, rows: Floats) -> Search | None:
    import faiss

    try:
        index: Any = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError:
        return None  # this release of faiss does not know the factory
    index.train(rows[:100_000])
    index.add(rows)

    def search(queries: Floats, k: int) -> Rows:
        return np.asarray(index.search(queries, k)[1])

    return search


def _usearch(rows: Floats) -> Search | None:
    try:
        from usearch.index import search as exact
    except ImportError:
        return None
    codes = np.round(rows * 127).astype(np.int8)

    def search(queries: Floats, k: int) -> Rows:
        found = exact(codes, np.round(queries * 127).astype(np.int8), k, "cos", exact=True)
        return np.asarray(found.keys).reshape(len(queries), -1)

    return search
