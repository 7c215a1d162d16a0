"""A cluster as a queue, in pure Python: `python -m tests.simulations.cluster_queue`.

Submitters each send one query, wait for its answer and send the next. The driver spends `send` seconds for each shard
it asks, one after the other; a shard answers one query at a time in `fixed + rows * row` seconds, now and then `slow`
times as long; the answer is there when the last shard's is. Calibrated by `matcher bench search --engine ray`.
"""

import heapq
import json
import random
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Shape:
    """Seconds measured, and what is asked of them."""

    shards: int
    rows: int  # of all shards
    submitters: int
    send: float  # driver, for each shard of a query
    fixed: float  # shard, for each query
    row: float  # shard, for each row on its node's cores
    slow: float = 4.0
    slow_share: float = 0.01


def simulate(shape: Shape, queries: int = 2_000, seed: int = 1) -> dict[str, float]:
    """Queries a second, and the median and 99th percentile of the seconds that a query takes."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    driver, free = 0.0, [0.0] * shape.shards
    service = shape.fixed + shape.rows / shape.shards * shape.row
    waiting = [(0.0, number) for number in range(shape.submitters)]
    took, last = [], 0.0
    for _ in range(queries):
        asked, submitter = heapq.heappop(waiting)
        ends = []
        for shard in range(shape.shards):
            driver = max(driver, asked) + shape.send
            begin = max(driver, free[shard])
            free[shard] = begin + service * (shape.slow if drawn.random() < shape.slow_share else 1.0)
            ends.append(free[shard])
        heapq.heappush(waiting, (max(ends), submitter))
        took.append(max(ends) - asked)
        last = max(last, *ends)
    took.sort()
    return {"per_s": queries / last, "median_s": took[len(took) // 2], "p99_s": took[len(took) * 99 // 100]}


# Measured on two shared cores (docs/scale.md): what a shard costs the driver, a query a shard, and a row of 68 bytes.
MEASURED = Shape(shards=2, rows=1_000_000, submitters=1, send=0.0006, fixed=0.002, row=8.3e-9)


def projections() -> list[dict[str, float | int]]:
    """The sizes of docs/scale.md: ten million templates a shard, a shard a node."""
    told: list[dict[str, float | int]] = []
    for rows, shards in ((1_000_000, 2), (10_000_000, 2), (100_000_000, 10), (1_000_000_000, 100)):
        for submitters in (1, 4):
            shape = replace(MEASURED, rows=rows, shards=shards, submitters=submitters)
            found = {key: round(value, 4) for key, value in simulate(shape).items()}
            told.append({"rows": rows, "shards": shards, "submitters": submitters, **found})
    return told


if __name__ == "__main__":
    print("\n".join(json.dumps(one) for one in projections()))
