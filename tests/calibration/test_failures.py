"""Failures to acquire and to enrol by group: counted on people, with their reasons, and compared."""

from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.certified import recounted
from matcher.calibration.failures import warned
from matcher.calibration.report import GroupReport, Report
from matcher.domain.rejection import Reason
from matcher.report.failure_lines import because
from matcher.report.html import report_html
from tests.calibration.cohorts import Sample, Somebody, people, report_of

LOW = 200_000
REASONS = (Reason.NO_FACE, Reason.BLURRED, Reason.SEVERAL_FACES)


def row(report: Report, **key: str) -> GroupReport:
    return next(group for group in report.groups if group.key == key)


def somebody(name: str, *samples: Reason | None, gender: str) -> Somebody:
    """A person whose samples were rejected for these reasons; None is a usable one."""
    made = (
        Sample(f"{name}-{n}", LOW) if reason is None else Sample(f"{name}-{n}", None, reason=reason)
        for n, reason in enumerate(samples)
    )
    return Somebody(name, (("gender", gender),), tuple(made))


def test_a_person_with_one_good_picture_is_enrolled() -> None:
    cohort = people([LOW] * 60, "m", gender="m") + people([LOW] * 60, "w", gender="f")
    cohort += [somebody(f"a{n}", Reason.BLURRED, None, gender="f") for n in range(20)]
    cohort += [somebody(f"b{n}", Reason.BLURRED, Reason.NO_FACE, gender="f") for n in range(3)]
    found = row(report_of(cohort), gender="f")
    assert (found.fte.k, found.fte.n, found.fte_reasons) == (3, 83, {"blurred": 3, "no face": 3})
    assert found.fta.k is not None
    assert 3 < found.fta.k < 23  # the probe is drawn before quality is known
    assert sum(found.fta_reasons.values()) == found.fta.k


def test_a_group_that_is_lost_more_often_is_warned_of() -> None:
    cohort = people([LOW] * 60, "m", gender="m") + people([LOW] * 60, "w", gender="f")
    assert warned(report_of(cohort).failure_tests) == ()
    report = report_of(cohort + [somebody(f"x{n}", Reason.NO_FACE, gender="f") for n in range(20)], alpha=0.001)
    assert report.threshold.tau is None  # it needs none
    assert warned(report.failure_tests) == (
        "Group gender f is without a usable probe more often than the others: 20 of 80 against 0 of 60 "
        "(Fisher's exact test, p < 0.001; adjusted by Holm for 2 comparisons, p < 0.001).",
        "Group gender f is without any usable picture more often than the others: 20 of 80 against 0 of 60 "
        "(Fisher's exact test, p < 0.001; adjusted by Holm for 2 comparisons, p < 0.001).",
    )
    page = report_html(report)
    assert "Warning: group gender f is without a usable probe more often than the others: 20 of 80" in page
    assert '<td class="w">no face 20</td>' in page


def test_a_public_copy_tells_no_failures_of_a_hidden_column() -> None:
    cohort = people([LOW] * 60, "m", gender="m") + people([LOW] * 3, "w", gender="f")
    cohort += [somebody(f"x{n}", Reason.NO_FACE, gender="f") for n in range(5)]
    report = report_of(cohort)
    assert "group gender f is without" in report_html(report)
    public = report_html(report, public=True)
    assert "gender f" not in public
    assert "no face 5</td>" in public  # everyone's row


def test_the_most_frequent_reason_comes_first() -> None:
    assert because({}) == "-"
    assert because({"blurred": 2, "no face": 1_203, "no template": 2}) == "no face 1,203, blurred 2, no template 2"


_PERSON = st.tuples(
    st.sampled_from(["f", "m", ""]), st.lists(st.sampled_from([None, *REASONS]), min_size=1, max_size=3)
)


@given(st.lists(_PERSON, min_size=1, max_size=12))
def test_whatever_fails_it_counts_again(drawn: list[tuple[str, list[Reason | None]]]) -> None:
    cohort = [somebody(f"p{n}", *reasons, gender=label) for n, (label, reasons) in enumerate(drawn)]
    report = report_of(cohort, tau=300_000)
    assert recounted(report.canonical()) == report
    nowhere = [set(reasons) for _, reasons in drawn if None not in reasons]
    everyone = report.everyone
    assert (everyone.fte.k, everyone.fte.n) == (len(nowhere), len(drawn))
    assert everyone.fte_reasons == {
        str(one): count for one in sorted(REASONS) if (count := sum(one in reasons for reasons in nowhere))
    }
    assert (everyone.fta.k or 0) >= (everyone.fte.k or 0)
