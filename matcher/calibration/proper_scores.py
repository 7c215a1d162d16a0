"""How good likelihood ratios are: Cllr, what no monotone map could better, and whether they mean what they say.

1. Both classes weigh one half whatever their numbers, as Cllr has it.
2. Pooling adjacent violators compares whole numbers, so ties and blocks are exact.
3. Reliability is CORP (Dimitriadis, Gneiting and Jordan 2021): the pooled blocks are the curve to plot, with no bins to
   choose, and the Brier score is miscalibration - discrimination + uncertainty.

Cllr: Bruemmer and du Preez (2006); 1 is the value of a ratio that is always 1. Ratios are log10 LR.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.calibration.logistic import Values

AnyValues = Values | npt.NDArray[np.int64]

_LOG2_10 = math.log2(10)


@dataclass(frozen=True, slots=True)
class Block:
    """Values from `low` to `high` that pooling makes one, and how many of each class have them."""

    low: float
    high: float
    mated: int
    nonmated: int


@dataclass(frozen=True, slots=True)
class ReliabilityStep:
    """Of chances forecast from `low` to `high` (prior odds 1), the share `observed`; the counts behind it."""

    low: float
    high: float
    observed: float
    mated: int
    nonmated: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """The CORP curve and its parts: brier = miscalibration - discrimination + uncertainty."""

    steps: tuple[ReliabilityStep, ...]
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def pooled(mated: AnyValues, nonmated: AnyValues) -> tuple[Block, ...]:
    """The blocks of the isotonic share of mates, rising; equal values are one."""
    values = np.unique(np.concatenate((mated, nonmated)))
    counts = [
        np.bincount(np.searchsorted(values, which), minlength=len(values)).tolist() for which in (mated, nonmated)
    ]
    blocks: list[Block] = []
    for value, first, second in zip(values.tolist(), *counts, strict=True):
        block = Block(value, value, first, second)
        # merge while the block below does not hold a smaller share: k1 / n1 >= k2 / n2 in whole numbers
        while blocks and blocks[-1].mated * block.nonmated >= block.mated * blocks[-1].nonmated:
            below = blocks.pop()
            block = Block(below.low, block.high, below.mated + block.mated, below.nonmated + block.nonmated)
        blocks.append(block)
    return tuple(blocks)


def costs(log10_ratios: Values, mated: bool) -> Values:
    """What each ratio costs in bits: log2(1 + 1/LR) for a mate, log2(1 + LR) for another person."""
    sign = -_LOG2_10 if mated else _LOG2_10
    return np.logaddexp2(0, sign * log10_ratios)


def cllr(mated: Values, nonmated: Values) -> float:
    """Cllr of log10 LRs; infinite where a mate has LR 0."""
    return float(costs(mated, True).mean() + costs(nonmated, False).mean()) / 2


def min_cllr(mated: AnyValues, nonmated: AnyValues) -> float:
    """The least Cllr that a monotone map of these values can have."""
    bits = 0.0
    for block in pooled(mated, nonmated):
        one, other = block.mated / len(mated), block.nonmated / len(nonmated)
        bits += one * math.log2(1 + other / one) if one else 0.0
        bits += other * math.log2(1 + one / other) if other else 0.0
    return bits / 2


def reliability(mated: Values, nonmated: Values) -> Reliability:
    """CORP of chances forecast (in [0, 1], at prior odds 1) for people of either class, neither empty."""
    steps = []
    resolved = 0.0
    for block in pooled(mated, nonmated):
        one, other = block.mated / len(mated), block.nonmated / len(nonmated)
        observed = one / (one + other)
        resolved += (one + other) / 2 * observed * (1 - observed)
        steps.append(ReliabilityStep(block.low, block.high, observed, block.mated, block.nonmated))
    brier = float(((1 - mated) ** 2).mean() + (nonmated**2).mean()) / 2
    return Reliability(tuple(steps), brier, brier - resolved, 0.25 - resolved, 0.25)
