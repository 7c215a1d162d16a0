"""`matcher bench search --index`: an approximate engine beside the exact one, with whom it leaves out.

1. One query at the threshold of the other cases, in turns with the exact engine, which reads every code.
2. Decisions are compared as a calibration compares them, on vectors of nobody: of probes that are nobody's, and of
   MATES, made from rows that are listed so that they score about 0.8 with them.
3. No speed-up is told of an engine whose decisions differ: it does something else.
"""

import time
from functools import partial
from typing import Any

import numpy as np

from matcher.bench.timing import interleaved
from matcher.domain.engine import Factory
from matcher.domain.template import Floats, Millionths
from matcher.index.approximate import ApproximateIndex
from matcher.index.exact import ExactIndex
from matcher.kernels import normalise

MATES = 200
NOISE = 0.75  # of unit length, beside a unit row: a cosine of 1 / sqrt(1 + 0.75^2) = 0.8


def beside_exact(
    factory: Factory, rows: Floats, queries: Floats, exact: ExactIndex, threshold: Millionths
) -> dict[str, Any]:
    """What building it takes, what a query takes, and how many decisions differ."""
    started = time.perf_counter()
    index = ApproximateIndex.build(factory, rows, np.arange(len(rows), dtype=np.int32), exact.revision_digest)
    built = time.perf_counter() - started
    one = np.ascontiguousarray(queries[:1])
    times = interleaved(
        {
            "exact": partial(exact.at_or_above, one, threshold),
            "approximate": partial(index.at_or_above, one, threshold),
        }
    )
    alone = _compared(index, exact, queries, threshold)
    mated = _compared(index, exact, mates_of(rows), threshold)
    alike = alone["differ"] == mated["differ"] == 0
    exact_s, s = times["exact"].median, times["approximate"].median
    return {
        "factory": factory.text,
        "threshold": threshold,
        "build_s": built,
        "exact_s": exact_s,
        "s": s,
        "ratio": round(exact_s / s, 2) if alike else None,
        "queries": alone,
        "mates": mated,
    }


def mates_of(rows: Floats) -> Floats:
    """Probes of people who are listed, spread evenly over the rows."""
    chosen = rows[np.linspace(0, len(rows) - 1, min(MATES, len(rows))).astype(int)]
    noise = normalise(np.random.default_rng(3).standard_normal(chosen.shape).astype(np.float32))
    return normalise(chosen + np.float32(NOISE) * noise)


def _compared(index: ApproximateIndex, exact: ExactIndex, probes: Floats, threshold: Millionths) -> dict[str, Any]:
    found = index.at_or_above(probes, threshold).hits
    every = exact.at_or_above(probes, threshold).hits
    wanted, got = sum(map(len, every)), sum(map(len, found))
    return {
        "n": len(probes),
        "named": sum(map(bool, every)),
        "differ": sum(one != other for one, other in zip(found, every, strict=True)),
        "recall": round(got / wanted, 4) if wanted else None,
    }
