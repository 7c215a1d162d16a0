"""A cascade that may miss: signs of rotated rows, then 4-bit codes, then canonical scores. For this benchmark only.

1. What it promises is a probability, told before it runs: at most MISSES that a search misses any row that belongs in
   the answer, over the rotation, for rows and queries that do not depend on the rotation's seed (`ext/README.md`).
2. No list is searched with it: what an activation signs counts on answers that depend on the list and the probe alone,
   not on a seed that a list could have been made against.
3. It is checked here on queries that have a row at the threshold itself, where a miss is likeliest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np

from matcher import kernels
from matcher.bench import truth
from matcher.bench.peers.flat import FaissFlat
from matcher.bench.timing import Times, fastest, interleaved
from matcher.domain.template import MILLION, THRESHOLD_STEP, Floats, Millionths, Scores
from matcher.index.exact import ExactIndex
from matcher.kernels import codes, signs, sphere
from matcher.kernels.threads import in_parallel, processors, spans, threads_for

MISSES = 1e-9  # a search, at most
PASSING = 1000  # the operating point: at most one row in so many passes the first stage
CHECKED = 8  # queries as they are, and as many with a row at the threshold
STEP = 10_000  # millionths between the thresholds at which it is asked whether the cascade pays
TRIES = 7  # of each way there


@dataclass(frozen=True, slots=True)
class Answer:
    """(row, canonical score) best first, ties by row number; and how many rows each stage left."""

    hits: list[tuple[int, int]]
    passed: int
    reached: int


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """The three stages over the same rows."""

    threads: int
    depth: float
    _rows: Floats = field(repr=False)
    _signs: signs.SignSet = field(repr=False)
    _codes: codes.CodeSet = field(repr=False)

    @classmethod
    def of(cls, rows: Floats, seed: int, threads: int, misses: float = MISSES) -> Self:
        """A cascade over unit rows (n, d), d at least 2, which must not depend on the seed. Raises BadInput."""
        n, d = rows.shape
        turned = signs.encode_signs(rows, sphere.rotation(d, seed))
        return cls(threads, sphere.depth_for(d, n, misses), rows, turned, codes.encode(rows, 4))

    @property
    def miss_probability(self) -> float:
        """At most how probable it is that a search misses a row."""
        return sphere.miss_probability(self._signs.d, self._signs.count, self.depth)

    @property
    def bytes_a_row(self) -> dict[str, float]:
        """Bytes of each stage; the second is read for few rows."""
        n = self._signs.count
        return {"one_bit": round(self._signs.data.size / n, 1), "four_bit": round(self._codes.data.size / n, 1)}

    def passing(self, query: Floats, threshold: Millionths) -> Scores:
        """Rows that pass the first stage for a unit query (1, d)."""
        asked = signs.asked(self._signs, query[0], threshold, self.depth)
        parts = spans(self._signs.blocks, min(self.threads, threads_for(self._signs.data.size, None)))
        return np.concatenate(in_parallel(lambda span: signs.scan_signs(self._signs, span, asked), parts))

    def at_or_above(self, query: Floats, threshold: Millionths) -> Answer:
        """Rows at or above the threshold, from 0.0001 on, for a unit query (1, d): all of them but with MISSES."""
        passed = self.passing(query, threshold)
        # All rows of a block come with the one that passed: they cost nothing, and can only be missed less.
        blocks = np.unique(passed // codes.BLOCK)
        size = len(blocks) * self._codes.data.size // max(self._codes.blocks, 1)
        parts = spans(len(blocks), min(self.threads, threads_for(size, None)))

        def listed(span: tuple[int, int]) -> Scores:
            return codes.scan_listed(self._codes, blocks[slice(*span)], query, threshold).rows

        reached = np.sort(np.concatenate([np.empty(0, np.int32), *in_parallel(listed, parts)]))
        scores = kernels.rescored(query, np.zeros(len(reached), np.int32), self._rows[reached])
        pairs = zip(reached.tolist(), scores.tolist(), strict=True)
        hits = sorted((pair for pair in pairs if pair[1] >= threshold), key=lambda pair: (-pair[1], pair[0]))
        return Answer(hits, len(passed), len(reached))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The cascade beside the exact search and faiss flat, one query at a time."""

    rows: Floats
    queries: Floats
    cascade: Cascade
    exact: ExactIndex
    flat: FaissFlat

    def run(self) -> dict[str, Any]:
        """Timed and checked at the operating point."""
        threshold = self._operating_point()
        query, cascade = self.queries[:1], self.cascade
        answer = cascade.at_or_above(query, threshold)
        most = sorted({1, cascade.threads, processors()})
        flat = [partial(self.flat.answer, query, "threshold", threshold / MILLION, threads) for threads in most]
        best = fastest(flat)
        times = interleaved(
            {
                "cascade": lambda: cascade.at_or_above(query, threshold),
                "exact": lambda: self.exact.at_or_above(query, threshold),
                "faiss_flat": flat[best],
            }
        )
        identical, found = self._identical(threshold)
        return {
            "miss_probability": cascade.miss_probability,
            "threshold": threshold / MILLION,
            "threads": cascade.threads,
            "seconds": times["cascade"].median,
            "p95_s": times["cascade"].percentile(0.95),
            "p99_s": times["cascade"].percentile(0.99),
            "survivors": {"one_bit": answer.passed, "four_bit": answer.reached, "answer": len(answer.hits)},
            "identical": identical,
            "checked": {"queries": 2 * len(self.queries[:CHECKED]), "rows_found": found},
            "bytes_a_row": cascade.bytes_a_row,
            "exact": _beside(times, "exact", identical),
            "faiss_flat": _beside(times, "faiss_flat", identical) | {"threads": most[best]},
            "faster_than_exact_from": self._pays_from(threshold),
        }

    def _operating_point(self) -> Millionths:
        """The lowest threshold, a multiple of 0.0001, at which few enough rows of the queries pass the first stage."""
        some = self.queries[:CHECKED]

        def few(threshold: Millionths) -> bool:
            passed = sum(len(self.cascade.passing(query[np.newaxis], threshold)) for query in some)
            return passed * PASSING <= len(some) * len(self.rows)

        low, high = 0, MILLION // THRESHOLD_STEP
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if few(middle * THRESHOLD_STEP) else (middle, high)
        return high * THRESHOLD_STEP

    def _identical(self, threshold: Millionths) -> tuple[bool, int]:
        """Whether the answers are those of scoring every row, and how many rows those have."""
        asked = np.concatenate([self.queries[:CHECKED], at_threshold(self.rows, self.queries[:CHECKED], threshold)])
        wanted = truth.reached(self.rows, asked, threshold)
        given = [self.cascade.at_or_above(query[np.newaxis], threshold).hits for query in asked]
        return given == wanted, sum(map(len, wanted))

    def _pays_from(self, threshold: Millionths) -> float:
        """The lowest threshold, in steps of 0.01 down from the operating point, at which this is the faster one."""
        query = self.queries[:1]
        for at in range(threshold, signs.LEAST - 1, -STEP):
            ways: list[Callable[[], object]] = [
                partial(self.exact.at_or_above, query, at),
                partial(self.cascade.at_or_above, query, at),
            ]
            if fastest(ways, tries=TRIES) == 0:
                return min(at + STEP, threshold) / MILLION
        return threshold / MILLION


def at_threshold(rows: Floats, queries: Floats, threshold: Millionths) -> Floats:
    """Unit queries, one for each of these, whose cosine with a row is the threshold and 2e-6."""
    cosine = min(threshold / MILLION + 2e-6, 1.0)
    near = rows[np.linspace(0, len(rows) - 1, len(queries)).astype(np.intp)].astype(np.float64)
    beside = queries - np.einsum("ij,ij->i", queries, near)[:, np.newaxis] * near
    beside /= np.linalg.norm(beside, axis=1, keepdims=True)
    return kernels.normalise((cosine * near + np.sqrt(1 - cosine**2) * beside).astype(np.float32))


def _beside(times: dict[str, Times], name: str, identical: bool) -> dict[str, Any]:
    ratio = times[name].median / times["cascade"].median
    return {"s": times[name].median, "ratio": round(ratio, 2) if identical else None}
