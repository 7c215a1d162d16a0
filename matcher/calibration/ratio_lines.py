"""The lines of all cells, for one or many weightings of the cohort's people.

1. One scale for all: the middle and the spread of mated scores and non-mated maxima, each class weighing one half.
2. A cell with fewer than 20 people in either class takes everyone's slope and fits its intercept only: two coefficients
   need ten of the rarer class each (Peduzzi et al. 1996, J Clin Epidemiol 49:1373-1379).
3. A weighting that leaves nobody of a class in a cell lends it everyone's scores of that class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.calibration.likelihood import Scale
from matcher.calibration.logistic import Lines, Values, fit

FEWEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class CellWeights:
    """How much of each distinct score a cell holds, (weightings, scores) for either class; `few`: rule 2."""

    mated: Values
    nonmated: Values
    few: bool


def scale_of(mated: npt.NDArray[np.int64], nonmated: npt.NDArray[np.int64]) -> Scale:
    """Rule 1, in whole millionths; neither class empty."""
    centre = (mated.mean() + nonmated.mean()) / 2
    spread = (((mated - centre) ** 2).mean() + ((nonmated - centre) ** 2).mean()) / 2
    return Scale(round(float(centre)), max(1, round(float(spread) ** 0.5)))


def lines_of(z: Values, cells: Sequence[CellWeights]) -> tuple[Lines, ...]:
    """The lines of each cell; the first is everyone and holds both classes in every weighting."""
    everyone = cells[0]
    first = fit(z, everyone.mated, everyone.nonmated)
    rest = (
        fit(
            z,
            _lent(cell.mated, everyone.mated),
            _lent(cell.nonmated, everyone.nonmated),
            first.slopes if cell.few else None,
        )
        for cell in cells[1:]
    )
    return (first, *rest)


def is_few(mated: int, nonmated: int) -> bool:
    """Rule 2."""
    return min(mated, nonmated) < FEWEST


def _lent(own: Values, everyone: Values) -> Values:
    return np.where(own.any(axis=1, keepdims=True), own, everyone)
