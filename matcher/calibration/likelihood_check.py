"""What of a stored likelihood ratio follows from the scores in its report, counted again.

1. Whether there is one, the scale, numbers of people, lines, flags, the cap by people, every point's value and whether
   it must be hidden are computed anew.
2. Which scores are one person's is not in a report, so that Cllr, ELUB, reliability and intervals cannot be. They must
   be possible: ELUB beyond no n + 1, intervals around their values, rising points.
3. Lines are compared to two units of the last decimal that they are kept to.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from matcher.calibration.groups import EVERYONE
from matcher.calibration.likelihood import (
    CellLine,
    Estimated,
    Likelihood,
    answer,
    grid,
    people_cap,
    too_few,
    why_hidden,
)
from matcher.calibration.logistic import DECIMALS, C, Values
from matcher.calibration.ratio_lines import FEWEST, CellWeights, is_few, lines_of, scale_of
from matcher.domain.template import Millionths
from matcher.errors import IntegrityError

Scores = Mapping[str, Sequence[Millionths]]
_LAST_PLACES = 2.5 * 10**-DECIMALS


def check_likelihood(likelihood: Likelihood, gating: Sequence[str], maxima: Scores, mates: Scores) -> None:
    """Raises IntegrityError where the ratio over these gating cells, sorted scores by name, cannot be as stored."""
    reason = too_few(len(mates[EVERYONE]), len(maxima[EVERYONE]), FEWEST)
    estimated = likelihood.estimated
    if estimated is None or reason is not None:
        _agree((likelihood.hidden, estimated is None), (reason, reason is not None), "absence")
        return
    _agree([cell.cell for cell in estimated.cells], [name for name in gating if maxima[name]], "cells")
    _agree(estimated.method.c, C, "ridge")
    _check_lines(estimated, maxima, mates)
    _check_points(estimated, maxima, mates)
    _check_rates(estimated)
    _agree(likelihood.hidden, why_hidden(estimated), "reason to hide it")


def _check_lines(estimated: Estimated, maxima: Scores, mates: Scores) -> None:
    everyone = (np.array(mates[EVERYONE]), np.array(maxima[EVERYONE]))
    _agree(estimated.scale, scale_of(*everyone), "scale")
    scores = np.unique(np.concatenate(everyone))
    z = (scores - estimated.scale.centre) / estimated.scale.scale
    lines = lines_of(
        z,
        [
            CellWeights(_counted(mates[cell.cell], scores), _counted(maxima[cell.cell], scores), cell.shrunk)
            for cell in estimated.cells
        ],
    )
    for cell, line in zip(estimated.cells, lines, strict=True):
        _check_cell(cell, maxima[cell.cell], mates[cell.cell])
        apart = abs(cell.intercept - float(line.intercepts[0])), abs(cell.slope - float(line.slopes[0]))
        _agree(max(apart) <= _LAST_PLACES, True, "lines")


def _check_cell(cell: CellLine, maxima: Sequence[Millionths], mates: Sequence[Millionths]) -> None:
    few = is_few(len(mates), len(maxima))
    separable = bool(mates) and mates[0] > maxima[-1]
    _agree((cell.n_mated, cell.n_nonmated), (len(mates), len(maxima)), "people")
    _agree((cell.shrunk, cell.separable, cell.cllr is None, cell.cllr95 is None), (few, separable, few, few), "flags")


def _check_points(estimated: Estimated, maxima: Scores, mates: Scores) -> None:
    caps, points = estimated.caps, estimated.points
    smallest = min(cell.n_nonmated for cell in estimated.cells)
    _agree((caps.people, caps.people_upper), (smallest, people_cap(smallest)), "cap")
    _agree(-people_cap(len(mates[EVERYONE])) <= caps.elub.lower <= 0, True, "lower bound")
    _agree(0 <= caps.elub.upper <= people_cap(len(maxima[EVERYONE])), True, "upper bound")
    low = min(mates[EVERYONE][0], maxima[EVERYONE][0])
    high = max(mates[EVERYONE][-1], maxima[EVERYONE][-1])
    _agree([point.score for point in points], list(grid(low, high)), "points")
    again = [answer(point.score, estimated.scale, estimated.cells, caps) for point in points]
    _agree([(point.log10, point.capped) for point in points], again, "points")
    for ends in ([point.lower for point in points], [point.upper for point in points]):
        _agree(ends, sorted(ends), "interval")
    _agree(all(point.lower <= point.log10 <= point.upper for point in points), True, "interval")


def _check_rates(estimated: Estimated) -> None:
    for cell in estimated.cells:
        if cell.cllr is not None and cell.cllr95 is not None:
            _agree(0 <= cell.cllr95[0] <= cell.cllr <= cell.cllr95[1], True, "Cllr")


def _counted(own: Sequence[Millionths], scores: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Values:
    places = np.searchsorted(scores, np.array(own, dtype=np.int64))
    return np.bincount(places, minlength=len(scores)).astype(np.float64)[None]


def _agree(stored: object, again: object, what: str) -> None:
    if stored != again:
        raise IntegrityError(
            f"the {what} of the report's likelihood ratio do not follow from its scores: it was changed"
        )
