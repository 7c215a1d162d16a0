"""All simulations, and how many repeats each makes in full and in the test suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.simulations import certificates, comparisons, exact, families, likelihoods, likeness
from tests.simulations.line import Line


@dataclass(frozen=True, slots=True)
class Promise:
    """`lines(repeats)` makes the lines; the number of repeats in the suite, and in full."""

    name: str
    lines: Callable[[int], Iterator[Line]]
    short: int
    full: int


PROMISES = (
    Promise("certificates", certificates.lines, 40, 2_000),
    Promise("exact intervals", exact.lines, 10_000, 100_000),
    Promise("comparisons and candidates", comparisons.lines, 100, 1_200),
    Promise("families of statements", families.lines, 100, 2_000),
    Promise("likelihood ratio", likelihoods.lines, 25, 400),
    Promise("likeness", likeness.lines, 150, 2_000),
)
