"""Whether a cohort looks like the list: faces as directions, or scores that hang on nobody else."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from matcher.calibration.realism import realism
from tests.simulations.line import Line

LISTED, COHORT, DIMENSIONS = 40, 200, 16
HIGHER = 0.8  # standard deviations that scores of the list are above those of the cohort


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many lists and cohorts each."""
    rng = np.random.default_rng(501)
    truth = f"alike: probability 0.5; {LISTED} listed, {COHORT} in the cohort"
    wrong = sum(_outside(*_alike(rng), 0.5) for _ in range(repeats))
    yield Line("likeness, 95 % interval (approximate)", truth, repeats, wrong, 0.07)
    probability = NormalDist().cdf(HIGHER / 2**0.5)
    wrong = sum(_outside(*_apart(rng), probability) for _ in range(repeats))
    truth = f"unlike: probability {probability:.2f}; {LISTED} listed, {COHORT} in the cohort"
    yield Line("likeness, 95 % interval (approximate)", truth, repeats, wrong, 0.07)


def _alike(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Best scores of listed people against the others, and of a cohort of the same people against all."""
    faces = rng.standard_normal((LISTED + COHORT, DIMENSIONS))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    scores = faces @ faces[:LISTED].T
    np.fill_diagonal(scores, -2)
    best = (1_000_000 * scores.max(axis=1)).astype(int).tolist()
    return best[:LISTED], best[LISTED:]


def _apart(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    listed, cohort = (rng.normal(at, 1, size) for at, size in ((HIGHER, LISTED), (0, COHORT)))
    return (100_000 * listed).astype(int).tolist(), (100_000 * cohort).astype(int).tolist()


def _outside(listed: list[int], cohort: list[int], probability: float) -> bool:
    interval = realism(listed, cohort).ci95
    assert interval is not None
    return not interval[0] <= probability <= interval[1]
