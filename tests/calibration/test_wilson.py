import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.wilson import wilson
from matcher.errors import BadInput

V3 = [  # k, n, Wilson 95 %
    (0, 10, (0.0, 0.2775327998628892)),
    (0, 59, (0.0, 0.061129370526788386)),
    (0, 100, (3.469446951953614e-18, 0.03699349820698568)),
    (0, 2995, (0.0, 0.0012809809632966704)),
    (1, 100, (0.0017674320641406505, 0.054486196178705315)),
    (3, 300, (0.003406618437715286, 0.02898349336233983)),
    (5, 1000, (0.0021375355273244596, 0.011650955373375113)),
    (30, 30000, (0.0007005894631828397, 0.001427186705355928)),
    (10, 10, (0.7224672001371107, 0.9999999999999999)),
    (1, 1, (0.20654931437723745, 1.0)),
    (0, 1, (0.0, 0.7934506856227626)),
]


@pytest.mark.parametrize(("k", "n", "expected"), V3)
def test_v3(k: int, n: int, expected: tuple[float, float]) -> None:
    assert wilson(k / n, n) == pytest.approx(expected, abs=1e-9)


def test_v11_naive_and_with_an_effective_number_of_trials() -> None:
    assert wilson(0.4, 10) == pytest.approx((0.16818032970623614, 0.6873262302663417), abs=1e-9)
    assert wilson(0.4, 5.0) == pytest.approx((0.11762077423264783, 0.769275718723987), abs=1e-9)


def test_golden_28_of_535() -> None:
    low, high = wilson(28 / 535, 535)
    assert (round(100 * 28 / 535, 1), round(100 * low, 2), round(100 * high, 2)) == (5.2, 3.65, 7.46)


@pytest.mark.parametrize(("rate", "n"), [(0.5, 0), (-0.1, 5), (1.1, 5), (float("nan"), 5)])
def test_no_trial_and_no_rate_are_refused(rate: float, n: float) -> None:
    with pytest.raises(BadInput):
        wilson(rate, n)


@given(st.floats(0, 1), st.floats(1, 1e6), st.floats(0.001, 0.5))
def test_the_interval_encloses_the_rate(rate: float, n: float, delta: float) -> None:
    low, high = wilson(rate, n, delta)
    assert 0 <= low <= rate + 1e-9
    assert rate - 1e-9 <= high <= 1
