"""The solver against its own optimality conditions, hand-made cases and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from matcher.calibration.logistic import C, Values, fit


def weights(mated: int, nonmated: int) -> tuple[Values, Values]:
    first = np.array([1.0] * mated + [0.0] * nonmated)
    return first[None], 1 - first[None]


def pulls(z: Values, mated: Values, nonmated: Values, intercept: float, slope: float) -> tuple[float, float]:
    """The gradient of the objective, written down a second time."""
    chance = expit(intercept + slope * z)
    halves = nonmated / (2 * nonmated.sum()) * chance - mated / (2 * mated.sum()) * (1 - chance)
    return float(halves.sum()), float((halves * z).sum() + slope / (C * (mated.sum() + nonmated.sum())))


scores = st.lists(st.floats(-3, 3), min_size=1, max_size=25)


@settings(deadline=None)
@given(scores, scores)
def test_the_line_is_where_nothing_pulls_and_never_falls(mates: list[float], others: list[float]) -> None:
    z = np.array(mates + others)
    mated, nonmated = weights(len(mates), len(others))
    line = fit(z, mated, nonmated)
    slope, intercept = float(line.slopes[0]), float(line.intercepts[0])
    assert slope >= 0
    if slope == 0:
        assert intercept == 0
        flat = pulls(z, mated[0], nonmated[0], 0, 0)[1]
        assert flat >= -1e-5  # downhill would be a falling line
        return
    across, along = pulls(z, mated[0], nonmated[0], intercept * math.log(10), slope * math.log(10))
    assert abs(across) < 1e-5
    assert abs(along) < 1e-5


def test_many_weightings_at_once_are_each_the_line_of_its_own() -> None:
    words = np.random.default_rng(5)
    z = words.normal(size=40)
    mated, nonmated = (words.integers(0, 4, (300, 40)).astype(np.float64) for _ in range(2))
    together = fit(z, mated, nonmated)
    for row in (0, 127, 128, 299):
        alone = fit(z, mated[row : row + 1], nonmated[row : row + 1])
        assert (alone.intercepts[0], alone.slopes[0]) == (together.intercepts[row], together.slopes[row])


def test_a_given_slope_leaves_the_intercept_to_be_found() -> None:
    z = np.array([-2.0, -1.0, 0.5, 1.0, 3.0])
    mated, nonmated = weights(2, 3)
    for slope in (0.4, 2.0, 500.0):
        line = fit(z, mated, nonmated, np.array([slope]))
        assert line.slopes[0] == slope
        across, _ = pulls(z, mated[0], nonmated[0], float(line.intercepts[0]) * math.log(10), slope * math.log(10))
        assert abs(across) < 1e-5


def test_separable_scores_have_a_steep_and_finite_line() -> None:
    line = fit(np.array([1.0] * 50 + [-1.0] * 50), *weights(50, 50))
    slope = float(line.slopes[0]) * math.log(10)
    # two points: b / (C n) = 1 / (1 + e^b)
    assert slope / (C * 100) == pytest.approx(1 / (1 + math.exp(slope)), rel=1e-4)


def test_normal_scores_give_the_ratio_of_their_densities() -> None:
    words = np.random.default_rng(11)
    z = np.concatenate((words.normal(1, 1, 40_000), words.normal(0, 1, 40_000)))
    line = fit(z, *weights(40_000, 40_000))
    # ln N(x; 1, 1) / N(x; 0, 1) = x - 1/2
    assert float(line.slopes[0]) * math.log(10) == pytest.approx(1, abs=0.03)
    assert float(line.intercepts[0]) * math.log(10) == pytest.approx(-0.5, abs=0.03)


@pytest.mark.parametrize("shift", [0.3, 1.0, 6.0])
def test_scikit_learn_finds_the_same_line(shift: float) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    words = np.random.default_rng(3)
    z = np.concatenate((words.normal(shift, 1, 80), words.normal(0, 1, 700)))
    labels = np.array([1] * 80 + [0] * 700)
    peer = linear.LogisticRegression(C=C, class_weight="balanced", tol=1e-10, max_iter=10_000).fit(z[:, None], labels)
    line = fit(z, *weights(80, 700))
    assert float(line.slopes[0]) * math.log(10) == pytest.approx(float(peer.coef_[0, 0]), rel=1e-3)
    assert float(line.intercepts[0]) * math.log(10) == pytest.approx(float(peer.intercept_[0]), rel=1e-3)
