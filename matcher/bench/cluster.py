"""`matcher bench search --engine ray`: shards on a running cluster beside one machine, sealed both, in one run."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher.bench.machine import machine
from matcher.bench.search import Progress, operating_point
from matcher.bench.timing import interleaved
from matcher.domain.ports import Index
from matcher.domain.revision import Screen
from matcher.domain.shards import ClusterAddress
from matcher.domain.template import MILLION, Floats, Millionths
from matcher.index.cluster import ClusterIndex
from matcher.index.exact import ExactIndex
from matcher.kernels import codes
from matcher.kernels.threads import processors
from matcher.store.lending import Lending
from matcher.store.screen_file import SealedRows, read_screen, write_screen
from matcher.store.sealing import HomeVault

BATCHES = (1, 8, 64)
SUBMITTERS = (1, 2, 4)
SECONDS = 2.0  # for each number of submitters
_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Both:
    """The same sealed revision on one machine and on a cluster."""

    embedded: ExactIndex
    cluster: ClusterIndex
    open_s: float
    load_s: float

    @classmethod
    def of(cls, folder: Path, rows: Floats, address: ClusterAddress) -> "Both":
        """Seals the rows, one subject each, and opens them twice."""
        n, d = rows.shape
        vault = _sealed(folder, rows)
        started = time.perf_counter()
        sealed_rows = SealedRows(vault, f"{_DIGEST}-templates", n, d)
        embedded = ExactIndex.opened(read_screen(vault, f"{_DIGEST}-screen"), sealed_rows)
        opened = time.perf_counter()
        cluster = ClusterIndex.opened(Lending.of(_DIGEST, sealed_rows), (n, d), address)
        return cls(embedded, cluster, opened - started, time.perf_counter() - opened)


def benchmark(rows: Floats, queries: Floats, address: ClusterAddress, say: Progress) -> dict[str, Any]:
    """Overhead of a query, throughput of submitters at once, memory, time to load and to recover."""
    say("sealing and loading")
    with tempfile.TemporaryDirectory(prefix="matcher-bench-") as folder:
        both = Both.of(Path(folder), rows, address)
        threshold = operating_point(rows, queries, processors())
        n, d = rows.shape
        cases = []
        for batch in BATCHES:
            say(f"batch {batch}")
            cases.append(_case(both, np.ascontiguousarray(queries[:batch]), threshold))
        say("submitters")
        rates = [_rates(both, queries[:1], threshold, many) for many in SUBMITTERS]
        memory = both.cluster.resident()
        say("recovering")
        recovery = _recovery(both, queries[:1], threshold)
        both.cluster.close()
    return {
        "machine": machine(),
        "n": n,
        "dim": d,
        "shards": address.shards,
        "threshold": threshold / MILLION,
        "cases": cases,
        "submitters": rates,
        "open_s": both.open_s,
        "load_s": both.load_s,
        "shard_bytes": memory,
        "recover_s": recovery,
    }


def _case(both: Both, queries: Floats, threshold: Millionths) -> dict[str, Any]:
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


def _rates(both: Both, query: Floats, threshold: Millionths, submitters: int) -> dict[str, Any]:
    return {
        "submitters": submitters,
        "embedded_per_s": _rate(both.embedded, query, threshold, submitters),
        "cluster_per_s": _rate(both.cluster, query, threshold, submitters),
    }


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


def _recovery(both: Both, query: Floats, threshold: Millionths) -> float | None:
    """Seconds from the kill of one actor to the next answer; None where it took longer than a search waits."""
    from matcher.errors import NotSearchable

    asked = np.ascontiguousarray(query)
    both.cluster.end(0)
    started = time.perf_counter()
    try:
        both.cluster.at_or_above(asked, threshold)
    except NotSearchable:
        return None
    return time.perf_counter() - started


def _sealed(folder: Path, rows: Floats) -> HomeVault:
    vault, n = HomeVault(bytes(32), folder), len(rows)
    made = codes.encode(rows, 4)
    names = tuple(f"S{i:08}" for i in range(n))
    screen = Screen(_DIGEST, 4, made.d, made.data, np.arange(n, dtype=np.int32), names)
    box, about = (partial(vault.new_container, f"{_DIGEST}-{part}") for part in ("templates", "screen"))
    with box() as sealed_rows, about() as sealed_screen:
        for at in range(0, n, 4096):
            sealed_rows.append(rows[at : at + 4096].tobytes())
        write_screen(sealed_screen, screen)
        sealed_rows.keep()
        sealed_screen.keep()
    return vault
