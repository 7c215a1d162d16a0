"""Intervals of FMR and SEL: comparisons of the same person hang together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matcher.calibration.comparisons import match_rates
from matcher.calibration.pair_cells import Comparisons, cells_of, partitions
from matcher.calibration.pair_intervals import kl_upper
from matcher.calibration.people_bootstrap import Interval
from matcher.calibration.selectivity import selectivity
from matcher.calibration.wilson import wilson
from tests.simulations.line import Line

# Three people in ten resemble others 2.78 times as much as the average, the rest 0.24 times; 1 on average.
ALIKE, OTHERS, SHARE = 2.78, 0.2371428571428571, 0.3


@dataclass(frozen=True, slots=True)
class World:
    """So many people, who falsely match at this rate. `allowed` is what the plug-in interval promises there."""

    people: int
    rate: float
    allowed: float | None

    @property
    def truth(self) -> str:
        """For the table."""
        return f"FMR {100 * self.rate:g} %, {self.people} people, 3 in 10 of them resemble others more"


# The plug-in interval promises 93 % for 200 people at 1 %; with few errors or few people it only measures.
WORLDS = (World(200, 0.01, 0.07), World(200, 0.001, None), World(50, 0.01, None))


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many cohorts each."""
    for number, world in enumerate(WORLDS):
        yield from _rates(np.random.default_rng(201 + number), world, repeats)
    yield _bootstrap(np.random.default_rng(211), WORLDS[0], max(1, repeats // 4))
    yield from _selectivity(np.random.default_rng(221), repeats)


def _rates(rng: np.random.Generator, world: World, repeats: int) -> Iterator[Line]:
    (everyone,) = partitions([()] * world.people, [])
    spread = naive = plugged = guaranteed = 0
    for _ in range(repeats):
        (cell,) = cells_of(_compared(rng, world), everyone)
        rate, n_eff = cell.sums.k / cell.sums.n, cell.sums.n_eff
        guaranteed += kl_upper(rate, cell.independent) < world.rate
        if n_eff is not None:
            spread += 1
            naive += _outside(wilson(rate, cell.sums.n), world.rate)
            plugged += _outside(wilson(rate, float(n_eff)), world.rate)
    yield Line("FMR, Wilson with n_eff (approximate)", world.truth, spread, plugged, world.allowed)
    yield Line("FMR, pooled binomial (not the product)", world.truth, spread, naive, 0.07, contrast=True)
    yield Line("FMR, guaranteed bound", world.truth, repeats, guaranteed, 0.05)


def _bootstrap(rng: np.random.Generator, world: World, repeats: int) -> Line:
    parts = partitions([()] * world.people, [])
    wrong = 0
    for seed in range(repeats):
        (rate,) = match_rates(_compared(rng, world), parts, seed)
        assert rate.bootstrap95 is not None
        wrong += _outside(rate.bootstrap95, world.rate)
    return Line("FMR, bootstrap over people (approximate)", world.truth, repeats, wrong, world.allowed)


def _selectivity(rng: np.random.Generator, repeats: int) -> Iterator[Line]:
    people, subjects, share = 300, 100, 0.01
    plugged = guaranteed = 0
    for _ in range(repeats):
        alike = np.where(rng.random(people) < SHARE, ALIKE, OTHERS)
        found = selectivity(rng.binomial(subjects, share * alike), subjects)
        assert found.wilson95 is not None
        assert found.upper95 is not None
        plugged += _outside(found.wilson95, subjects * share)
        guaranteed += found.upper95 < subjects * share
    truth = f"{subjects * share:g} candidate a search, {people} people, 3 in 10 have more"
    yield Line("SEL, Wilson with n_eff (approximate)", truth, repeats, plugged, 0.07)
    yield Line("SEL, guaranteed bound", truth, repeats, guaranteed, 0.05)


def _compared(rng: np.random.Generator, world: World) -> Comparisons:
    alike = np.where(rng.random(world.people) < SHARE, ALIKE, OTHERS)
    errors = np.triu(rng.random((world.people, world.people)) < world.rate * np.outer(alike, alike), 1)
    first, second = np.nonzero(errors)
    once = np.ones(world.people, np.int64)
    return Comparisons(0, once, first, second, np.ones(len(first), np.int64))


def _outside(interval: Interval, truth: float) -> bool:
    return not interval[0] <= truth <= interval[1]
