from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.calibration import at_threshold
from matcher.calibration.at_threshold import CohortTemplates
from matcher.calibration.certified import recounted
from matcher.calibration.groups import Level
from matcher.calibration.report import GroupReport, Report, parse_report
from matcher.calibration.verdict import Status, delta_at
from matcher.errors import BadInput, IntegrityError, Refused
from matcher.kernels import normalise
from tests.calibration.cohorts import Sample, Somebody, people, report_of

LOW = 200_000


def row(report: Report, **key: str) -> GroupReport:
    return next(group for group in report.groups if group.key == key)


def two_groups(women: int = 60, men: int = 60, mates: int | None = None) -> list[Somebody]:
    return people([LOW] * women, "w", mates, gender="f") + people([LOW + 50] * men, "m", mates, gender="m")


def test_zero_errors_certify_a_pilot_and_name_the_group() -> None:
    report = report_of(two_groups(mates=900_000), searches=20)
    assert report.verdict.status is Status.CERTIFIED
    assert report.threshold.tau == 200_100
    assert report.verdict.binding_group == {"gender": "m"}
    assert report.verdict.sentence == (
        "CERTIFIED at 5 % (pilot) by your own cohort. Threshold 0.2001; group that set the threshold: gender m. "
        "Pictures not seen. Next: an approver who loaded none of the list activates it."
    )
    assert (row(report).fpir.k, row(report).fpir.n) == (0, 120)
    assert report.burden is not None
    assert report.burden.upper95 == row(report, gender="f").fpir.upper95


def test_too_few_people_is_not_a_failure_and_says_how_many_more() -> None:
    report = report_of(two_groups(women=18), searches=1)
    assert report.verdict.status is Status.INSUFFICIENT
    assert row(report, gender="f").fpir.more_people_needed == 96 - 18  # what the second attempt needs, not the first
    assert report.verdict.sentence.endswith(
        "Not a failure: nobody was harmed. "
        "Cheapest next step: 78 more people with gender f and 36 more people with gender m (pilot)."
    )


def test_a_looser_tier_that_would_pass_is_said() -> None:
    report = report_of(two_groups(96, 96), alpha=0.001)
    assert report.verdict.status is Status.INSUFFICIENT
    assert report.threshold.tau is None
    assert [(tier.tier, tier.tau) for tier in report.verdict.would_pass] == [("pilot", 200_100)]
    assert row(report).fpir.k is None
    assert row(report).fnir_reason == "no threshold"


def test_a_pilot_may_not_expect_more_than_one_false_alarm_a_day() -> None:
    assert report_of(two_groups(), searches=20).verdict.status is Status.CERTIFIED
    report = report_of(two_groups(), searches=21)
    assert report.verdict.status is Status.INSUFFICIENT
    assert "lower the searches per day or certify a stricter tier" in report.verdict.reasons[0]


def test_one_bad_group_refutes() -> None:
    cohort = two_groups() + people([LOW] * 55 + [500_000] * 10, "x", gender="x")
    report = report_of(cohort, tau=300_000)
    assert report.verdict.status is Status.REFUTED
    assert row(report, gender="x").fpir.status is Status.REFUTED
    assert row(report, gender="f").fpir.status is Status.CERTIFIED
    assert report.verdict.binding_group is None
    assert "gender x: 10 of 65 people" in report.verdict.sentence


def test_no_group_column_is_insufficient() -> None:
    report = report_of(two_groups(), columns=())
    assert report.verdict.status is Status.INSUFFICIENT
    assert any("no group column" in reason for reason in report.verdict.reasons)


@pytest.mark.parametrize("required", [(("gender", ("x",)),), (("skin", ()),), (("skin", ("dark",)),)])
def test_required_groups_that_nobody_declares_are_insufficient(
    required: tuple[tuple[str, tuple[str, ...]], ...],
) -> None:
    report = report_of(two_groups(), required=required)
    assert report.verdict.status is Status.INSUFFICIENT


def test_an_empty_group_is_undefined() -> None:
    group = row(report_of(two_groups(), required=(("gender", ("x",)),)), gender="x")
    assert (group.n_people, group.fpir.rate, group.fpir.upper95, group.fta.rate, group.fnir) == (
        0,
        None,
        None,
        None,
        None,
    )
    assert group.fpir.status is Status.INSUFFICIENT
    assert group.fpir.more_people_needed == 96


@pytest.mark.parametrize(("silent", "status"), [(6, Status.CERTIFIED), (7, Status.INSUFFICIENT)])
def test_undeclared_people_above_five_percent_block(silent: int, status: Status) -> None:
    report = report_of(two_groups(60, 60) + people([LOW] * silent, "u"))
    undeclared = row(report, gender="undeclared")
    assert (undeclared.level, undeclared.gating, undeclared.n_people) == (Level.UNDECLARED, False, silent)
    assert report.verdict.status is status
    assert {"gender": "undeclared"} in report.verdict.not_tested


def test_undeclared_people_block_when_refuted() -> None:
    report = report_of(two_groups(200, 200) + people([500_000] * 6, "u"), tau=300_000)
    assert row(report, gender="undeclared").fpir.status is Status.REFUTED
    assert report.verdict.status is Status.REFUTED


def test_two_way_cells_gate_only_where_they_can_be_certified() -> None:
    cohort = people([LOW] * 70, "a", gender="f", site="n") + people([LOW] * 70, "b", gender="m", site="s")
    cohort += people([LOW] * 8, "c", gender="f", site="s")
    report = report_of(cohort, columns=("gender", "site"))
    assert row(report, gender="f", site="n").gating
    small = row(report, gender="f", site="s")
    assert (small.gating, small.fpir.status) == (False, Status.NOT_TESTED)
    assert report.verdict.not_tested == ({"gender": "f", "site": "s"}, {"gender": "m", "site": "n"})
    assert report.verdict.status is Status.CERTIFIED
    assert "NOT TESTED: gender f, site s; gender m, site n." in report.verdict.sentence


def test_a_small_two_way_cell_must_not_be_refuted() -> None:
    cohort = people([LOW] * 300, "a", gender="f", site="n") + people([LOW] * 300, "b", gender="m", site="s")
    cohort += people([LOW] * 4 + [500_000] * 4, "c", gender="f", site="s")
    report = report_of(cohort, columns=("gender", "site"), tau=300_000)
    assert row(report, gender="f").fpir.status is Status.CERTIFIED
    assert row(report, gender="f", site="s").fpir.status is Status.REFUTED
    assert report.verdict.status is Status.REFUTED


def test_failures_to_acquire_do_not_lower_the_rate() -> None:
    unread = [Somebody(f"u{n}", (("gender", "f"),), (Sample(f"u{n}", None),)) for n in range(40)]
    group = row(report_of(two_groups() + unread), gender="f")
    assert (group.fpir.n, group.n_people, group.fta.k, group.fta.n) == (60, 100, 40, 100)
    assert group.generalised_fpir.n == 100


def test_misses_count_ties_against_the_mate_and_failures_apart() -> None:
    cohort = two_groups(60, 60, mates=900_000)
    cohort += people([LOW], "miss", 200_000, gender="f") + people([950_000], "tie", 950_000, gender="f")
    unread = Somebody("u", (("gender", "f"),), (Sample("u1", None), Sample("u2", None)))
    group = row(report_of([*cohort, unread], tau=300_000), gender="f")
    assert group.fnir is not None
    assert group.fnir_first is not None
    assert group.generalised_fnir is not None
    assert (group.fnir.k, group.fnir.n, group.fnir.same_session) == (1, 62, 62)
    assert (group.fnir_first.k, group.fnir_first.n) == (2, 62)
    assert (group.generalised_fnir.k, group.generalised_fnir.n) == (2, 63)


def test_v5_misses_by_rank_and_threshold() -> None:
    mated = [(900, 300), (500, 500), (600, 700), (490, 300)]  # mate, best non-mate
    cohort = [
        Somebody(f"v{n}", (("gender", "f"),), tuple(Sample(f"v{n}{i}", 1000 * best, 1000 * mate) for i in (1, 2)))
        for n, (mate, best) in enumerate(mated)
    ]
    expected = {450: (0, 2), 500: (1, 3), 600: (2, 3), 501: (2, 3)}
    for tau, counts in expected.items():
        everyone = report_of(cohort, tau=1000 * tau).everyone
        assert everyone.fnir is not None
        assert everyone.fnir_first is not None
        assert (everyone.fnir.k, everyone.fnir_first.k) == counts


def test_later_attempts_are_harder() -> None:
    assert delta_at(0.05, 1) == 0.05
    assert delta_at(0.05, 2) == pytest.approx(6 * 0.05 / (4 * pi**2), rel=1e-9)
    assert 0.05 + sum(delta_at(0.05, j) for j in range(2, 5000)) < 1.4 * 0.05
    assert report_of(two_groups(), attempt=1).verdict.status is Status.CERTIFIED
    second = report_of(two_groups(), attempt=2)
    assert second.verdict.status is Status.INSUFFICIENT
    assert row(second, gender="f").fpir.more_people_needed == 111 - 60
    with pytest.raises(BadInput):
        report_of(two_groups(), attempt=0)


def test_alpha_above_the_pilot_limit_is_refused() -> None:
    with pytest.raises(Refused):
        report_of(two_groups(), alpha=0.051)


@pytest.mark.parametrize("cohort", [[], people([LOW], "one", 900_000, gender="f")])
def test_nobody_or_one_person_is_insufficient(cohort: list[Somebody]) -> None:
    report = report_of(cohort)
    assert report.verdict.status is Status.INSUFFICIENT
    assert parse_report(report.canonical()) == report


def test_identical_scores_are_counted_not_split() -> None:
    report = report_of(people([LOW] * 60, "w", gender="f"), tau=LOW)
    assert row(report, gender="f").fpir.k == 60
    assert report.verdict.status is Status.REFUTED
    assert report_of(people([LOW] * 60, "w", gender="f")).threshold.tau == LOW + 100


def test_the_report_is_canonical_and_refuses_what_is_not_a_number() -> None:
    report = report_of(two_groups(mates=900_000))
    body = report.canonical()
    assert parse_report(body) == report
    assert parse_report(body).canonical() == body
    with pytest.raises(IntegrityError):
        parse_report(b"{ " + body[1:])
    with pytest.raises(IntegrityError):
        parse_report(b'{"extra":1,' + body[1:])
    not_a_number = replace(report, attempt=replace(report.attempt, delta_j=float("nan")))
    with pytest.raises(ValueError, match="not JSON compliant"):
        not_a_number.canonical()


labels = st.sampled_from(["f", "m"])
scores = st.integers(0, 999_999)
persons = st.lists(st.tuples(labels, scores, st.integers(1, 3)), min_size=1, max_size=40)


def cohort_of(drawn: list[tuple[str, int, int]]) -> list[Somebody]:
    return [
        Somebody(f"s{n}", (("gender", label),), tuple(Sample(f"s{n}-{i}", score, 1000 * n) for i in range(items)))
        for n, (label, score, items) in enumerate(drawn)
    ]


quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(persons, st.randoms(use_true_random=False))
def test_permuting_rows_changes_nothing(drawn: list[tuple[str, int, int]], random: "st.random.Random") -> None:
    cohort = cohort_of(drawn)
    turned = [replace(person, samples=tuple(reversed(person.samples))) for person in cohort]
    random.shuffle(turned)
    assert report_of(turned, alpha=0.05, tau=500_000).canonical() == report_of(cohort, tau=500_000).canonical()


@quick
@given(persons)
def test_relabelling_groups_permutes_the_report(drawn: list[tuple[str, int, int]]) -> None:
    swap = {"f": "m", "m": "f"}
    one = report_of(cohort_of(drawn), tau=500_000)
    other = report_of(cohort_of([(swap[label], score, items) for label, score, items in drawn]), tau=500_000)
    assert one.verdict.status is other.verdict.status
    for group in one.groups:
        twin = row(other, **{column: swap[label] for column, label in group.key.items()})
        assert replace(twin, key=group.key) == group


@quick
@given(persons)
def test_the_same_picture_again_changes_nothing(drawn: list[tuple[str, int, int]]) -> None:
    cohort = cohort_of(drawn)
    doubled = [replace(person, samples=person.samples * 2) for person in cohort]
    assert report_of(doubled).canonical() == report_of(cohort).canonical()


@quick
@given(persons)
def test_more_pictures_of_a_person_never_count_as_more_people(drawn: list[tuple[str, int, int]]) -> None:
    more = [(label, score, items + 2) for label, score, items in drawn]
    # every picture of a person scores the same here, so that only their number differs
    for few, many in zip(report_of(cohort_of(drawn)).groups, report_of(cohort_of(more)).groups, strict=True):
        assert many.fpir == few.fpir


@quick
@given(persons, st.integers(0, 9_999), st.integers(0, 9_999))
def test_raising_the_threshold_never_raises_a_rate(drawn: list[tuple[str, int, int]], one: int, other: int) -> None:
    low, high = sorted((100 * one, 100 * other))
    lenient, strict = (report_of(cohort_of(drawn), tau=tau) for tau in (low, high))
    for first, second in zip(lenient.groups, strict.groups, strict=True):
        assert first.fpir.k is not None
        assert second.fpir.k is not None
        assert second.fpir.k <= first.fpir.k


def test_certificates_are_wrong_at_most_as_often_as_promised() -> None:
    """Known truth: maxima uniform on [0, 1) for one group and half as high for the other, so FPIR(tau) = 1 - tau."""
    from matcher.calibration.groups import Cell, CellEvidence
    from matcher.calibration.verdict import Gate, rule

    random = np.random.default_rng(20_240_501)
    gate = Gate(alpha=0.05, delta=0.05, attempt=1, searches_per_day=1, tau=None)
    wrong = certified = 0
    for _ in range(600):
        drawn = {"f": random.integers(0, 1_000_000, 59), "m": random.integers(0, 500_000, 93)}
        cells = [
            CellEvidence(Cell((("g", g),), Level.GROUP), d.size, tuple(sorted(d.tolist()))) for g, d in drawn.items()
        ]
        ruling = rule(cells, gate)
        assert ruling.tau is not None
        certified += ruling.status is Status.CERTIFIED
        wrong += 1 - ruling.tau / 1_000_000 > gate.alpha
    assert certified == 600
    # delta_1 is 5 %: 30 expected of 600 at most, 46 is three standard deviations more; far fewer would be a dead test
    assert 10 <= wrong <= 46


# --- beside the gate --------------------------------------------------------------------------------------------------


def templates(report_people: int, alike: int) -> tuple[np.ndarray, np.ndarray]:
    """Two templates a person; the first `alike` people share one direction, so that they are taken for each other."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((report_people, 64)).astype(np.float32)
    rows[:alike] = rows[0] + 0.05 * rows[:alike]
    return normalise(np.repeat(rows, 2, axis=0)), np.repeat(np.arange(report_people, dtype=np.int32), 2)


def test_without_a_threshold_what_needs_one_is_null_and_says_why() -> None:
    report = report_of(people([1] * 30, gender="f"), alpha=0.001)
    assert report.threshold.tau is None
    assert {report.comparisons, report.selectivity, report.differentials, report.ratios, report.group_tests} == {None}
    assert report.not_computed["threshold"] == "no group has enough people to select one"
    assert {why for name, why in report.not_computed.items() if name != "threshold"} == {"no threshold"}
    assert {group.fpir_reason for group in report.groups if group.fpir.n} == {"no threshold"}
    assert report.burden_shares.reason == "FPIR is unknown: no completed search or no threshold"


def test_comparisons_and_work_are_counted_at_the_threshold() -> None:
    rows, owner = templates(120, 4)
    searched: list[int] = []

    def candidates(tau: int) -> np.ndarray:
        searched.append(tau)
        return np.array([2] * 3 + [0] * 117)

    cohort = people([200_000] * 60, "a", 900_000, gender="f") + people([200_000] * 60, "b", 900_000, gender="m")
    report = report_of(cohort, templates=CohortTemplates(rows, owner, candidates))
    assert searched == [report.threshold.tau]
    assert report.selectivity is not None
    assert (report.selectivity.k, report.selectivity.n, report.selectivity.subjects) == (6, 120, 100)
    assert report.comparisons is not None
    among = {rate.labels: (rate.k, rate.n) for rate in report.comparisons.fmr if rate.column == "gender"}
    # identical templates of one person are one: 60 people, 4 of whom are alike
    first = np.ascontiguousarray(rows[:8:2])
    expected = kernels.canonical_scores(first, first)
    alike = int((np.triu(expected, 1) >= report.threshold.tau).sum())
    assert among["f", "f"][1] == 60 * 59 // 2
    assert among["f", "f"][0] >= alike == 6
    assert recounted(report.canonical()) == report


def test_a_threshold_that_everybody_passes_lists_no_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_threshold, "MOST_PAIRS", 10)
    rows, owner = templates(120, 4)
    cohort = two_groups()
    given = CohortTemplates(rows, owner, lambda tau: np.zeros(120, int))
    report = report_of(cohort, tau=-900_000, templates=given)
    assert report.comparisons is None
    assert "tells nobody apart" in report.not_computed["comparisons"]
