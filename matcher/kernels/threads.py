"""Threads for a kernel: its work is split evenly, the first part runs where it was asked for, the others in a pool.

Kernels release the GIL and touch no Python object, so parts run at once. Small work is not worth a thread: handing over
a part costs about 30 us, in which one core reads half a megabyte of codes or compares a thousand pairs.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

WORTH_A_THREAD = 1 << 19  # bytes of codes for each thread
MOST_THREADS = 64


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(size: int, wanted: int | None, worth: int = WORTH_A_THREAD) -> int:
    """How many threads share work of this size: what is `wanted`, else one for each processor with `worth` to do."""
    if wanted is not None:
        return max(1, min(wanted, MOST_THREADS))
    return max(1, min(processors(), size // worth))


def spans(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` blocks in at most `parts` spans that are not empty."""
    edges = sorted({count * i // parts for i in range(parts + 1)})
    return list(pairwise(edges))


def pair_spans(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` rows in at most `parts` spans with about as many pairs: row i has a pair with each row behind it."""
    edges = sorted({round(count * (1 - math.sqrt(1 - i / parts))) for i in range(parts + 1)})
    return list(pairwise(edges))


def in_parallel(call: Callable[[tuple[int, int]], T], parts: Sequence[tuple[int, int]]) -> list[T]:
    """`call(span)` of every span, in order."""
    others = [_pool().submit(call, part) for part in parts[1:]]
    return [call(part) for part in parts[:1]] + [other.result() for other in others]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="scan")


if hasattr(os, "register_at_fork"):  # threads stay with the parent: a child that used its pool would wait forever
    os.register_at_fork(after_in_child=_pool.cache_clear)
