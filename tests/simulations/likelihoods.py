"""The likelihood ratio: normal scores of one spread, so that the true log ratio is a line and known everywhere."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from matcher.calibration.likelihood import Estimated
from matcher.calibration.likelihood_fit import likelihood_of
from matcher.calibration.resampling import Resampling
from matcher.calibration.trials import Mask, Outcomes
from tests.simulations.line import Line

OTHERS, MATES, SPREAD = 300_000, 450_000, 60_000  # millionths
MIDDLE = (OTHERS + MATES) // 2  # the ratio is 1
SCORES = (350_000, 400_000, 440_000)  # points of the curve: between two of them the interval is that of both
PEOPLE = 600
REPLICATES = 300
Cells = Sequence[tuple[str, Mask]]


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many cohorts each."""
    everyone = ("all", np.ones(PEOPLE, bool))
    third = np.arange(PEOPLE) % 3 == 0
    yield from _lines(np.random.default_rng(401), [everyone], "one cell", repeats)
    cells = [everyone, ("a", third), ("b", ~third)]
    yield from _lines(np.random.default_rng(402), cells, "least of three cells", repeats)


def _lines(rng: np.random.Generator, cells: Cells, which: str, repeats: int) -> Iterator[Line]:
    overstated, outside = dict.fromkeys(SCORES, 0), dict.fromkeys(SCORES, 0)
    for seed in range(repeats):
        found = _fitted(rng, cells, seed)
        for score in SCORES:
            said, truth = found.at(score), math.log10(_ratio(score))
            overstated[score] += said.lower > truth
            # a cap below the truth understates it, which is what a cap is for
            outside[score] += not said.lower <= truth <= said.upper and not said.capped
    for score in SCORES:
        where = f"ratio {_ratio(score):.3g}, {PEOPLE} people, {which}"
        promised = 0.05 if len(cells) == 1 else None
        yield Line("likelihood ratio, 95 % interval", where, repeats, outside[score], promised)
        yield Line("likelihood ratio, all of the interval above it", where, repeats, overstated[score], 0.025)


def _ratio(score: int) -> float:
    return math.exp((score - MIDDLE) * (MATES - OTHERS) / SPREAD**2)


def _fitted(rng: np.random.Generator, cells: Cells, seed: int) -> Estimated:
    maxima, mates = (rng.normal(at, SPREAD, PEOPLE).astype(np.int32) for at in (OTHERS, MATES))
    everybody = np.ones(PEOPLE, bool)
    outcomes = Outcomes(everybody, maxima, everybody, everybody, mates, ~everybody)
    found = likelihood_of(outcomes, cells, Resampling(REPLICATES, seed)).estimated
    assert found is not None
    return found
