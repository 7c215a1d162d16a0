"""The exact index: every subject whose best template scores at or above a threshold, no more and no fewer.

1. It is derived state: a function of one sealed revision, stamped with that revision's digest, never stored.
2. FAISS holds the templates and scans them; the canonical score alone decides (`margin.py` proves that none is missed).
3. A subject's score is the best of its templates; order is score descending, then subject number ascending.
4. Answers do not depend on batch size, order of enrolment, threads or machine.
5. There is no "the k most similar": below the threshold nobody is named, and `maxima` names nobody at all.
"""

import operator
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.index.margin import radius, require_unit
from matcher.kernels import checks

QUERIES_A_SCAN = 64  # bounds what one scan may return: 64 x n survivors at the lowest threshold


class _Store(Protocol):
    """What is used of `faiss.IndexFlatIP`."""

    d: int
    ntotal: int

    def range_search(
        self, queries: Floats, radius: float
    ) -> tuple[npt.NDArray[np.uint64], Floats, npt.NDArray[np.int64]]: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject at or above the threshold: its number and its best canonical score in millionths."""

    subject: int
    score: Millionths


@dataclass(frozen=True, slots=True, eq=False)
class ExactIndex:
    """The templates of one sealed revision, ready to be searched. Made by `build` only; never changes."""

    revision_digest: str
    n_subjects: int
    # Left out of repr: templates must not reach a log by way of a message.
    _store: _Store = field(repr=False)
    _rows: Floats = field(repr=False)  # the store's own memory, (n, d), read-only
    _subjects: Scores = field(repr=False)

    @classmethod
    def build(cls, templates: Floats, subjects: Scores, revision_digest: str) -> Self:
        """An index of unit float32 templates (n, d) and their subject numbers, int32 (n,), at least 0.

        The arrays are copied. Raises BadInput if shapes, types, values or lengths are wrong.
        """
        checks.require_matrix("templates", templates)
        require_unit("templates", templates)
        checks.require_numbers("subjects", subjects, count=len(templates), least=0)
        store, rows = _stored(templates)
        owned = subjects.copy()
        owned.flags.writeable = False
        return cls(revision_digest, len(np.unique(owned)), store, rows, owned)

    @property
    def n_templates(self) -> int:
        """Number of templates."""
        return self._store.ntotal

    def at_or_above(self, queries: Floats, threshold: Millionths) -> list[list[Hit]]:
        """For each unit query (m, d) the subjects whose best score is at or above `threshold`, in order.

        Raises BadInput for queries that are not unit float32 of the index's width, or a threshold beyond +-10^6.
        """
        if abs(operator.index(threshold)) > MILLION:
            raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
        self._require_queries(queries)
        answers: list[list[Hit]] = []
        for start in range(0, len(queries), QUERIES_A_SCAN):
            answers += self._scan(queries[start : start + QUERIES_A_SCAN], threshold)
        return answers

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        """The best score, int32 (m,), of each unit query over all subjects but number `excluded[i]` (-1: but none).

        It says how near the nearest is, never who; the least int32 where no template is left. Raises BadInput.
        """
        self._require_queries(queries)
        return kernels.maxima(queries, self._rows, self._subjects, excluded)

    def _require_queries(self, queries: Floats) -> None:
        checks.require_matrix("queries", queries)
        checks.require_same_width(queries, self._rows)
        require_unit("queries", queries)

    def _scan(self, queries: Floats, threshold: Millionths) -> list[list[Hit]]:
        limits, _, found = self._store.range_search(queries, radius(threshold, self._store.d))
        return [
            self._decided(queries[i : i + 1], found[limits[i] : limits[i + 1]], threshold) for i in range(len(queries))
        ]

    def _decided(self, query: Floats, survivors: npt.NDArray[np.int64], threshold: Millionths) -> list[Hit]:
        scores = kernels.canonical_scores(query, self._rows[survivors])[0]
        kept = scores >= threshold
        return _best_of_each(self._subjects[survivors[kept]], scores[kept])


def _best_of_each(subjects: Scores, scores: Scores) -> list[Hit]:
    order = np.lexsort((subjects, -scores))
    # In this order a subject's first row is its best one.
    _, first = np.unique(subjects[order], return_index=True)
    best = order[np.sort(first)]
    return [Hit(subject, score) for subject, score in zip(subjects[best].tolist(), scores[best].tolist(), strict=True)]


def _stored(templates: Floats) -> tuple[_Store, Floats]:
    import faiss

    n, d = templates.shape
    store = faiss.IndexFlatIP(d)
    store.add(templates)
    rows: Floats = faiss.rev_swig_ptr(store.get_xb(), n * d).reshape(n, d)
    rows.flags.writeable = False
    return store, rows
