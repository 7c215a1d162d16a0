"""The scores of a cohort's people, cell by cell, and the lines for any weighting of those people.

A weighting is one row of whole numbers over people: all ones, ones without a fold, or how often each was drawn. Both
scores of a person weigh the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.calibration.likelihood import Scale
from matcher.calibration.logistic import Lines, Values
from matcher.calibration.ratio_lines import CellWeights, is_few, lines_of, scale_of
from matcher.calibration.trials import Mask, Outcomes

Places = npt.NDArray[np.intp]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CellPeople:
    """A cell's name, and the people in it (places in the plan) who have a score of either class."""

    name: str
    mated: Places
    nonmated: Places

    @property
    def few(self) -> bool:
        """Too few for a slope of its own."""
        return is_few(len(self.mated), len(self.nonmated))


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Scores `z` (columns,), rising, and the column of each person's score of either class (people,)."""

    z: Values
    mated: Places
    nonmated: Places

    def weights(self, cell: CellPeople, counts: Values) -> CellWeights:
        """Weightings (weightings, people) summed by column."""
        wide = len(self.z)
        mated, nonmated = (
            _summed(counts, who, columns[who], wide)
            for who, columns in ((cell.mated, self.mated), (cell.nonmated, self.nonmated))
        )
        return CellWeights(mated, nonmated, cell.few)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Mated scores and non-mated maxima (people,) in millionths, meaningful where the first cell, everyone, says so."""

    mates: Whole
    maxima: Whole
    cells: tuple[CellPeople, ...]
    scale: Scale

    @classmethod
    def of(cls, outcomes: Outcomes, cells: Sequence[tuple[str, Mask]]) -> "Scored":
        """The people of these cells; both classes need somebody."""
        people = tuple(
            CellPeople(name, np.flatnonzero(mask & outcomes.mated), np.flatnonzero(mask & outcomes.completed))
            for name, mask in cells
        )
        mates, maxima = outcomes.mates.astype(np.int64), outcomes.maxima.astype(np.int64)
        return cls(mates, maxima, people, scale_of(mates[people[0].mated], maxima[people[0].nonmated]))

    @property
    def everyone(self) -> CellPeople:
        """The first cell."""
        return self.cells[0]

    def seen(self) -> Whole:
        """All scores."""
        return np.concatenate((self.mates[self.everyone.mated], self.maxima[self.everyone.nonmated]))

    def exact(self) -> Columns:
        """A column for every distinct score."""
        scores = np.unique(self.seen())
        places = (np.searchsorted(scores, which).astype(np.intp) for which in (self.mates, self.maxima))
        return Columns((scores - self.scale.centre) / self.scale.scale, *places)

    def binned(self, most: int) -> Columns:
        """At most so many columns of equal width; z is the mean of the scores in one."""
        seen = self.seen()
        low, width = int(seen.min()), int(seen.max()) - int(seen.min()) + 1
        used, where = np.unique((seen - low) * most // width, return_inverse=True)
        means = np.bincount(where, seen) / np.bincount(where)
        places = (
            np.searchsorted(used, (which - low) * most // width).astype(np.intp) for which in (self.mates, self.maxima)
        )
        return Columns((means - self.scale.centre) / self.scale.scale, *places)

    def lines(self, columns: Columns, counts: Values) -> tuple[Lines, ...]:
        """A line per cell and weighting."""
        return lines_of(columns.z, [columns.weights(cell, counts) for cell in self.cells])


def _summed(counts: Values, who: Places, columns: Places, wide: int) -> Values:
    order = np.argsort(columns, kind="stable")
    used, starts = np.unique(columns[order], return_index=True)
    sums = np.zeros((len(counts), wide))
    if len(used):
        sums[:, used] = np.add.reduceat(counts[:, who[order]], starts, axis=1)
    return sums
