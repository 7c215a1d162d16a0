"""The exact index: every subject whose best template scores at or above a threshold, no more and no fewer.

1. It is derived state: a function of one sealed revision, stamped with that revision's digest.
2. Screening codes say which rows cannot reach the threshold (proof in `ext/README.md`); of the others the float rows
   are read, and the canonical score alone decides.
3. A subject's score is the best of its templates; order is score descending, then subject number ascending.
4. Answers do not depend on path, batch size, order of enrolment, threads or machine.
5. There is no "the k most similar": below the threshold nobody is named, and `maxima` names nobody at all.
"""

import operator
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import numpy as np

from matcher import kernels
from matcher.domain.engine import EXACT
from matcher.domain.ports import RowReader
from matcher.domain.revision import Screen
from matcher.domain.search import Hit, SearchAnswer, Work
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.index.rows import StoredRows
from matcher.kernels import checks, codes
from matcher.kernels.threads import in_parallel, spans, threads_for

QUERIES_A_SCAN = 256  # one pass over the codes; bounds what one scan may return to 256 x n at the lowest threshold
# Float rows that are scored at once, beside the codes: 32 MB at d = 128, 1 GB at d = 4,096. They are there twice where
# queries share survivors; sealed ones are read a few MiB at a time.
ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class ExactIndex:
    """The templates of one sealed revision, ready to be searched. Made by `build` and `opened` only; never changes."""

    revision_digest: str
    n_subjects: int
    threads: int | None
    _codes: codes.CodeSet = field(repr=False)
    _rows: RowReader = field(repr=False)
    _subjects: Scores = field(repr=False)

    @classmethod
    def build(cls, templates: Floats, subjects: Scores, revision_digest: str, threads: int | None = None) -> Self:
        """An index in memory of unit float32 templates (n, d) and their subject numbers, int32 (n,), at least 0.

        The arrays are copied. `threads` None takes as many as there are processors with enough to do. Raises BadInput
        if shapes, types, values or lengths are wrong.
        """
        screened = codes.encode(templates, 4, threads)
        checks.require_numbers("subjects", subjects, count=len(templates), least=0)
        owned = subjects.copy()
        owned.flags.writeable = False
        n_subjects = len(np.unique(owned))
        return cls(revision_digest, n_subjects, threads, screened, StoredRows.of(templates), owned)

    @classmethod
    def opened(cls, screen: Screen, rows: RowReader, threads: int | None = None) -> Self:
        """An index over sealed rows: only `screen` is in memory; `rows` reads what a search has to look at."""
        screened = codes.CodeSet(screen.bits, len(screen.subjects), screen.d, screen.codes)
        checks.require_numbers("subjects", screen.subjects, count=screened.count, least=0)
        return cls(screen.revision_digest, len(screen.subject_ids), threads, screened, rows, screen.subjects)

    @property
    def engine(self) -> str:
        """What a certificate binds: the exact engine has no name."""
        return EXACT

    @property
    def shards(self) -> tuple[str, ...]:
        """None: one machine answers."""
        return ()

    @property
    def n_templates(self) -> int:
        """Number of templates."""
        return self._codes.count

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer:
        """For each unit query (m, d) the subjects whose best score is at or above `threshold`, and the work it took.

        Raises BadInput for queries that are not unit float32 of the index's width, or a threshold beyond +-10^6.
        """
        if abs(operator.index(threshold)) > MILLION:
            raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
        self._require_queries(queries)
        threads, hits, survivors = threads_for(self._codes.data.size, self.threads), [], 0
        parts = spans(self._codes.blocks, threads)
        for start in range(0, len(queries), QUERIES_A_SCAN):
            some = queries[start : start + QUERIES_A_SCAN]
            found = in_parallel(partial(self._scan, some, threshold), parts)
            survivors += sum(map(len, found))
            hits += self._decided(some, found, threshold)
        return SearchAnswer(tuple(hits), Work(self.n_templates, survivors, kernels.path(), max(1, len(parts))))

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        """The best score, int32 (m,), of each unit query over all subjects but number `excluded[i]` (-1: but none).

        It says how near the nearest is, never who; the least int32 where no template is left. Raises BadInput.
        """
        self._require_queries(queries)
        return maxima_over(self._rows, self._subjects, queries, excluded)

    def _scan(self, queries: Floats, threshold: Millionths, span: tuple[int, int]) -> codes.Survivors:
        return codes.scan_threshold(self._codes, span, queries, threshold)

    def _require_queries(self, queries: Floats) -> None:
        checks.require_unit("queries", queries)
        checks.require_queries(queries, self._codes.d)

    def _decided(self, queries: Floats, found: list[codes.Survivors], threshold: Millionths) -> list[tuple[Hit, ...]]:
        """The hits of each query among the survivors."""
        if not any(map(len, found)):
            return [()] * len(queries)
        asked = found[0].queries if len(found) == 1 else np.concatenate([one.queries for one in found])
        rows = found[0].rows if len(found) == 1 else np.concatenate([one.rows for one in found])
        if len(queries) > 1:  # of one query they ascend already, and each is there once
            order = np.lexsort((asked, rows))  # sealed rows are read front to back, each once
            asked, rows = asked[order], rows[order]
        parts = range(0, len(rows), ROWS_AT_ONCE)
        scored = [self._scored(queries, asked[at : at + ROWS_AT_ONCE], rows[at : at + ROWS_AT_ONCE]) for at in parts]
        scores = scored[0] if len(scored) == 1 else np.concatenate(scored)
        kept = scores >= threshold
        return best_of_each(len(queries), asked[kept], self._subjects[rows[kept]], scores[kept])

    def _scored(self, queries: Floats, asked: Scores, rows: Scores) -> Scores:
        if len(queries) == 1 or bool((rows[1:] != rows[:-1]).all()):
            return kernels.rescored(queries, asked, self._rows.take(rows))
        distinct, place = np.unique(rows, return_inverse=True)
        return kernels.rescored(queries, asked, self._rows.take(distinct)[place])


def maxima_over(rows: RowReader, subjects: Scores, queries: Floats, excluded: Scores | None) -> Scores:
    """`ExactIndex.maxima` of checked queries over all `rows`, whose subjects are int32 (n,)."""
    best = np.full(len(queries), np.iinfo(np.int32).min, np.int32)
    for start in range(0, len(subjects), ROWS_AT_ONCE):
        part = np.arange(start, min(start + ROWS_AT_ONCE, len(subjects)), dtype=np.int32)
        read, owners = rows.take(part), np.ascontiguousarray(subjects[part])
        np.maximum(best, kernels.maxima(queries, read, owners, excluded), out=best)
    return best


def best_of_each(count: int, asked: Scores, subjects: Scores, scores: Scores) -> list[tuple[Hit, ...]]:
    """The hits of each query; this far only rows at or above the threshold come, so there are few."""
    best: list[dict[int, int]] = [{} for _ in range(count)]
    for query, subject, score in zip(asked.tolist(), subjects.tolist(), scores.tolist(), strict=True):
        known = best[query]
        if score > known.get(subject, -MILLION - 1):
            known[subject] = score
    ordered = (sorted(found.items(), key=lambda hit: (-hit[1], hit[0])) for found in best)
    return [tuple(Hit(subject, score) for subject, score in found) for found in ordered]
