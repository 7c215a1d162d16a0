"""The intervals of comparisons: vectors, peers, and coverage where the truth is known."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.pair_cells import Comparisons, PairCell, cells_of, partitions
from matcher.calibration.pair_intervals import divergence, kl_upper
from matcher.calibration.people_bootstrap import REPLICATES, draws, resample
from matcher.calibration.selectivity import selectivity
from matcher.calibration.wilson import wilson
from matcher.errors import BadInput

V3_WILSON = {  # k, n: two-sided 95 %
    (0, 10): (0.0, 0.2775327998628892),
    (0, 59): (0.0, 0.061129370526788386),
    (1, 100): (0.0017674320641406505, 0.054486196178705315),
    (3, 300): (0.003406618437715286, 0.02898349336233983),
    (30, 30000): (0.0007005894631828397, 0.001427186705355928),
    (10, 10): (0.7224672001371107, 0.9999999999999999),
    (1, 1): (0.20654931437723745, 1.0),
}
V12 = [  # m, rate, bound
    (20, 0.0, 0.1391083406682651),
    (20, 0.01, 0.17316888316898776),
    (250, 0.0, 0.011911419714980623),
    (250, 0.0001, 0.012488284412311012),
    (1000, 0.001, 0.00573025858192413),
]
COHORTS = 400
PEOPLE = 200
RATE = 0.01
MONTE_CARLO = 3 * (0.95 * 0.05 / COHORTS) ** 0.5  # three standard errors
PINNED = [[1, 2, 0, 0, 2], [2, 0, 2, 1, 0], [0, 3, 0, 1, 1], [1, 0, 0, 2, 2]]  # five people, seed 7


@pytest.mark.parametrize(("k", "n"), V3_WILSON)
def test_wilson_against_vectors(k: int, n: int) -> None:
    assert wilson(k / n, n) == pytest.approx(V3_WILSON[k, n], abs=1e-9)


def test_v11_naive_and_plug_in() -> None:
    assert wilson(0.4, 10) == pytest.approx((0.16818032970623614, 0.6873262302663417), abs=1e-9)
    assert wilson(0.4, 5.0) == pytest.approx((0.11762077423264783, 0.769275718723987), abs=1e-9)


@pytest.mark.parametrize(("m", "rate", "bound"), V12)
def test_v12_guaranteed_bound(m: int, rate: float, bound: float) -> None:
    assert kl_upper(rate, m) == pytest.approx(bound, abs=1e-9)


@given(st.floats(0, 0.999), st.integers(1, 100_000), st.floats(0.001, 0.5))
def test_the_bound_solves_its_equation_and_grows_with_the_rate(rate: float, m: int, delta: float) -> None:
    bound = kl_upper(rate, m, delta)
    assert rate < bound <= 1
    if bound < 1 - 1e-6:  # ten digits of a bound say less and less of a divergence that is infinite at 1
        assert m * divergence(rate, bound) == pytest.approx(-np.log(delta), rel=1e-3)
    assert kl_upper(min(1.0, rate + 0.001), m, delta) >= bound
    assert kl_upper(rate, m + 1, delta) <= bound


# --- coverage where the truth is known --------------------------------------------------------------------------------


def compared_people(rng: np.random.Generator, templates: np.ndarray) -> Comparisons:
    """Comparisons that falsely match with probability RATE on average; three people in ten resemble others more."""
    alike = np.where(rng.random(len(templates)) < 0.3, 2.78, 0.2371428571428571)
    errors = np.triu(rng.binomial(np.outer(templates, templates), RATE * np.outer(alike, alike)), 1)
    first, second = np.nonzero(errors)
    return Comparisons(0, templates, first, second, errors[first, second])


def covers(interval: tuple[float, float]) -> bool:
    return interval[0] <= RATE <= interval[1]


def judged(cell: PairCell) -> tuple[bool, bool, bool]:
    """Whether a naive interval, the plug-in one and the guaranteed bound cover the truth."""
    rate = cell.sums.k / cell.sums.n
    assert cell.sums.n_eff is not None
    assert cell.person_rate is not None
    plugged = covers(wilson(rate, float(cell.sums.n_eff)))
    return covers(wilson(rate, cell.sums.n)), plugged, kl_upper(cell.person_rate, cell.independent) >= RATE


def test_within_a_group_we_cover_where_a_pooled_binomial_interval_does_not() -> None:
    rng = np.random.default_rng(1)
    (everyone,) = partitions([()] * PEOPLE, [])
    once = np.ones(PEOPLE, np.int64)
    cells = [cells_of(compared_people(rng, once), everyone)[0] for _ in range(COHORTS)]
    naive, plugged, guaranteed = np.mean([judged(cell) for cell in cells], axis=0)
    assert naive < 0.65
    assert 0.95 - MONTE_CARLO <= plugged <= 0.95 + MONTE_CARLO
    assert guaranteed >= 0.95


def test_across_groups_with_several_templates_a_person() -> None:
    rng = np.random.default_rng(2)
    labels = [(("group", "small" if person < 80 else "large"),) for person in range(PEOPLE)]
    _, groups = partitions(labels, ["group"])
    cells = [cells_of(compared_people(rng, rng.integers(1, 4, PEOPLE)), groups)[1] for _ in range(COHORTS)]
    assert {(cell.labels, cell.people) for cell in cells} == {(("large", "small"), (120, 80))}
    naive, plugged, guaranteed = np.mean([judged(cell) for cell in cells], axis=0)
    assert naive < 0.65
    assert 0.95 - MONTE_CARLO <= plugged <= 0.95 + MONTE_CARLO
    assert guaranteed >= 0.95


def test_the_bootstrap_over_people_covers() -> None:
    rng = np.random.default_rng(3)
    columns = partitions([()] * PEOPLE, [])
    once = np.ones(PEOPLE, np.int64)
    drawn = [resample(compared_people(rng, once), columns, seed)[0].interval(0) for seed in range(60)]
    covered = sum(interval is not None and covers(interval) for interval in drawn)
    assert covered >= 60 * 0.95 - 3 * (60 * 0.05 * 0.95) ** 0.5


# --- the bootstrap ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 2, 7, 8, 101])
def test_draws_are_as_many_as_people_and_do_not_depend_on_the_step(people: int) -> None:
    whole = np.concatenate([weights for _, weights in draws(people, 5, REPLICATES)], axis=1)
    assert whole.shape == (people, REPLICATES)
    assert (whole.sum(axis=0) == people).all()
    np.testing.assert_array_equal(np.concatenate([weights for _, weights in draws(people, 5, 7)], axis=1), whole)
    # Each person once on average: over all replicates within five standard deviations.
    assert np.abs(whole.mean(axis=1) - 1).max() < 5 / REPLICATES**0.5


def test_draws_are_pinned_so_that_a_report_replays() -> None:
    _, weights = next(draws(5, 7, 4))
    assert weights.T.tolist() == PINNED


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_replicates_are_those_of_one_pair_at_a_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = compared_people(rng, rng.integers(0, 3, 30))
    labels = [(("group", str(name)),) for name in rng.integers(0, 3, 30)]
    _, groups = partitions(labels, ["group"])
    (drawn,) = resample(found, [groups], seed)
    weights = np.concatenate([part for _, part in draws(30, seed, 100)], axis=1)
    errors = np.zeros((30, 30), np.int64)
    errors[found.first, found.second] = found.reaching
    for replicate in rng.integers(0, REPLICATES, 3):
        counted = np.outer(weights[:, replicate], weights[:, replicate])
        for at, (a, b) in enumerate(groups.cells()):
            one, other = groups.of_person == a, groups.of_person == b
            asked = np.triu(np.outer(one, other) | np.outer(other, one), 1)
            made = counted * np.outer(found.templates, found.templates)
            assert drawn.made[at, replicate] == made[asked].sum()
            assert drawn.reaching[at, replicate] == (counted * errors)[asked].sum()


# --- candidates per search --------------------------------------------------------------------------------------------


def test_v5_selectivity() -> None:
    # t = 0.45: five candidates in four non-mated searches of four subjects.
    found = selectivity(np.array([1, 1, 3, 0], np.int32), 4)
    assert (found.k, found.n, found.subjects, found.rate) == (5, 4, 4, 1.25)
    assert found.wilson95 is not None
    assert found.wilson95[0] < 1.25 < found.wilson95[1]
    assert found.reason is None


def test_selectivity_is_a_share_of_the_list() -> None:
    # With one subject a candidate is a false alarm, so SEL is FPIR.
    found = selectivity(np.array([0] * 97 + [1] * 3), 1)
    assert found.wilson95 == pytest.approx(wilson(0.03, 99.0), abs=1e-9)  # the unbiased variance has n - 1
    assert found.upper95 == pytest.approx(kl_upper(0.03, 100), abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([], "no completed search"),
        ([3], "one search shows no spread"),
        ([0, 0, 0], "searches without a candidate show no spread"),
        ([9, 9], "searches that return the whole list show no spread"),
    ],
)
def test_selectivity_that_is_undefined_says_why(counts: list[int], reason: str) -> None:
    found = selectivity(np.array(counts, np.int32), 9)
    assert (found.n, found.wilson95, found.reason) == (len(counts), None, reason)
    assert (found.rate is None) == (found.upper95 is None) == (not counts)


@pytest.mark.parametrize(("counts", "subjects"), [([-1], 5), ([6], 5), ([0], 0)])
def test_impossible_candidates_are_refused(counts: list[int], subjects: int) -> None:
    with pytest.raises(BadInput, match="count again"):
        selectivity(np.array(counts, np.int32), subjects)


def test_selectivity_covers_where_the_candidates_of_a_person_hang_together() -> None:
    rng = np.random.default_rng(4)
    alike = np.where(rng.random((COHORTS, 300)) < 0.3, 2.78, 0.2371428571428571)
    whole = [selectivity(counts, 100) for counts in rng.binomial(100, RATE * alike)]
    plugged = np.mean([f.wilson95 is not None and f.wilson95[0] <= 1.0 <= f.wilson95[1] for f in whole])
    assert 0.95 - MONTE_CARLO <= plugged <= 0.95 + MONTE_CARLO
    assert np.mean([f.upper95 is not None and f.upper95 >= 1.0 for f in whole]) >= 0.95


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.randoms())
def test_the_order_of_searches_changes_nothing(counts: list[int], random: Random) -> None:
    shuffled = random.sample(counts, len(counts))
    assert selectivity(np.array(shuffled), 20) == selectivity(np.array(counts), 20)
