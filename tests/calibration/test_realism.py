"""Whether the cohort looks like the list: counted by hand, against every pair, and in the verdict."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from matcher.calibration import realism as module
from matcher.calibration.certified import CertifiedReport, recounted
from matcher.calibration.realism import list_probes, realism
from matcher.calibration.trials import drawn
from matcher.calibration.verdict import Status
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item
from matcher.errors import InsufficientEvidence
from tests.calibration.cohorts import people, report_of

values = st.lists(st.integers(-20, 20), min_size=1, max_size=25)


def test_counted_by_hand() -> None:
    found = realism([3, 5], [1, 3, 5])  # 3>1 3=3 3<5, 5>1 5>3 5=5
    assert (found.listed, found.cohort, found.higher, found.equal) == (2, 3, 3, 2)
    assert found.probability == pytest.approx(4 / 6)
    assert found.obstacle is None


@given(values, values)
def test_the_statistic_is_that_of_every_pair(listed: list[int], cohort: list[int]) -> None:
    found, turned = realism(listed, cohort), realism(cohort, listed)
    assert found.higher == sum(a > b for a in listed for b in cohort)
    assert found.equal == sum(a == b for a in listed for b in cohort)
    assert found.probability is not None
    assert turned.probability is not None
    assert found.probability + turned.probability == pytest.approx(1)
    assert realism(listed[::-1], sorted(cohort)) == found
    assert found.ci95 is not None
    low, high = found.ci95
    assert low <= found.probability <= high
    assert high - low > 0.01  # not even at 0 or 1, where DeLong's interval has no width


@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 100))
def test_the_interval_solves_newcombes_equation(m: int, n: int, percent: int) -> None:
    area = percent / 100
    low, high = module._interval(area, m, n)

    def beyond(t: float) -> float:
        rest = (m + n) / 2 - 1
        variance = t * (1 - t) * (1 + rest * (1 - t) / (2 - t) + rest * t / (1 + t)) / (m * n)
        return abs(area - t) - 1.959963984540054 * math.sqrt(variance)

    if area > 0.02:
        assert low == pytest.approx(brentq(beyond, 0, min(area, 1 - 1e-6)), abs=1e-6)
    if area < 0.98:
        assert high == pytest.approx(brentq(beyond, max(area, 1e-6), 1), abs=1e-6)


def test_three_quarters_is_allowed_and_the_least_more_is_not() -> None:
    assert realism([2, 2, 2, 0], [1]).obstacle is None
    found = realism([2] * 301 + [0] * 100, [1])
    assert found.obstacle is not None
    assert "301 of 401 comparisons" in found.obstacle


@pytest.mark.parametrize(
    ("listed", "cohort", "reason"),
    [([], [1], "fewer than two people"), ([1], [], "nobody was tested"), ([], [], "fewer than two people")],
)
def test_what_cannot_be_compared_is_undefined_with_a_reason(listed: list[int], cohort: list[int], reason: str) -> None:
    found = realism(listed, cohort)
    assert (found.probability, found.ci95, found.obstacle) == (None, None, None)
    assert found.reason is not None
    assert reason in found.reason


def item(subject: str, digest: str, row: int | None) -> Item:
    return Item(subject, digest, (), (), None, row, None if row is not None else Reason.NO_FACE, None)


def test_the_probe_of_a_listed_person_cannot_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [item("a", f"{n}", n) for n in range(5)] + [item("b", "x", None), item("b", "y", 5), item("c", "z", None)]
    first = min(range(5), key=lambda n: drawn("digest", "a", f"{n}"))
    assert list_probes("digest", items) == (("a", first), ("b", 5))
    assert list_probes("digest", items[::-1]) == list_probes("digest", items)
    many = [item(f"s{n:02}", "d", n) for n in range(50)]
    monkeypatch.setattr(module, "MOST_PROBES", 10)
    chosen = sorted(range(50), key=lambda n: drawn("digest", f"s{n:02}", "d"))[:10]
    assert [row for _, row in list_probes("digest", many)] == sorted(chosen)


def test_a_cohort_unlike_the_list_certifies_nothing_in_any_tier() -> None:
    cohort = people([200_000] * 130, "w", gender="f") + people([210_000] * 130, "m", gender="m")
    alike = report_of(cohort, listed=(205_000,) * 20)
    assert CertifiedReport.parse(alike.canonical()).report == alike
    report = report_of(cohort, listed=(600_000,) * 20)
    assert report.verdict.status is Status.INSUFFICIENT
    assert "does not look like the people on the list" in report.verdict.reasons[0]
    assert "Cheapest next step: a cohort like the people on the list" in report.verdict.sentence
    assert report.verdict.would_pass == ()
    assert recounted(report.canonical()) == report
    with pytest.raises(InsufficientEvidence):
        CertifiedReport.parse(report.canonical())


def test_false_alarms_are_said_before_likeness() -> None:
    cohort = people([200_000] * 60, "w", gender="f") + people([210_000] * 130, "m", gender="m")
    report = report_of(cohort, listed=(600_000,) * 20, tau=205_000)
    assert report.verdict.status is Status.REFUTED
    assert recounted(report.canonical()) == report


def test_the_interval_covers_alike_people_most_of_the_time() -> None:
    """List and cohort from one distribution: the truth is a half (nearly: N - 1 against N)."""
    draw = np.random.default_rng(4)
    covered = 0
    for _ in range(300):
        both = draw.standard_normal((240, 16))
        both /= np.linalg.norm(both, axis=1, keepdims=True)
        scores = both @ both[:40].T
        np.fill_diagonal(scores, -2)
        best = (1_000_000 * scores.max(axis=1)).astype(int).tolist()
        low, high = realism(best[:40], best[40:]).ci95 or (1.0, 0.0)
        covered += low <= 0.5 <= high
    assert covered >= 270  # 285 expected; 255 to 265 with every listed person counted as one
