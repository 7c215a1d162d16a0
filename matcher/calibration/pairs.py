"""Pairs of different people whose templates score at or above a threshold, found without keeping every score.

1. All rows meet all rows in compiled code (`kernels.pairs`), which keeps no matrix of scores.
2. Two rows of one person are no pair. Pairs are ordered: `one` below `other`, ascending.
3. Above a stated number of pairs nothing is returned: a threshold that so many pass tells nobody apart. Pairs are
   counted before they are listed, so that the list stays small.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.kernels import pairs as kernels
from matcher.kernels.pairs import WIDTH

MOST_PAIRS = 5_000_000  # 60 MB


@dataclass(frozen=True, slots=True, eq=False)
class FoundPairs:
    """Numbers of rows or of people, `one` < `other`, and their canonical scores; each int32 (k,)."""

    one: Scores
    other: Scores
    scores: Scores

    @classmethod
    def none(cls) -> Self:
        """No pairs."""
        return cls(*[np.empty(0, np.int32)] * 3)

    def __len__(self) -> int:
        return len(self.one)


def pairs_reaching(rows: Floats, owner: Scores, threshold: Millionths, most: int = MOST_PAIRS) -> FoundPairs | None:
    """Pairs of rows, float32 (n, d), of different owners, int32 (n,), that reach `threshold`; None for over `most`."""
    if more_than(most, rows, owner, threshold):
        return None
    found = kernels.pairs_reaching(rows, owner, threshold)
    return FoundPairs(found.first, found.second, found.score) if len(found) <= most else None


def more_than(most: int, rows: Floats, owner: Scores, threshold: Millionths) -> bool:
    """Whether more than `most` pairs are certain to reach the threshold: counted at the next thousandth above it."""
    above = -(-threshold // WIDTH) * WIDTH
    if len(rows) < 2 or above >= MILLION:
        return False
    counts = kernels.pair_counts(rows, owner, np.zeros(len(rows), np.int32))
    return counts.reaching(0, 0, above) > most


def between_owners(found: FoundPairs, owner: Scores) -> FoundPairs:
    """The best of the pairs of rows between each two owners, as pairs of owners in ascending order."""
    ends = owner[found.one], owner[found.other]
    one, other = np.minimum(*ends), np.maximum(*ends)
    order = np.lexsort((-found.scores, other, one))
    one, other, scores = one[order], other[order], found.scores[order]
    first = np.ones(len(one), dtype=bool)
    first[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return FoundPairs(one[first], other[first], scores[first])
