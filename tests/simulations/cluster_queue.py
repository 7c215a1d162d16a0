"""A cluster as a queue, in pure Python, fitted: `python -m tests.simulations.cluster_queue [MEASURED.jsonl]`.

Submitters each send one query, wait for its answer and send the next. The driver spends `send` seconds for each shard
it asks, one after the other. The shards lie on `nodes` machines; a machine works on one shard's query at a time, in
`fixed + rows * row` seconds, now and then `slow` times as long. The answer is there when the last shard's is.

`send`, `fixed` and `row` are fitted to results of `matcher bench search --engine ray --json`, one a line, on a cluster
of one machine (`cluster_measured.jsonl`): the three times with which the logarithms of simulated and measured medians
and throughputs differ least in the sum of their squares. How far each is off is printed beside; then the projection.
On one machine `send` and `fixed` can nearly change places, and among many machines they cannot: so the projection is
printed with the two exchanged as well, and holds where both agree.
"""

import heapq
import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("cluster_measured.jsonl")


@dataclass(frozen=True)
class Shape:
    """Seconds, and what is asked of them."""

    shards: int
    nodes: int
    rows: int  # of all shards
    submitters: int
    send: float  # driver, for each shard of a query
    fixed: float  # machine, for each query of a shard
    row: float  # machine, for each row, with all its cores
    slow: float = 4.0
    slow_share: float = 0.01


@dataclass(frozen=True)
class Point:
    """One figure that was measured: a median in seconds, or answers a second of so many submitters."""

    rows: int
    shards: int
    submitters: int
    what: str  # a key of what `simulate` gives
    value: float


@dataclass(frozen=True)
class Times:
    """What is fitted, in seconds."""

    send: float
    fixed: float
    row: float


def simulate(shape: Shape, queries: int = 2_000, seed: int = 1) -> dict[str, float]:
    """Queries a second, and the median and 99th percentile of the seconds that a query takes."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    driver, free = 0.0, [0.0] * shape.nodes
    service = shape.fixed + shape.rows / shape.shards * shape.row
    waiting = [(0.0, number) for number in range(shape.submitters)]
    took, last = [], 0.0
    for _ in range(queries):
        asked, submitter = heapq.heappop(waiting)
        ends = []
        for shard in range(shape.shards):
            driver = max(driver, asked) + shape.send
            node = shard % shape.nodes
            begin = max(driver, free[node])
            free[node] = begin + service * (shape.slow if drawn.random() < shape.slow_share else 1.0)
            ends.append(free[node])
        heapq.heappush(waiting, (max(ends), submitter))
        took.append(max(ends) - asked)
        last = max(last, *ends)
    took.sort()
    return {"per_s": queries / last, "median_s": took[len(took) // 2], "p99_s": took[len(took) * 99 // 100]}


def points(results: Sequence[dict[str, Any]]) -> Iterator[Point]:
    """The figures of single queries that results of the benchmark hold."""
    for one in results:
        size = one["n"], one["shards"]
        yield from (Point(*size, 1, "median_s", case["cluster_s"]) for case in one["cases"] if case["batch"] == 1)
        yield from (Point(*size, many["submitters"], "per_s", many["cluster_per_s"]) for many in one["submitters"])


def simulated(times: Times, point: Point, queries: int = 200) -> float:
    """What the simulation says of a figure that was measured on one machine."""
    shape = Shape(point.shards, 1, point.rows, point.submitters, **asdict(times))
    return simulate(shape, queries)[point.what]


def fitted(measured: Sequence[Point]) -> Times:
    """The times that agree best: from four beginnings, since driver and machine can nearly change places."""
    ends = [_descended(Times(send, fixed, 1e-8), measured) for send in (3e-4, 3e-3) for fixed in (3e-4, 3e-3)]
    return min(ends, key=lambda times: _far(times, measured))


def _far(times: Times, measured: Sequence[Point]) -> float:
    return sum(math.log(simulated(times, one) / one.value) ** 2 for one in measured)


def _descended(best: Times, measured: Sequence[Point]) -> Times:
    """All three times a step up, down or as they are, by ever smaller steps."""
    least, step = _far(best, measured), 2.0
    while step > 1.01:
        ways = product((step, 1.0, 1 / step), repeat=3)
        tried = [Times(best.send * send, best.fixed * fixed, best.row * row) for send, fixed, row in ways]
        off, nearest = min(((_far(times, measured), times) for times in tried), key=lambda one: one[0])
        if off < least:
            best, least = nearest, off
        else:
            step = math.sqrt(step)
    return best


def compared(times: Times, measured: Sequence[Point]) -> list[dict[str, Any]]:
    """Every figure, measured and simulated, and by what factor the simulation is off."""
    told = []
    for one in measured:
        found = simulated(times, one, 2_000)
        told.append(asdict(one) | {"simulated": float(f"{found:.4g}"), "factor": round(found / one.value, 2)})
    return told


def projections(times: Times) -> list[dict[str, float | int]]:
    """The sizes of docs/scale.md: ten million templates a shard, a shard a machine."""
    told: list[dict[str, float | int]] = []
    for rows, shards in ((100_000_000, 10), (1_000_000_000, 100)):
        for submitters in (1, 4):
            shape = Shape(shards, shards, rows, submitters, **asdict(times))
            found = {key: round(value, 4) for key, value in simulate(shape).items()}
            told.append({"rows": rows, "shards": shards, "submitters": submitters, **found})
    return told


def main(words: list[str]) -> None:
    """Prints one JSON object: the times, how far the simulation is off, the projection."""
    path = Path(words[0]) if words else MEASURED
    measured = list(points([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]))
    times = fitted(measured)
    exchanged = replace(times, send=times.fixed, fixed=times.send)
    told = {"times_s": asdict(times), "compared": compared(times, measured)}
    told |= {"projection": projections(times), "exchanged": projections(exchanged)}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
