"""The same numbers from other people's libraries: SciPy always, the rest where the extra `peers` is installed.

`pip install -e '.[test,peers]'`. A peer agrees where it defines a number; where it invents one, both answers are here.
Fisher's exact test stands beside SciPy's in `test_group_tests.py`, the logistic line beside scikit-learn's in
`test_logistic.py`.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from matcher.calibration.group_tests import holm
from matcher.calibration.intervals import lower_bound, two_sided, upper_bound
from matcher.calibration.measures import Statistic, inequality
from matcher.calibration.proper_scores import cllr, pooled
from matcher.calibration.report import GroupReport, Report
from matcher.calibration.wilson import wilson
from tests.calibration.cohorts import Sample, Somebody, people, report_of

counts = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CLOSE = 1e-9


# --- intervals and tests ----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(counts)
def test_intervals_against_scipy(drawn: tuple[int, int]) -> None:
    k, n = drawn
    assert two_sided(k, n) == pytest.approx(tuple(binomtest(k, n).proportion_ci(method="exact")), abs=CLOSE)
    assert wilson(k / n, n) == pytest.approx(tuple(binomtest(k, n).proportion_ci(method="wilson")), abs=CLOSE)
    at_most = binomtest(k, n, alternative="less").proportion_ci(method="exact")
    at_least = binomtest(k, n, alternative="greater").proportion_ci(method="exact")
    assert (lower_bound(k, n), upper_bound(k, n)) == pytest.approx((at_least.low, at_most.high), abs=CLOSE)


@settings(deadline=None)  # the first import of a peer takes a second
@given(counts)
def test_intervals_against_statsmodels(drawn: tuple[int, int]) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    k, n = drawn
    assert two_sided(k, n) == pytest.approx(proportion.proportion_confint(k, n, method="beta"), abs=CLOSE)
    assert wilson(k / n, n) == pytest.approx(proportion.proportion_confint(k, n, method="wilson"), abs=CLOSE)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_against_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1], abs=CLOSE)


# --- pooling and Cllr -------------------------------------------------------------------------------------------------


def two_classes(seed: int, people: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    mated = rng.random(people) < 0.3
    mated[:2] = (True, False)
    return np.round(rng.normal(mated * 1.5, 1.0), 2), mated


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(10, 200))
def test_pooling_against_scikit_learn(seed: int, people: int) -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    z, mated = two_classes(seed, people)
    peer = isotonic.IsotonicRegression().fit(z, mated.astype(float))
    for block in pooled(z[mated], z[~mated]):
        share = block.mated / (block.mated + block.nonmated)
        assert peer.predict([block.low, block.high]) == pytest.approx([share, share], abs=CLOSE)


@settings(deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=20), st.lists(st.floats(-4, 4), min_size=1, max_size=20))
def test_cllr_is_the_balanced_log_loss_of_scikit_learn(mates: list[float], others: list[float]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    chances = 1 / (1 + 10.0 ** -np.array([*mates, *others]))
    truth = [1] * len(mates) + [0] * len(others)
    weights = [1 / len(mates)] * len(mates) + [1 / len(others)] * len(others)
    bits = metrics.log_loss(truth, chances, sample_weight=weights, labels=[0, 1]) / np.log(2)
    assert cllr(np.array(mates), np.array(others)) == pytest.approx(bits, abs=1e-6)


# --- rates by group ---------------------------------------------------------------------------------------------------

TAU = 500_000


def a_cohort() -> list[Somebody]:
    """Women and men at two sites; nobody is both female and in the south, and no man has a second picture."""
    low, high = 200_000, 700_000
    return [
        *people([low] * 60 + [high] * 3, "a", 400_000, gender="f", site="n"),
        *people([low] * 10 + [high] * 2, "b", 800_000, gender="f", site="n"),
        *people([low] * 80 + [high] * 1, "c", gender="m", site="n"),
        *people([low] * 50 + [high] * 9, "d", gender="m", site="s"),
        Somebody("u", (("gender", "m"), ("site", "s")), (Sample("u", None),)),
    ]


def frame_of(metric: str, cohort: list[Somebody], columns: list[str], *, mated: bool) -> Any:
    """fairlearn's MetricFrame of the searches that were completed."""
    metrics = pytest.importorskip("fairlearn.metrics")
    searched = [one for one in cohort if (len(one.samples) == 2 if mated else one.samples[0].maximum is not None)]
    scores = [one.samples[-1].mate if mated else one.samples[0].maximum for one in searched]
    return metrics.MetricFrame(
        metrics=getattr(metrics, metric),
        y_true=[int(mated)] * len(searched),
        y_pred=[int(score is not None and score >= TAU) for score in scores],
        sensitive_features={column: [dict(one.labels)[column] for one in searched] for column in columns},
    )


def row(report: Report, **key: str) -> GroupReport:
    return next(group for group in report.groups if group.key == key)


def test_rates_by_group_against_fairlearn() -> None:
    cohort = a_cohort()
    report = report_of(cohort, columns=("gender", "site"), tau=TAU)
    for column, labels in (("gender", "fm"), ("site", "ns")):
        frame = frame_of("false_positive_rate", cohort, [column], mated=False)
        found = {label: row(report, **{column: label}).fpir for label in labels}
        assert {label: rate.rate for label, rate in found.items()} == pytest.approx(frame.by_group.to_dict(), abs=CLOSE)
        assert row(report).fpir.rate == pytest.approx(frame.overall, abs=CLOSE)
        rates = [np.array([[rate.k / rate.n] for rate in found.values() if rate.k is not None])]
        assert float(inequality(Statistic.RANGE, rates)[0]) == pytest.approx(frame.difference(), abs=CLOSE)
        assert 1 / float(inequality(Statistic.MAX_MIN, rates)[0]) == pytest.approx(frame.ratio(), abs=CLOSE)
    misses = frame_of("false_negative_rate", cohort, ["gender"], mated=True)
    fnir = row(report, gender="f").fnir
    assert fnir is not None
    assert fnir.rate == pytest.approx(misses.by_group["f"], abs=CLOSE)


def test_an_empty_cell_is_not_a_number_there_and_named_here() -> None:
    frame = frame_of("false_positive_rate", a_cohort(), ["gender", "site"], mated=False)
    assert np.isnan(frame.by_group["f", "s"])
    empty = row(report_of(a_cohort(), columns=("gender", "site"), tau=TAU), gender="f", site="s")
    assert (empty.n_people, empty.fpir.rate, empty.fpir.status) == (0, None, "NOT TESTED")


def test_a_group_without_mated_searches_has_no_misses_there_and_no_rate_here() -> None:
    metrics = pytest.importorskip("fairlearn.metrics")
    # a group of people who are all non-mated: nothing could be missed, and the peer says 0 missed
    assert metrics.false_negative_rate([0, 0, 0], [0, 0, 1]) == 0
    men = row(report_of(a_cohort(), columns=("gender", "site"), tau=TAU), gender="m")
    assert (men.fnir, men.fnir_reason) == (None, "nobody here has two pictures")
