"""How often a certificate is wrong: over groups, tiers and attempts, with thresholds chosen by the product itself."""

import math
from collections.abc import Iterator

from matcher.calibration.verdict import Gate, Status
from tests.simulations.line import Line
from tests.simulations.population import Population, certified_wrongly, crossed, ruled

DELTA = 0.05
ATTEMPTS = 4
# Women in the south score far higher than others: their cell alone decides, so nothing is given away to other cells.
ONE_ABOVE = crossed("heavy tails, one two-way cell far above the others", (0.02, 0.02), 0.45)
ALIKE = crossed("heavy tails, all groups alike", (0.02, 0.02), 0.3)
WIDER = crossed("heavy tails, women's scores spread three times as wide", (0.03, 0.01), 0.3)
STRICT = crossed("heavy tails (three degrees of freedom), one two-way cell far above the others", (0.01, 0.01), 0.45, 3)
SELECTED = (  # population, alpha, people
    (ONE_ABOVE, 0.05, 2_000),
    (ALIKE, 0.05, 2_000),
    (WIDER, 0.05, 2_000),
    (ONE_ABOVE, 0.01, 8_000),
    (STRICT, 0.001, 60_000),
)


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many cohorts each."""
    yield from selected(repeats)
    yield from attempts(repeats)


def selected(repeats: int) -> Iterator[Line]:
    """First attempts, in every tier."""
    for number, (population, alpha, people) in enumerate(SELECTED):
        fewer = repeats if people < 10_000 else max(1, repeats // 2)
        yield _selected(population, people, Gate(alpha, DELTA, 1, 1, None), 1_000_000 * (number + 1), fewer)


def attempts(repeats: int) -> Iterator[Line]:
    """Later attempts: each by itself, and four of them until one certifies."""
    for attempt in range(2, ATTEMPTS + 1):
        yield _selected(ONE_ABOVE, 4_000, Gate(0.05, DELTA, attempt, 1, None), 10_000_000 * attempt, repeats)
    yield _lineage(repeats, spending=True)
    yield _lineage(repeats, spending=False)


def _selected(population: Population, people: int, gate: Gate, first_seed: int, repeats: int) -> Line:
    seeds = range(first_seed, first_seed + repeats)
    certified, wrong = certified_wrongly(population, people, gate, seeds)
    if certified < 0.95 * repeats:
        raise AssertionError(f"{certified} of {repeats} cohorts were certified: too few to say anything")
    what = "certificate at the threshold selected: a gating cell's FPIR is above alpha"
    truth = f"{population.name}; {people:,} people, alpha {100 * gate.alpha:g} %, attempt {gate.attempt}"
    return Line(what, truth, repeats, wrong, _promised(gate.attempt))


def _lineage(repeats: int, *, spending: bool) -> Line:
    """Again and again, with new people, until it is certified: at a threshold that must not be."""
    tau = ONE_ABOVE.highest_at_or_above(0.05)
    wrong = 0
    for number in range(repeats):
        gates = [Gate(0.05, DELTA, j if spending else 1, 1, tau) for j in range(1, ATTEMPTS + 1)]
        wrong += any(
            ruled(ONE_ABOVE, 2_000, gate, ATTEMPTS * number + place).status is Status.CERTIFIED
            for place, gate in enumerate(gates)
        )
    how = "" if spending else " (not the product: delta at every attempt)"
    truth = "threshold given; one cell's FPIR is just above alpha = 5 %"
    allowed = sum(_promised(attempt) for attempt in range(1, ATTEMPTS + 1))
    what = f"four attempts with new people{how}: certified at last"
    return Line(what, truth, repeats, wrong, allowed, contrast=not spending)


def _promised(attempt: int) -> float:
    """What an attempt may spend, written down once more: the product's own number must not move what is allowed."""
    return DELTA if attempt == 1 else 6 * DELTA / (math.pi * attempt) ** 2
