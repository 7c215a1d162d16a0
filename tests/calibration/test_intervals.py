import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.intervals import (
    certifies,
    estimate,
    k_star,
    lower_bound,
    people_needed,
    refutes,
    two_sided,
    upper_bound,
)
from matcher.calibration.plan import plan_rows
from matcher.errors import BadInput

V3 = [  # k, n, two-sided 95 %, one-sided upper, one-sided lower
    (0, 10, (0.0, 0.3084971078187607), 0.2588655508930522, 0.0),
    (0, 59, (0.0, 0.060608900950339835), 0.04950760988822693, 0.0),
    (0, 100, (0.0, 0.03621669264517641), 0.029513049607039925, 0.0),
    (0, 2995, (0.0, 0.0012309210779024428), 0.000999744420901142, 0.0),
    (1, 100, (0.00025314603297742064, 0.054459385392080645), 0.046559811453538935, 0.0005128014162622921),
    (3, 300, (0.0020670072350923163, 0.028944511255692605), 0.025641393082609616, 0.0027310302182070373),
    (5, 1000, (0.00162541951756276, 0.011629470559812147), 0.010484076911415651, 0.001972153141805247),
    (30, 30000, (0.0006747943316916676, 0.0014272569651717264), 0.0013561085573092083, 0.0007198881857747992),
    (10, 10, (0.6915028921812392, 1.0), 1.0, 0.7411344491069477),
    (1, 1, (0.025, 1.0), 1.0, 0.05),
    (0, 1, (0.0, 0.975), 0.95, 0.0),
]
V4 = {
    0.1: {0: 29, 1: 46, 2: 61, 3: 76, 5: 103, 10: 167},
    0.05: {0: 59, 1: 93, 2: 124, 3: 153, 5: 208, 10: 336},
    0.03: {0: 99, 1: 157, 2: 208, 3: 257, 5: 348, 10: 562},
    0.01: {0: 299, 1: 473, 2: 628, 3: 773, 5: 1049, 10: 1693},
    0.003: {0: 998, 1: 1580, 2: 2097, 3: 2583, 5: 3502, 10: 5651},
    0.001: {0: 2995, 1: 4742, 2: 6294, 3: 7752, 5: 10511, 10: 16959},
}
V9_K_STAR = [
    (58, 0.05, -1),
    (59, 0.05, 0),
    (92, 0.05, 0),
    (93, 0.05, 1),
    (100, 0.05, 1),
    (160, 0.05, 3),
    (2994, 0.001, -1),
    (2995, 0.001, 0),
    (4742, 0.001, 1),
]


@pytest.mark.parametrize(("k", "n", "both", "upper", "lower"), V3)
def test_clopper_pearson_against_vectors(k: int, n: int, both: tuple[float, float], upper: float, lower: float) -> None:
    assert two_sided(k, n) == pytest.approx(both, abs=1e-9)
    assert upper_bound(k, n) == pytest.approx(upper, abs=1e-9)
    assert lower_bound(k, n) == pytest.approx(lower, abs=1e-9)


@pytest.mark.parametrize("alpha", sorted(V4))
def test_people_needed_against_vectors(alpha: float) -> None:
    assert {k: people_needed(alpha, k, delta=0.05) for k in V4[alpha]} == V4[alpha]


@pytest.mark.parametrize(("n", "alpha", "expected"), V9_K_STAR)
def test_k_star_against_vectors(n: int, alpha: float, expected: int) -> None:
    assert k_star(n, alpha, 0.05) == expected


def test_the_plan_is_the_table_in_the_design() -> None:
    assert [(row.tier, row.people) for row in plan_rows()] == [
        ("pilot", (59, 93, 124)),
        ("provisional", (299, 473, 628)),
        ("certified", (2995, 4742, 6294)),
    ]
    assert plan_rows(attempt=2)[0].people[0] > 59


def test_no_trials_are_undefined_and_never_zero() -> None:
    nothing = estimate(0, 0)
    assert (nothing.rate, nothing.cp95, nothing.upper95) == (None, None, None)
    assert estimate(None, 12).rate is None
    assert not certifies(0, 0, 0.05, 0.05)
    assert not refutes(0, 0, 0.05)
    assert k_star(0, 0.05, 0.05) == -1


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(BadInput):
        estimate(k, n)


@given(st.integers(1, 4000), st.floats(0.0005, 0.2), st.floats(0.001, 0.2))
def test_k_star_is_the_last_that_certifies(n: int, alpha: float, delta: float) -> None:
    allowed = k_star(n, alpha, delta)
    assert allowed == -1 or certifies(allowed, n, alpha, delta)
    assert not certifies(allowed + 1, n, alpha, delta)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_enclose_the_rate_and_rise_with_k(counts: tuple[int, int]) -> None:
    k, n = counts
    assert lower_bound(k, n) <= k / n + 1e-9
    assert k / n <= upper_bound(k, n) + 1e-9
    assert k == n or upper_bound(k, n) < upper_bound(k + 1, n)
