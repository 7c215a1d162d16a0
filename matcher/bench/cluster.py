"""`matcher bench search --engine ray`: shards on a running cluster beside one machine, sealed both, in one run."""

import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher.bench.data import AT_ONCE
from matcher.bench.machine import machine
from matcher.bench.search import Progress, operating_point_of
from matcher.bench.timing import interleaved
from matcher.domain.ports import Index
from matcher.domain.revision import Screen
from matcher.domain.shards import ClusterAddress
from matcher.domain.template import MILLION, Floats, Millionths
from matcher.errors import NotSearchable
from matcher.index.cluster import ROWS_A_SECOND, STARTING, ClusterIndex
from matcher.index.exact import ExactIndex
from matcher.kernels import codes
from matcher.kernels.threads import processors
from matcher.store.lending import Lending
from matcher.store.screen_file import SealedRows, read_screen, write_screen
from matcher.store.sealing import HomeVault

BATCHES = (1, 8, 64)
SUBMITTERS = (1, 2, 4)
SECONDS = 2.0  # of one turn of so many submitters
TURNS = 5
_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Vectors to seal: `n` of `d` elements, in pieces of any multiple of 16 rows, so that they never lie in memory."""

    n: int
    d: int
    pieces: Iterable[Floats] = field(repr=False)

    @classmethod
    def of(cls, rows: Floats) -> "Rows":
        """Rows that are in memory, float32 (n, d)."""
        n, d = rows.shape
        return cls(n, d, (rows[at : at + AT_ONCE] for at in range(0, n, AT_ONCE)))


@dataclass(frozen=True, slots=True)
class Both:
    """The same sealed revision on one machine and on a cluster, and the operating point that it is searched at."""

    embedded: ExactIndex
    cluster: ClusterIndex
    told: list[str]  # what the cluster's index said of lost shards
    threshold: Millionths
    seal_s: float
    open_s: float
    load_s: float

    @classmethod
    def of(cls, folder: Path, rows: Rows, queries: Floats, address: ClusterAddress, say: Progress) -> "Both":
        """Seals the rows, one subject each, and opens them twice."""
        began = time.perf_counter()
        vault, screened = _sealed(folder, rows, say)
        sealed = time.perf_counter()
        threshold = operating_point_of(screened, queries, processors())
        del screened
        say("opening on one machine")
        opening = time.perf_counter()
        sealed_rows = SealedRows(vault, f"{_DIGEST}-templates", rows.n, rows.d)
        embedded = ExactIndex.opened(read_screen(vault, f"{_DIGEST}-screen"), sealed_rows)
        opened = time.perf_counter()
        say("loading on the cluster")
        told: list[str] = []
        cluster = ClusterIndex.opened(Lending.of(_DIGEST, sealed_rows), (rows.n, rows.d), address, told.append)
        loaded = time.perf_counter()
        return cls(embedded, cluster, told, threshold, sealed - began, opened - opening, loaded - opened)


def benchmark(rows: Rows, queries: Floats, address: ClusterAddress, say: Progress) -> dict[str, Any]:
    """Overhead of a query, throughput of submitters at once, memory, time to load and to recover."""
    with tempfile.TemporaryDirectory(prefix="matcher-bench-") as folder:
        both = Both.of(Path(folder), rows, queries, address, say)
        cases = []
        for batch in BATCHES:
            say(f"batch {batch}")
            cases.append(_case(both, np.ascontiguousarray(queries[:batch])))
        say("submitters")
        rates = [_rates(both, queries[:1], many) for many in SUBMITTERS]
        memory = both.cluster.resident()
        say("recovering")
        recovery = _recovery(both, queries[:1], rows.n)
        both.cluster.close()
    return {
        "machine": machine(),
        "n": rows.n,
        "dim": rows.d,
        "shards": address.shards,
        "threshold": both.threshold / MILLION,
        "cases": cases,
        "submitters": rates,
        "seal_s": both.seal_s,
        "open_s": both.open_s,
        "load_s": both.load_s,
        "shard_bytes": memory,
        **recovery,
    }


def _case(both: Both, queries: Floats) -> dict[str, Any]:
    threshold = both.threshold
    same = both.cluster.at_or_above(queries, threshold).hits == both.embedded.at_or_above(queries, threshold).hits
    ways = {
        "embedded": lambda: both.embedded.at_or_above(queries, threshold),
        "cluster": lambda: both.cluster.at_or_above(queries, threshold),
    }
    times = interleaved(ways)
    ours, theirs = times["embedded"].median, times["cluster"].median
    return {
        "batch": len(queries),
        "embedded_s": ours,
        "cluster_s": theirs,
        "cluster_p95_s": times["cluster"].percentile(0.95),
        "overhead_s": theirs - ours,
        "identical": same,
    }


def _rates(both: Both, query: Floats, submitters: int) -> dict[str, Any]:
    """Queries a second of so many submitters, each of `TURNS` turns: the middle one, and all."""
    ways: dict[str, Index] = {"embedded": both.embedded, "cluster": both.cluster}
    turns = [{name: _rate(way, query, both.threshold, submitters) for name, way in ways.items()} for _ in range(TURNS)]
    told: dict[str, Any] = {"submitters": submitters}
    for name in ways:
        rates = sorted(turn[name] for turn in turns)
        told |= {f"{name}_per_s": rates[TURNS // 2], f"{name}_turns": [round(rate, 2) for rate in rates]}
    return told


def _rate(index: Index, query: Floats, threshold: Millionths, submitters: int) -> float:
    until = time.perf_counter() + SECONDS
    asked = np.ascontiguousarray(query)

    def submit(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            index.at_or_above(asked, threshold)
            done += 1
        return done

    with ThreadPoolExecutor(submitters) as pool:
        return sum(pool.map(submit, range(submitters))) / SECONDS


def _recovery(both: Both, query: Floats, n: int) -> dict[str, Any]:
    """Seconds from the kill of one actor to the next answer without it, and how many searches were refused meanwhile.

    None where none came in the time that a first load is given. Answers that the actor still gave do not count.
    """
    asked, refused = np.ascontiguousarray(query), 0
    both.cluster.end(0)
    started = time.perf_counter()
    while time.perf_counter() < started + STARTING + n / ROWS_A_SECOND:
        try:
            both.cluster.at_or_above(asked, both.threshold)
        except NotSearchable:
            refused += 1
            continue
        if both.told:
            return {"recover_s": time.perf_counter() - started, "recover_refused": refused}
    return {"recover_s": None, "recover_refused": refused}


def _sealed(folder: Path, rows: Rows, say: Progress) -> tuple[HomeVault, codes.CodeSet]:
    """The sealed revision and its codes."""
    vault, data, at = HomeVault(bytes(32), folder), codes.empty_codes(rows.n, rows.d, 4), 0
    block = codes.code_bytes(codes.BLOCK, rows.d, 4)
    box, about = (partial(vault.new_container, f"{_DIGEST}-{part}") for part in ("templates", "screen"))
    with box() as sealed_rows, about() as sealed_screen:
        for piece in rows.pieces:
            made = codes.encode(piece, 4)
            data[at // codes.BLOCK * block :][: len(made.data)] = made.data
            for start in range(0, len(piece), 4096):
                sealed_rows.append(piece[start : start + 4096].tobytes())
            at += len(piece)
            say(f"sealed {at:,} of {rows.n:,}")
        data.flags.writeable = False
        names = tuple(f"S{i:08}" for i in range(rows.n))
        screen = Screen(_DIGEST, 4, rows.d, data, np.arange(rows.n, dtype=np.int32), names)
        write_screen(sealed_screen, screen)
        sealed_rows.keep()
        sealed_screen.keep()
    return vault, codes.CodeSet(4, rows.n, rows.d, data)
