"""An approximate index: FAISS proposes rows, the canonical score alone decides; only omissions are possible.

1. It is derived state: built from the rows of one sealed revision and from nothing else, stamped with that revision's
   digest. It is never read from a file: FAISS takes altered ones.
2. The same rows give the same structure: a fixed seed, one thread while it is built. `engine` holds the digest of the
   structure, over FAISS's release too: another machine's k-means may sum in another order, and would be refused.
3. Rows are proposed by whole lists (IVF) or as the `efSearch` nearest (HNSW); those whose float32 score cannot be a
   canonical score at the threshold are let go. Whoever was proposed by a lesser row alone is left out at a higher
   threshold, which the best row may reach: an answer at one threshold says nothing of another.
4. Of every proposed subject all rows are scored canonically: whoever is named has the score that the exact index gives.
5. Queries are asked one by one: FAISS compares many with its centroids by another product than one.
6. `maxima` names nobody and reads every row: it is exact.
"""

import hashlib
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.engine import Factory, engine_name
from matcher.domain.ports import RowReader
from matcher.domain.revision import Screen
from matcher.domain.search import Hit, SearchAnswer, Work
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.index.exact import ROWS_AT_ONCE, best_of_each, maxima_over
from matcher.index.rows import StoredRows
from matcher.kernels import checks

SEED = 1_234


@dataclass(frozen=True, slots=True, eq=False)
class ApproximateIndex:
    """The templates of one revision in a FAISS index. Made by `build`, `opened` and `joined` only; never changes."""

    revision_digest: str
    factory: Factory
    structure: str
    d: int
    _faiss: Any = field(repr=False)
    _rows: RowReader = field(repr=False)
    _subjects: Scores = field(repr=False)
    _by_subject: Scores = field(repr=False)  # row numbers, ordered by subject
    _owners: Scores = field(repr=False)  # the subjects of `_by_subject`

    @classmethod
    def build(cls, factory: Factory, templates: Floats, subjects: Scores, revision_digest: str) -> Self:
        """An index of unit float32 templates (n, d) and their subject numbers, int32 (n,). Raises BadInput."""
        checks.require_unit("templates", templates)
        return cls._of(_built(factory, templates), factory, StoredRows.of(templates), subjects, revision_digest)

    @classmethod
    def opened(cls, factory: Factory, screen: Screen, rows: RowReader) -> Self:
        """An index of a sealed revision: every row is read once, and those that are scored are read again."""
        templates = rows.take(np.arange(len(screen.subjects), dtype=np.int32))
        return cls._of(_built(factory, templates), factory, rows, screen.subjects, screen.revision_digest)

    @classmethod
    def _of(cls, made: Any, factory: Factory, rows: RowReader, subjects: Scores, digest: str) -> Self:
        checks.require_numbers("subjects", subjects, count=made.ntotal, least=0)
        order = np.argsort(subjects, kind="stable").astype(np.int32)
        owned, structure = subjects.copy(), _structure(factory, made)
        return cls(digest, factory, structure, made.d, made, rows, owned, order, owned[order])

    @property
    def engine(self) -> str:
        """What a certificate binds."""
        return engine_name(self.factory.text, self.structure)

    @property
    def shards(self) -> tuple[str, ...]:
        """None: one machine answers."""
        return ()

    def joined(self, templates: Floats, subjects: Scores) -> "ApproximateIndex":
        """A copy of this index with rows added and nothing trained anew, to search for people who join a list."""
        import faiss

        checks.require_unit("templates", templates)
        checks.require_queries(templates, self.d)
        known = self._rows.take(np.arange(len(self._subjects), dtype=np.int32))
        made = faiss.clone_index(self._faiss)
        with _one_thread():
            made.add(templates)
        every = np.concatenate([self._subjects, subjects])
        rows = StoredRows.of(np.concatenate([known, templates]))
        return self._of(made, self.factory, rows, every, self.revision_digest)

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer:
        """For each unit query (m, d) subjects whose best score is at or above `threshold`: some may be left out.

        Raises BadInput for queries that are not unit float32 of the index's width, or a threshold beyond +-10^6.
        """
        if abs(operator.index(threshold)) > MILLION:
            raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
        self._require_queries(queries)
        hits, proposed, scored = [], 0, 0
        for place in range(len(queries)):
            query = queries[place : place + 1]
            found = self._proposed(query, threshold)
            rows = self._rows_of(np.unique(self._subjects[found]))
            hits.append(self._decided(query, rows, threshold))
            proposed, scored = proposed + len(found), scored + len(rows)
        return SearchAnswer(tuple(hits), Work(proposed, scored, kernels.path(), 1))

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        """The best score, int32 (m,), of each unit query over all subjects but `excluded[i]` (-1: but none): exact."""
        self._require_queries(queries)
        return maxima_over(self._rows, self._subjects, queries, excluded)

    def _require_queries(self, queries: Floats) -> None:
        checks.require_unit("queries", queries)
        checks.require_queries(queries, self.d)

    def _proposed(self, query: Floats, threshold: Millionths) -> npt.NDArray[np.int64]:
        """Row numbers that FAISS finds and whose canonical score may reach the threshold."""
        # A float32 product of unit vectors is off by at most d * 2^-24 in any order of summing (Higham 2002, 3.5), the
        # canonical score by half a millionth; both are doubled.
        least = np.float32(threshold / MILLION - 1e-6 - (self.d + 8) * 2.0**-23)
        if self.factory.family == "IVF":
            found: npt.NDArray[np.int64] = self._faiss.range_search(query, float(least))[2]
            return found
        scores, rows = self._faiss.search(query, min(self.factory.effort, len(self._subjects)))
        nearest: npt.NDArray[np.int64] = rows[0][(rows[0] >= 0) & (scores[0] >= least)]
        return nearest

    def _rows_of(self, subjects: Scores) -> Scores:
        """Numbers of all rows of these subjects, ascending."""
        starts, ends = (np.searchsorted(self._owners, subjects, side) for side in ("left", "right"))
        parts = [self._by_subject[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int32)

    def _decided(self, query: Floats, rows: Scores, threshold: Millionths) -> tuple[Hit, ...]:
        parts = [rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE)]
        asked = [np.zeros(len(part), np.int32) for part in parts]
        scored = [kernels.rescored(query, at, self._rows.take(part)) for at, part in zip(asked, parts, strict=True)]
        scores = np.concatenate(scored) if scored else np.empty(0, np.int32)
        kept = scores >= threshold
        zeros = np.zeros(int(kept.sum()), np.int32)
        return best_of_each(1, zeros, self._subjects[rows[kept]], scores[kept])[0]


def _built(factory: Factory, templates: Floats) -> Any:
    import faiss

    if len(templates) < (least := factory.size if factory.family == "IVF" else 1):
        raise BadInput(f"index {factory.text} needs {least:,} templates and there are {len(templates):,}: ask for less")
    made: Any = faiss.index_factory(templates.shape[1], factory.faiss, faiss.METRIC_INNER_PRODUCT)
    if factory.family == "IVF":
        made.cp.seed, made.cp.min_points_per_centroid = SEED, 1  # few points are a matter for the test, not a warning
        made.nprobe = factory.effort
    else:
        made.hnsw.efSearch = factory.effort
    with _one_thread():
        made.train(templates)
        made.add(templates)
    return made


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads, and links that they make at once, come in any order."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _structure(factory: Factory, made: Any) -> str:
    """sha256 (hex) of what decides which rows are looked at: release, factory, and centroids and lists, or links."""
    import faiss

    digest = hashlib.sha256(f"watchlist-matcher/structure/v1\n{faiss.__version__}\n{factory.text}\n".encode())
    if factory.family == "IVF":
        digest.update(made.quantizer.reconstruct_n(0, factory.size).astype("<f4").tobytes())
        for place in range(factory.size):
            size = made.invlists.list_size(place)
            digest.update(size.to_bytes(8, "little"))
            if size:
                digest.update(faiss.rev_swig_ptr(made.invlists.get_ids(place), size).astype("<i8").tobytes())
    else:
        digest.update(made.hnsw.entry_point.to_bytes(8, "little", signed=True))
        for part in (made.hnsw.levels, made.hnsw.offsets, made.hnsw.neighbors):
            digest.update(np.ascontiguousarray(faiss.vector_to_array(part)).astype("<i8").tobytes())
    return digest.hexdigest()
