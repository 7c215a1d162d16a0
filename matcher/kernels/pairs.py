"""Every comparison among many templates, counted or listed, without a matrix of them in memory.

1. A comparison is an unordered pair of rows of different owners; each is made once.
2. Counting goes into histograms of canonical scores, one for each unordered pair of groups. A caller with several
   columns of labels takes the joint label as group and adds the histograms up: one pass serves them all.
3. Listing gives only what reaches a threshold. Neither depends on threads, path or the order of rows.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.kernels import checks
from matcher.kernels.choice import Counts, People, Span, chosen
from matcher.kernels.threads import in_parallel, pair_spans, threads_for

WIDTH = 1_000  # millionths: 2,000 bins over [-1, 1]
MOST_COUNTS = 1 << 22  # 32 MiB of counts for each thread: 64 groups at the usual width
WORTH_A_THREAD = 1 << 16  # pairs, about a millisecond
_PAIR = np.dtype([("first", np.int32), ("second", np.int32), ("score", np.int32)])


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """Histograms, int64 (groups (groups + 1) / 2, 2e6 / width), read-only.

    Bin b counts scores from -1e6 + b * width up to below the next bin; the last one holds 1e6 too.
    """

    width: Millionths
    counts: Counts = field(repr=False)

    def of(self, one: int, other: int) -> Counts:
        """The histogram of comparisons between two groups, or within one."""
        low, high = sorted((one, other))
        found: Counts = self.counts[high * (high + 1) // 2 + low]
        return found

    def reaching(self, one: int, other: int, threshold: Millionths) -> int:
        """How many of them score at least `threshold`. Raises BadInput where a bin straddles it."""
        first, inside = divmod(threshold + MILLION, self.width)
        if inside or not 0 <= first < self.counts.shape[1]:
            raise BadInput(f"threshold {threshold} is not the lower edge of a bin of {self.width} millionths")
        return int(self.of(one, other)[first:].sum())


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPairs:
    """Rows `first` < `second` and their canonical scores, int32 (p,) each, in order of (first, second), read-only."""

    first: Scores
    second: Scores
    score: Scores

    def __len__(self) -> int:
        return len(self.score)


def pair_counts(
    rows: Floats, owner: Scores, group: Scores, *, width: Millionths = WIDTH, threads: int | None = None
) -> PairCounts:
    """Histograms of all comparisons of unit float32 rows (n, d); int32 owner and group (n,), at least 0.

    Raises BadInput for other arrays, a width that does not divide 2e6, or more than 2^22 counts.
    """
    _check(rows, owner)
    checks.require_numbers("group", group, count=len(rows), least=0)
    shape = _histograms(int(group.max(initial=-1)) + 1, width)
    # Rows of a group lie together, so that one histogram at a time is in the cache.
    order = np.argsort(group, kind="stable")
    counted = partial(_counted, rows[order], (owner[order], group[order]), width, shape)
    total = np.zeros(shape, np.int64)
    for part in in_parallel(counted, _spans(len(rows), threads)):
        total += part
    total.flags.writeable = False
    return PairCounts(width, total)


def pairs_reaching(rows: Floats, owner: Scores, threshold: Millionths, *, threads: int | None = None) -> ScoredPairs:
    """The comparisons of unit float32 rows (n, d), int32 owner (n,), that score at least `threshold` millionths.

    Raises BadInput for other arrays or a threshold beyond +-1e6.
    """
    _check(rows, owner)
    if abs(threshold) > MILLION:
        raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
    found = in_parallel(partial(_listed, rows, owner, threshold), _spans(len(rows), threads))
    records = np.frombuffer(b"".join(found), _PAIR)
    order = np.lexsort((records["second"], records["first"]))
    columns = [np.ascontiguousarray(records[name][order]) for name in ("first", "second", "score")]
    for column in columns:
        column.flags.writeable = False
    return ScoredPairs(*columns)


def _histograms(groups: int, width: Millionths) -> tuple[int, int]:
    if width < 1 or 2 * MILLION % width:
        raise BadInput(f"bins of {width} millionths do not divide the range of scores: use a divisor of 2,000,000")
    shape = (groups * (groups + 1) // 2, 2 * MILLION // width)
    if shape[0] * shape[1] > MOST_COUNTS:
        raise BadInput(f"{groups} groups need too many bins of {width} millionths: count columns apart or widen them")
    return shape


def _counted(rows: Floats, people: People, width: Millionths, shape: tuple[int, int], span: Span) -> Counts:
    out = np.zeros(shape, np.int64)
    chosen().kernels.pair_counts(rows, people, span, width, out)
    return out


def _listed(rows: Floats, owner: Scores, threshold: Millionths, span: Span) -> bytes:
    return chosen().kernels.pairs_reaching(rows, owner, span, threshold)


def _check(rows: Floats, owner: Scores) -> None:
    checks.require_unit("rows", rows)
    checks.require_numbers("owner", owner, count=len(rows), least=0)


def _spans(count: int, threads: int | None) -> list[Span]:
    """One span for each thread; none without a pair."""
    pairs = count * (count - 1) // 2
    return pair_spans(count, threads_for(pairs, threads, WORTH_A_THREAD)) if pairs else []
