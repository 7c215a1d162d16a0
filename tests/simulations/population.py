"""People who are not on the list, with best scores from heavy tails, and their true FPIR at any threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from matcher.calibration.groups import Cell, CellEvidence, cells_of
from matcher.calibration.threshold import just_above
from matcher.calibration.verdict import Gate, Ruling, Status, rule
from matcher.domain.revision import Pairs
from matcher.domain.template import MILLION

Survival = Callable[[float], float]


def student(degrees: int) -> Survival:
    """P(T >= t) of Student's t: with 2 degrees one score in a thousand lies 22 scales away."""
    from scipy.stats import t

    return lambda at: float(t.sf(at, degrees))


@dataclass(frozen=True, slots=True)
class Kind:
    """People with these labels: their share, and the centre and scale of their best scores."""

    labels: Pairs
    share: float
    centre: float
    scale: float


@dataclass(frozen=True, slots=True)
class Population:
    """All kinds; shares add up to 1. Everybody's labels and scores are drawn anew for each cohort."""

    name: str
    kinds: tuple[Kind, ...]
    degrees: int

    def cells(self) -> tuple[tuple[Cell, tuple[int, ...]], ...]:
        """The product's cells, and the numbers of the kinds in each."""
        columns = sorted({column for kind in self.kinds for column, _ in kind.labels})
        return tuple(
            (cell, tuple(at for at, kind in enumerate(self.kinds) if set(cell.key) <= set(kind.labels)))
            for cell in cells_of([kind.labels for kind in self.kinds], columns, {})
        )

    def rate(self, inside: Sequence[int], tau: int, survival: Survival) -> float:
        """The true FPIR of a cell at a threshold in millionths."""
        kinds = [self.kinds[at] for at in inside]
        hits = sum(kind.share * survival((tau / MILLION - kind.centre) / kind.scale) for kind in kinds)
        return hits / sum(kind.share for kind in kinds)

    def cohort(self, rng: np.random.Generator, people: int) -> tuple[CellEvidence, ...]:
        """The evidence of a cohort of so many people, by cell."""
        sizes = rng.multinomial(people, [kind.share for kind in self.kinds])
        drawn = []
        for kind, size in zip(self.kinds, sizes, strict=True):
            scores = kind.centre + kind.scale * rng.standard_t(self.degrees, size)
            drawn.append(np.floor(MILLION * np.clip(scores, -1, 1)).astype(np.int64))
        evidence = []
        for cell, inside in self.cells():
            maxima = np.sort(np.concatenate([drawn[at] for at in inside])).tolist()
            evidence.append(CellEvidence(cell, len(maxima), tuple(maxima)))
        return tuple(evidence)

    def highest_at_or_above(self, alpha: float) -> int:
        """The highest threshold at which some cell of people is still above alpha."""
        survival = student(self.degrees)
        low, high = 0, MILLION
        while high - low > 100:
            middle = just_above((low + high) // 2)
            wrong = any(self.rate(inside, middle, survival) > alpha for _, inside in self.cells())
            low, high = (middle, high) if wrong else (low, middle)
        return low


def certified_wrongly(population: Population, people: int, gate: Gate, seeds: Sequence[int]) -> tuple[int, int]:
    """Of one cohort for each seed: how many were certified, and how many of those wrongly.

    Wrongly: the true FPIR of a gating cell at the threshold is above alpha.
    """
    survival, cells = student(population.degrees), population.cells()
    certified = wrong = 0
    for seed in seeds:
        found = ruled(population, people, gate, seed)
        if found.status is Status.CERTIFIED and found.tau is not None:
            certified += 1
            truth = [population.rate(inside, found.tau, survival) for _, inside in cells]
            gating = [ruling.gating for ruling in found.cells]
            wrong += any(rate > gate.alpha for rate, gates in zip(truth, gating, strict=True) if gates)
    return certified, wrong


def ruled(population: Population, people: int, gate: Gate, seed: int) -> Ruling:
    """What the product's gate says of a cohort drawn from this seed."""
    return rule(population.cohort(np.random.default_rng(seed), people), gate)


def crossed(name: str, scales: tuple[float, float], south: float, degrees: int = 2) -> Population:
    """Two genders and two sites; 20 % of people are women, half are in the south; women in the south score higher."""
    women, men = scales
    kinds = [
        Kind((("gender", gender), ("site", site)), share / 2, south if (gender, site) == ("f", "s") else 0.3, scale)
        for (gender, share, scale), site in product((("f", 0.2, women), ("m", 0.8, men)), "ns")
    ]
    return Population(name, tuple(kinds), degrees)
