"""faiss IndexFlatIP, and a BLAS product in cache-sized chunks followed by a partition: exact peers on float32."""

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from matcher.domain.template import Floats

Mode = Literal["threshold", "topk"]
CHUNK_BYTES = 4 << 20  # of scores: they stay in the last-level cache until they are looked at


@dataclass(frozen=True, eq=False)
class FaissFlat:
    """`range_search` at the threshold, `search` for top-k, on a number of threads.

    It holds the only copy of the vectors, which everybody else in a run reads too: `rows`, float32 (n, d). `add_s` is
    how long adding them took.
    """

    rows: Floats
    add_s: float
    _faiss: Any
    _index: Any

    @classmethod
    def of(cls, vectors: Floats) -> "FaissFlat":
        """An index over a copy of float32 (n, d)."""
        import faiss

        n, d = vectors.shape
        index = faiss.IndexFlatIP(d)
        started = time.perf_counter()
        index.add(vectors)
        seconds = time.perf_counter() - started
        return cls(faiss.rev_swig_ptr(index.get_xb(), n * d).reshape(n, d), seconds, faiss, index)

    def answer(self, queries: Floats, mode: Mode, at: float, threads: int) -> None:
        """Asks once; `at` is the threshold or k."""
        self._faiss.omp_set_num_threads(threads)
        if mode == "threshold":
            self._index.range_search(queries, at)
        else:
            self._index.search(queries, int(at))


@dataclass(frozen=True, eq=False)
class BlasProduct:
    """Scores of a chunk of rows by one matrix product, then a comparison or a partition."""

    rows: Floats

    def answer(self, queries: Floats, mode: Mode, at: float) -> None:
        """Asks once; `at` is the threshold or k."""
        step = max(1024, CHUNK_BYTES // (4 * len(queries)))
        scores = np.empty((len(queries), step), np.float32)
        for start in range(0, len(self.rows), step):
            part = self.rows[start : start + step]
            made = np.matmul(queries, part.T, out=scores[:, : len(part)])
            if mode == "threshold":
                np.nonzero(made >= at)
            else:
                np.argpartition(made, -min(int(at), len(part)), axis=1)[:, -int(at) :]
