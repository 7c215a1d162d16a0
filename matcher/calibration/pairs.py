"""Pairs of different people whose templates score at or above a threshold, found without keeping every score.

1. `pairs_reaching` is the only place where all rows meet all rows; scores are canonical and are made a block at a time.
2. Two rows of one person are no pair. Pairs are ordered: `one` below `other`, ascending.
3. Above a stated number of pairs nothing is returned: a threshold that so many pass tells nobody apart.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from matcher import kernels
from matcher.domain.template import Floats, Millionths, Scores

MOST_PAIRS = 5_000_000  # 60 MB
_CELLS_AT_ONCE = 1 << 22  # 16 MB of scores


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
    block = max(1, _CELLS_AT_ONCE // max(1, len(rows)))
    parts: list[FoundPairs] = []
    found = 0
    for start in range(0, len(rows), block):
        part = _of_block(rows, owner, start, min(start + block, len(rows)), threshold)
        found += len(part)
        if found > most:
            return None
        parts.append(part)
    return _joined(parts)


def between_owners(found: FoundPairs, owner: Scores) -> FoundPairs:
    """The best of the pairs of rows between each two owners, as pairs of owners in ascending order."""
    ends = owner[found.one], owner[found.other]
    one, other = np.minimum(*ends), np.maximum(*ends)
    order = np.lexsort((-found.scores, other, one))
    one, other, scores = one[order], other[order], found.scores[order]
    first = np.ones(len(one), dtype=bool)
    first[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return FoundPairs(one[first], other[first], scores[first])


def _of_block(rows: Floats, owner: Scores, start: int, stop: int, threshold: Millionths) -> FoundPairs:
    """The block's rows against themselves and all rows after them: every pair is met once."""
    scores = kernels.canonical_scores(rows[start:stop], rows[start:])
    one, other = np.nonzero(scores >= threshold)  # few: the rest is asked of them alone
    pair = (one < other) & (owner[one + start] != owner[other + start])
    one, other = one[pair], other[pair]
    return FoundPairs((one + start).astype(np.int32), (other + start).astype(np.int32), scores[one, other])


def _joined(parts: list[FoundPairs]) -> FoundPairs:
    if not parts:
        return FoundPairs.none()
    return FoundPairs(
        np.concatenate([part.one for part in parts]),
        np.concatenate([part.other for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
