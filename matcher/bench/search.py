"""`matcher bench search`: our exact search beside its peers, on the same vectors, in one process and one run.

A speed-up is only told where the answer of that run equals what scoring every row canonically gives.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher.bench import ranking, truth
from matcher.bench.approximate import beside_exact
from matcher.bench.cascade import Cascade, Comparison
from matcher.bench.machine import machine
from matcher.bench.peers.flat import BlasProduct, FaissFlat, Mode
from matcher.bench.timing import Reading, Times, fastest, interleaved, read_gb_s, resident_bytes
from matcher.domain.engine import Factory
from matcher.domain.revision import Screen
from matcher.domain.template import MILLION, THRESHOLD_STEP, Floats, Millionths
from matcher.index.exact import ExactIndex
from matcher.kernels import codes
from matcher.kernels.threads import in_parallel, processors, spans, threads_for

K = 10
SURVIVORS = 10  # the operating point: at most so many rows of a query are expected to survive screening
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One question: how many queries at once, at a threshold or for the ten best."""

    batch: int
    mode: Mode


CASES = (
    Case(1, "threshold"),
    Case(1, "topk"),
    Case(64, "threshold"),
    Case(8, "threshold"),
    Case(256, "threshold"),
    Case(64, "topk"),
)


@dataclass(eq=False)
class Bench:
    """Vectors, indexes over them, and the peers; made once for all cases.

    `wanted` None: as many threads as the product would take for so many bytes.
    """

    flat: FaissFlat
    queries: Floats
    wanted: int | None
    say: Progress
    lossy: bool = False
    index: ExactIndex = field(init=False)
    threshold: Millionths = field(init=False)
    bandwidth: float = field(init=False)
    build_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.say("reading memory")
        self.bandwidth = read_gb_s(self.threads)
        self.say("building")
        everybody = np.arange(len(self.rows), dtype=np.int32)
        started = time.perf_counter()
        self.index = ExactIndex.build(self.rows, everybody, "bench", self.wanted)
        self.build_s = time.perf_counter() - started
        self._blas = BlasProduct(self.rows)
        self.threshold = operating_point(self.rows, self.queries, self.threads)

    @property
    def threads(self) -> int:
        """Threads that scan the 4-bit codes."""
        n, d = self.rows.shape
        return threads_for(codes.code_bytes(n, d, 4), self.wanted)

    @property
    def rows(self) -> Floats:
        """The vectors searched, float32 (n, d)."""
        return self.flat.rows

    @cached_property
    def eight(self) -> codes.CodeSet:
        """Codes for the k best."""
        return codes.encode(self.rows, 8, self.threads)

    def building(self) -> dict[str, float]:
        """Seconds from vectors to an index, ours (with faiss's own copy of the rows) and faiss's."""
        return {"matcher_s": self.build_s, "faiss_flat_add_s": self.flat.add_s}

    def machine(self) -> dict[str, Any]:
        """What this ran on."""
        return machine() | {"read_gb_s": round(self.bandwidth, 2)}

    def run(self, case: Case) -> dict[str, Any]:
        """One case, timed and checked."""
        self.say(f"{case.mode}, batch {case.batch}")
        queries = np.ascontiguousarray(self.queries[: case.batch])
        at = self.threshold / MILLION if case.mode == "threshold" else float(K)
        ours, survivors, identical = self._ours(case, queries)
        most = sorted({1, self.threads, processors()})
        flat = [partial(self.flat.answer, queries, case.mode, at, threads) for threads in most]
        best = fastest(flat)
        ways: dict[str, Callable[[], object]] = {
            "matcher": ours,
            "faiss_flat": flat[best],
            "blas": lambda: self._blas.answer(queries, case.mode, at),
        }
        if case.batch == 1:  # one query is a matter of reading; more are a matter of multiplying
            ways |= {"read": Reading(self._resident(case), self.threads)}
        times = interleaved(ways)
        peers = {
            "faiss_flat": _peer(times, "faiss_flat", identical) | {"threads": most[best]},
            "blas": _peer(times, "blas", identical),
        }
        if self.lossy and case == Case(1, "topk"):
            peers |= self._lossy(times["matcher"].median if identical else None)
        return self._told(case, times, survivors, identical) | {"peers": peers}

    def _ours(self, case: Case, queries: Floats) -> tuple[Callable[[], object], int, bool]:
        if case.mode == "threshold":
            answer = self.index.at_or_above(queries, self.threshold)
            given = [[(hit.subject, hit.score) for hit in hits] for hits in answer.hits]
            identical = given == truth.reached(self.rows, queries, self.threshold)
            return lambda: self.index.at_or_above(queries, self.threshold), answer.work.survivors, identical
        ranked, survivors = ranking.best_rows(self.rows, self.eight, queries, K, self.threads)
        identical = ranked == truth.best(self.rows, queries, K)
        return lambda: ranking.best_rows(self.rows, self.eight, queries, K, self.threads), survivors, identical

    def _told(self, case: Case, times: dict[str, Times], survivors: int, identical: bool) -> dict[str, Any]:
        mine, n, d = times["matcher"], *self.rows.shape
        return {
            "n": n,
            "dim": d,
            "batch": case.batch,
            "mode": case.mode,
            "threads": self.threads,
            "threshold": self.threshold / MILLION if case.mode == "threshold" else None,
            "matcher_s": mine.median,
            "p95_s": mine.percentile(0.95),
            "p99_s": mine.percentile(0.99),
            "identical": identical,
            "survivors": survivors,
            "bandwidth_share": round(times["read"].median / mine.median, 3) if "read" in times else None,
            "rss_ratio": round((self._resident(case) + 4 * n) / (4 * n * d), 4),
        }

    def _resident(self, case: Case) -> int:
        """Bytes of codes that answer this case."""
        n, d = self.rows.shape
        return codes.code_bytes(n, d, 4 if case.mode == "threshold" else 8)

    def _lossy(self, ours: float | None) -> dict[str, Any]:
        """The ten best by peers that may miss some, one query at a time, with their recall."""
        from matcher.bench.peers.lossy import lossy_peers, recall

        queries = np.ascontiguousarray(self.queries[:64])
        wanted, told = truth.best(self.rows, queries, K), {}
        for name, search in lossy_peers(self.rows).items():
            self.say(f"peer {name}")
            times = interleaved({name: partial(search, queries[:1], K)})[name]
            ratio = None if ours is None else round(times.median / ours, 2)
            told[name] = {"s": times.median, "ratio": ratio, "recall": recall(search(queries, K), wanted)}
        return told

    def cascade(self, seed: int) -> dict[str, Any]:
        """One query on the cascade that may miss, beside exact search and faiss flat; vectors do not know the seed."""
        self.say("building: signs of rotated rows")
        made = Cascade.of(self.rows, seed, self.threads)
        self.say("cascade")
        return Comparison(self.rows, self.queries, made, self.index, self.flat).run() | {"seed": seed}

    def approximate(self, factory: Factory) -> dict[str, Any]:
        """One query on an approximate engine, beside the exact one, and whom it leaves out."""
        self.say(f"engine {factory.text}")
        return beside_exact(factory, self.rows, self.queries, self.index, self.threshold)

    def sealed(self) -> dict[str, Any]:
        """Opening a sealed index, and one query on it, beside the same query in memory."""
        self.say("sealed")
        with tempfile.TemporaryDirectory(prefix="matcher-bench-") as folder:
            opened, seconds, resident = _sealed_index(Path(folder), self.rows, self.wanted)
            queries = np.ascontiguousarray(self.queries[:1])
            ways = {
                "sealed": lambda: opened.at_or_above(queries, self.threshold),
                "memory": lambda: self.index.at_or_above(queries, self.threshold),
            }
            times = interleaved(ways)
            same = opened.at_or_above(queries, self.threshold) == self.index.at_or_above(queries, self.threshold)
        return {
            "open_s": seconds,
            "sealed_s": times["sealed"].median,
            "memory_s": times["memory"].median,
            "identical": same,
            "resident_bytes": resident,
            "rss_ratio": round(resident / self.rows.nbytes, 4),
        }


def operating_point(rows: Floats, queries: Floats, threads: int) -> Millionths:
    """The lowest threshold (a multiple of 0.0001) at which a query expects at most ten survivors of 4-bit screening."""
    return operating_point_of(codes.encode(rows, 4, threads), queries, threads)


def operating_point_of(screened: codes.CodeSet, queries: Floats, threads: int) -> Millionths:
    """The same, of rows whose 4-bit codes are there already."""
    asked = np.ascontiguousarray(queries[:16])

    def survivors(threshold: Millionths) -> float:
        parts = spans(screened.blocks, threads)
        found = in_parallel(lambda span: len(codes.scan_threshold(screened, span, asked, threshold)), parts)
        return sum(found) / len(asked)

    low, high = 0, MILLION // THRESHOLD_STEP
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if survivors(middle * THRESHOLD_STEP) <= SURVIVORS else (middle, high)
    return high * THRESHOLD_STEP


def growth(
    sizes: tuple[int, ...], make: Callable[[int], Floats], wanted: int | None, say: Progress
) -> Iterator[dict[str, Any]]:
    """One query at a threshold over lists of growing size, beside faiss flat."""
    for n in sizes:
        say(f"{n:,} templates")
        yield Bench(FaissFlat.of(make(n)), make(64), wanted, say).run(Case(1, "threshold"))


def _peer(times: dict[str, Times], name: str, identical: bool) -> dict[str, Any]:
    ratio = times[name].median / times["matcher"].median
    return {"s": times[name].median, "ratio": round(ratio, 2) if identical else None}


def _sealed_index(folder: Path, rows: Floats, threads: int | None) -> tuple[ExactIndex, float, int]:
    """The index, how long opening it took, and by how many resident bytes the process grew."""
    from matcher.store.screen_file import SealedRows, read_screen, write_screen
    from matcher.store.sealing import HomeVault

    vault, n = HomeVault(bytes(32), folder), len(rows)
    made = codes.encode(rows, 4, threads)
    names = tuple(f"S{i:08}" for i in range(n))
    screen = Screen("bench", 4, made.d, made.data, np.arange(n, dtype=np.int32), names)
    with vault.new_container("rows") as sealed_rows, vault.new_container("screen") as sealed_screen:
        for at in range(0, n, 4096):
            sealed_rows.append(rows[at : at + 4096].tobytes())
        write_screen(sealed_screen, screen)
        sealed_rows.keep()
        sealed_screen.keep()
    before, started = resident_bytes(), time.perf_counter()
    opened = ExactIndex.opened(read_screen(vault, "screen"), SealedRows(vault, "rows", n, rows.shape[1]), threads)
    return opened, time.perf_counter() - started, resident_bytes() - before
