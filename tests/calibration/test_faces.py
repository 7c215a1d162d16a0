"""Half of a public set of real faces as a list and a cohort: skipped where its embeddings are not beside the project.

2,883 people of Labeled Faces in the Wild (Huang et al. 2007), embedded; gender as its maintainers verified it. Nothing
of it is in this project.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from matcher import kernels
from matcher.calibration.certified import CertifiedReport
from matcher.calibration.comparisons import match_rates
from matcher.calibration.confidence import curve_of
from matcher.calibration.pair_cells import compared, partitions
from matcher.calibration.report import GroupReport, Report
from matcher.calibration.threshold import just_above
from matcher.calibration.verdict import Status
from matcher.domain.template import Floats, Scores
from tests.calibration.cohorts import Sample, Somebody, report_of

FACES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "lfw" / "lfw_half.npz"
LISTED = 300
ALPHA = 0.01

pytestmark = pytest.mark.skipif(not FACES.exists(), reason="the embeddings of real faces are not beside the project")


@dataclass(frozen=True)
class Case:
    """The first 300 people by name as list, the others as cohort; best scores of every row against the list."""

    rows: Floats
    people: dict[str, list[int]]
    labels: dict[str, str]
    listed: tuple[int, ...]
    maxima: Scores
    mates: dict[str, int]

    def cohort(self) -> Iterator[Somebody]:
        """Two pictures of each person at most."""
        for name, rows in self.people.items():
            mate = self.mates.get(name, 0)
            samples = tuple(Sample(f"row{row}", int(self.maxima[row]), mate) for row in rows[:2])
            gender = self.labels[name]
            yield Somebody(name, (("gender", gender),) if gender else (), samples)


@pytest.fixture(scope="module")
def case() -> Case:
    with np.load(FACES) as stored:
        rows = kernels.normalise(stored["embeddings"])
        subjects, genders = stored["subject_id"], stored["gender"]
    names, owner = np.unique(subjects, return_inverse=True)
    on_list = np.flatnonzero(owner < LISTED)
    scores = kernels.canonical_scores(rows, rows[on_list])
    own = owner[:, None] == owner[on_list]
    beside = np.where(own, -1_000_000, scores).max(axis=1)
    people = {str(names[at]): np.flatnonzero(owner == at).tolist() for at in range(LISTED, len(names))}
    pairs = {name: found[:2] for name, found in people.items() if len(found) > 1}
    mates = {name: int(kernels.canonical_scores(rows[[one]], rows[[two]])[0, 0]) for name, (one, two) in pairs.items()}
    first = [int(np.flatnonzero(owner == at)[0]) for at in range(LISTED)]
    return Case(
        rows,
        people,
        {name: str(genders[found[0]]) for name, found in people.items()},
        tuple(sorted(beside[first].tolist())),
        scores.max(axis=1),
        mates,
    )


@pytest.fixture(scope="module")
def report(case: Case) -> Report:
    return report_of(list(case.cohort()), alpha=ALPHA, listed=case.listed)


def row(report: Report, **key: str) -> GroupReport:
    return next(group for group in report.groups if group.key == key)


def test_real_people_certify_the_provisional_tier(report: Report) -> None:
    assert report.verdict.status is Status.CERTIFIED
    assert report.verdict.tier == "provisional"
    assert CertifiedReport.parse(report.canonical()).report == report
    assert report.verdict.binding_group is not None
    assert report.threshold.tau is not None
    # pairs of this set are told apart best at 0.363; the best of 300 strangers scores higher than one stranger
    assert 400_000 < report.threshold.tau < 750_000


def test_the_counts_are_those_of_the_people(report: Report, case: Case) -> None:
    everyone = row(report)
    assert (everyone.n_people, everyone.fpir.n) == (len(case.people), len(case.people)) == (2_583, 2_583)
    by_gender = [row(report, gender=label) for label in ("female", "male")]
    undeclared = sum(label == "" for label in case.labels.values())
    assert sum(group.n_people for group in by_gender) == 2_583 - undeclared
    for group, label in zip(by_gender, ("female", "male"), strict=True):
        assert group.n_people == sum(found == label for found in case.labels.values())
        assert group.fnir is not None
        assert group.fnir.n == sum(case.labels[name] == label for name in case.mates)
        assert group.fpir.upper95 is not None
        assert group.fpir.upper95 <= ALPHA
    assert everyone.fnir is not None
    assert everyone.fnir.n == len(case.mates)
    assert everyone.fnir.rate is not None
    assert 0 < everyone.fnir.rate < 0.5


def test_the_threshold_is_just_above_one_of_the_maxima_and_as_low_as_may_be(report: Report, case: Case) -> None:
    tau = report.threshold.tau
    assert tau is not None
    assert tau in {just_above(score) for score in case.maxima.tolist()}
    lower = report_of(list(case.cohort()), alpha=ALPHA, tau=tau - 100, listed=case.listed)
    assert lower.verdict.status is not Status.CERTIFIED


def test_a_cohort_of_the_same_origin_looks_like_the_list(report: Report) -> None:
    assert report.realism.probability is not None
    assert 0.4 < report.realism.probability < 0.6
    assert report.realism.obstacle is None


def test_a_ratio_is_shown_and_stays_below_what_the_people_bear_out(report: Report) -> None:
    found = report.likelihood.at(1_000_000)
    assert found is not None
    assert found.capped
    fewest = min(group.fpir.n for group in report.groups if group.gating)
    assert 10**found.log10 <= (fewest + 1) * (1 + 1e-9)
    assert report.burden is not None
    assert report.threshold.tau is not None
    assert curve_of(report).at(report.threshold.tau).upper == report.burden.upper95


def test_the_strict_tier_asks_for_more_people_than_there_are(case: Case) -> None:
    strict = report_of(list(case.cohort()), alpha=0.001, listed=case.listed)
    assert strict.verdict.status is Status.INSUFFICIENT
    assert [tier.tier for tier in strict.verdict.would_pass] == ["provisional", "pilot"]
    assert "more people" in " ".join(strict.verdict.reasons)


def test_comparisons_of_real_people_hang_together(case: Case) -> None:
    owner = np.repeat(np.arange(len(case.people)), [len(found) for found in case.people.values()]).astype(np.int32)
    rows = case.rows[np.concatenate(list(case.people.values()))]
    found = compared(rows, owner, len(case.people), 363_000)
    labels = [(("gender", label),) if label else () for label in case.labels.values()]
    everyone, *cells = match_rates(found, partitions(labels, ["gender"]), 7)
    sizes = found.templates
    assert everyone.n == (int(sizes.sum()) ** 2 - int((sizes**2).sum())) // 2
    assert (everyone.k, everyone.n) == (sum(cell.k for cell in cells), sum(cell.n for cell in cells))
    assert everyone.n_eff is not None
    assert (
        everyone.n_eff < everyone.n / 3
    )  # 494,000 of 16.6 million: people with many pictures share their resemblances
    women, men = (next(cell for cell in cells if cell.labels == (one, one)) for one in ("female", "male"))
    between = next(cell for cell in cells if cell.labels == ("female", "male"))
    assert women.rate is not None
    assert men.rate is not None
    assert between.rate is not None
    assert between.rate < min(women.rate, men.rate)  # resemblance is within groups: why groups are tested apart
