"""The bootstrap over people: how far a share of comparisons moves when other people had come.

1. A replicate draws as many people as there are, with replacement (Efron 1979); a comparison of two people drawn w and
   v times counts w v times, as over the vertices of a graph (Snijders, Borgatti 1999). Two copies of one person are not
   compared with each other.
2. All cells and columns share the draws, so names of groups and the number of columns change nothing.
3. Draws come from the raw words of the Philox generator (Salmon et al. 2011) with the seed as its key: unlike NumPy's
   distributions, these are the same in every release, so a report replays to the byte.
4. Percentile interval: of B replicates with a comparison, the floor(0.025 (B + 1))-th smallest and largest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matcher.calibration.intervals import steady
from matcher.calibration.pair_cells import Comparisons, Numbers, Partition

if TYPE_CHECKING:
    from scipy.sparse import csr_array

REPLICATES = 2_000
FEWEST_PEOPLE = 8  # 8 people have C(15, 8) = 6,435 different resamples, 7 have 1,716: fewer than are drawn
MOST_PAIRS = 200_000  # listed pairs of people: resampling takes about 40 us for each
_AT_ONCE = 1 << 20  # numbers in memory for each array

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Of each cell and replicate, int64 (cells, REPLICATES): comparisons that reach, and all that were made."""

    reaching: Numbers
    made: Numbers

    def interval(self, cell: int) -> Interval | None:
        """The percentile interval of a cell; None where no replicate has a comparison."""
        defined = self.made[cell] > 0
        shares = np.sort(self.reaching[cell][defined] / self.made[cell][defined])
        if not len(shares):
            return None
        rank = max(1, (len(shares) + 1) // 40)
        return steady(float(shares[rank - 1])), steady(float(shares[-rank]))


def resample(found: Comparisons, columns: Sequence[Partition], seed: int) -> tuple[Resampled, ...]:
    """The replicates of every column; `seed` is a whole number of up to 128 bits, at least 0."""
    plans = [_Plan.of(found, partition) for partition in columns]
    drawn = [Resampled(*np.zeros((2, len(plan.one), REPLICATES), np.int64)) for plan in plans]
    step = max(1, _AT_ONCE // max(1, len(found.templates), len(found.first)))
    for start, weights in draws(len(found.templates), seed, step):
        part = slice(start, start + weights.shape[1])
        both = weights[found.first] * weights[found.second]
        for plan, into in zip(plans, drawn, strict=True):
            into.reaching[:, part] = plan.reaching @ both
            into.made[:, part] = plan.made(weights)
    return tuple(drawn)


def draws(people: int, seed: int, step: int) -> Iterator[tuple[int, Numbers]]:
    """How often each person is drawn, int64 (people, at most `step` replicates), and the first replicate's number."""
    source = np.random.Philox(key=seed)
    words = -(-people // 2)  # two draws a word
    for start in range(0, REPLICATES if people else 0, step):
        count = min(step, REPLICATES - start)
        halves = source.random_raw(count * words).astype("<u8").view("<u4").reshape(count, 2 * words)[:, :people]
        # The share of `people` that 32 bits are of 2^32: uneven by less than people / 2^32.
        person = (halves.astype(np.uint64) * np.uint64(people) >> np.uint64(32)).astype(np.int64)
        places = person + np.arange(count)[:, np.newaxis] * people
        drawn = np.bincount(places.ravel(), minlength=count * people).reshape(count, people)
        yield start, np.ascontiguousarray(drawn.T)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A column made ready: what adds up listed pairs of people by cell, and templates and their squares by label.

    Cell c compares labels one[c] <= other[c].
    """

    reaching: "csr_array[np.int64]"
    templates: "csr_array[np.int64]"
    squares: "csr_array[np.int64]"
    one: Numbers
    other: Numbers

    @classmethod
    def of(cls, found: Comparisons, partition: Partition) -> "_Plan":
        one, other = np.array(list(partition.cells()), np.int64).reshape(-1, 2).T
        labels, of_person = len(partition.labels), partition.of_person
        return cls(
            _adding(found.reaching, partition.cell_of(found), len(one)),
            _adding(found.templates, of_person, labels),
            _adding(found.templates**2, of_person, labels),
            one,
            other,
        )

    def made(self, weights: Numbers) -> Numbers:
        """All comparisons of every cell and replicate."""
        templates = np.asarray(self.templates @ weights, np.int64)
        squares = np.asarray(self.squares @ (weights * weights), np.int64)
        one, other = templates[self.one], templates[self.other]
        within = (self.one == self.other)[:, np.newaxis]
        return np.asarray(np.where(within, (one * one - squares[self.one]) // 2, one * other), np.int64)


def _adding(values: Numbers, into: Numbers, count: int) -> "csr_array[np.int64]":
    """(count, values): the matrix that adds `values` up by the number in `into`."""
    from scipy.sparse import csr_array

    return csr_array((values, (into, np.arange(len(values)))), shape=(count, len(values)))
