import dataclasses
import json
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.confidence import (
    NOT_THE_BEST,
    FalseAlarmCurve,
    confidence_of,
    curve_of,
    posterior_of,
    strip_of,
)
from matcher.calibration.elub import Bounds
from matcher.calibration.likelihood import Caps, CellLine, Estimated, Likelihood, Method, Scale, people_cap
from matcher.calibration.proper_scores import Reliability
from matcher.calibration.report import Report
from matcher.calibration.verdict import expected_a_day
from matcher.domain.confidence import LikelihoodRatio, Prior
from matcher.errors import InsufficientEvidence
from tests.calibration.cohorts import people, report_of

# V15: n people of a group, k of whom scored 0.612 or more.
V15 = {"F-dark": (412, 2), "F-light": (655, 1), "M-dark": (731, 1), "M-light": (1020, 0)}
V15_UPPER = {
    "F-dark": 0.015201581931760777,
    "F-light": 0.007221875608795601,
    "M-dark": 0.006472960078242819,
    "M-light": 0.0029326836820812237,
}
V10 = {
    "A": (0.11, 0.22, 0.35, 0.35, 0.41, 0.52, 0.3, 0.28, 0.19),
    "B": (0.2, 0.44, 0.31, 0.29),
}
V10_UPPER = {
    0.35: {"A": 0.7486323725918227, "B": 0.7513953742698181},
    0.52: {"A": 0.42913554703143447, "B": 0.527129195498412},
    0.6: {"A": 0.28312883556311347, "B": 0.527129195498412},
}


def curve(*cells: tuple[int, int]) -> FalseAlarmCurve:
    return FalseAlarmCurve(tuple((*[100_000] * (n - k), *[700_000] * k) for n, k in cells))


def test_v15_the_worst_group_decides() -> None:
    line = curve(*V15.values()).at(612_000)
    assert line.upper == pytest.approx(0.015201581931760777, abs=1e-9)
    assert (line.k, line.n) == (2, 412)
    for name, counts in V15.items():
        assert curve(counts).at(612_000).upper == pytest.approx(V15_UPPER[name], abs=1e-9)


@pytest.mark.parametrize("score", sorted(V10_UPPER))
def test_v10_upper_bounds(score: float) -> None:
    cells = {name: tuple(sorted(round(1_000_000 * value) for value in maxima)) for name, maxima in V10.items()}
    at = round(1_000_000 * score)
    for name, upper in V10_UPPER[score].items():
        assert FalseAlarmCurve((cells[name],)).at(at).upper == pytest.approx(upper, abs=1e-9)
    assert FalseAlarmCurve(tuple(cells.values())).at(at).upper == pytest.approx(
        max(V10_UPPER[score].values()), abs=1e-9
    )


def test_the_line_in_words() -> None:
    assert curve((250, 0)).at(612_000).text == (
        "Of every 1,000 people not on this list, up to 12 would score this high "
        "(95 % bound; worst tested group: 0 of 250 did). 250 people cannot show less. "
        "This is not the chance that these two are the same person."
    )
    text = curve(*V15.values()).at(612_000).text
    assert "up to 16 would score this high (95 % bound; worst tested group: 2 of 412 did). This is not" in text
    assert "cannot show less" not in text


def test_the_line_names_no_group_and_no_certainty() -> None:
    report = report_of(people([200_000] * 60, "w", gender="female") + people([1] * 60, "m", gender="male"))
    text = curve_of(report).at(999_999).text
    assert "male" not in text
    assert "gender" not in text
    assert text.count("%") == text.count("95 % bound") == 1


def test_nobody_tested_is_insufficient() -> None:
    with pytest.raises(InsufficientEvidence):
        FalseAlarmCurve(((), ()))


cells = st.lists(st.lists(st.integers(-1_000_000, 1_000_000), min_size=1, max_size=30), min_size=1, max_size=4)


@given(cells, st.integers(-1_000_000, 1_000_000), st.integers(-1_000_000, 1_000_000))
def test_the_bound_never_rises_with_the_score(drawn: list[list[int]], one: int, other: int) -> None:
    tested = FalseAlarmCurve(tuple(tuple(sorted(cell)) for cell in drawn))
    low, high = sorted((one, other))
    assert tested.at(high).upper <= tested.at(low).upper


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 999_999), min_size=124, max_size=140))
def test_at_the_threshold_it_is_the_bound_of_the_report(drawn: list[int]) -> None:
    half = len(drawn) // 2
    report = report_of(people(drawn[:half], "w", gender="f") + people(drawn[half:], "m", gender="m"))
    assert report.threshold.tau is not None
    assert report.burden is not None
    line = curve_of(report).at(report.threshold.tau)
    assert (line.upper, line.k, line.n) == (report.burden.upper95, report.burden.k, report.burden.n)


def test_v16_expected_numbers_are_exact_for_the_printed_decimal() -> None:
    assert expected_a_day(7 / 25, 25) == 7
    assert ceil(25 * (7 / 25)) == 8  # the trap
    assert expected_a_day(0.1, 30) == Fraction(3)


def v15_report(raw: float = 2.936, elub: float = 3.4) -> Report:
    """A report whose ratio is `raw` (log10) at 0.612, with 412 people in its smallest cell."""
    report = report_of(people([200_000] * 60, "w", 700_000, gender="f"))
    line = CellLine("all", 2818, 2818, raw, 1.0, False, False, 0.1, (0.05, 0.15))
    ratio = Estimated(
        Method(1_000.0, 10, 2_000, 1),
        Scale(612_000, 100_000),
        (line,),
        Caps(Bounds(-1.5, elub), 412, people_cap(412)),
        tuple(dataclasses.replace(point, lower=-1.0, upper=elub) for point in fitted(report).points),
        0.1,
        Reliability((), 0.1, 0.0, 0.15, 0.25),
    )
    return dataclasses.replace(report, likelihood=Likelihood(None, ratio))


def fitted(report: Report) -> Estimated:
    assert report.likelihood.estimated is not None
    return report.likelihood.estimated


def test_v15_the_ratio_its_cap_and_the_break_even_prior() -> None:
    said = confidence_of(v15_report(), 612_000, 1, None)
    assert said.ratio is not None
    assert said.ratio.capped
    assert said.ratio.log10 == pytest.approx(2.615950051656401, abs=1e-9)
    assert 10**said.ratio.log10 == pytest.approx(413, rel=1e-9)
    assert said.break_even == pytest.approx(0.002415458937198067, abs=1e-9)
    assert said.posterior is None
    ratio, even, chance = said.details
    assert "about 413 times as frequent for a person on the list" in ratio
    assert ratio.endswith("Capped: 412 people cannot show more.")
    assert "1 in 414 such people" in even
    assert chance == "No prior is declared for this list, so no chance is given."


@pytest.mark.parametrize(
    ("prior", "chance", "words"),
    [
        (0.01, 0.806640625, "about 81 in 100"),
        (0.001, 0.2924929178470255, "about 29 in 100"),
        (0.0001, 0.03966577026507876, "about 40 in 1,000"),
    ],
)
def test_v15_the_chance_under_a_declared_prior(prior: float, chance: float, words: str) -> None:
    said = confidence_of(v15_report(), 612_000, 1, Prior(prior, "last year's log"))
    assert said.posterior is not None
    assert said.posterior.chance == pytest.approx(chance, abs=1e-9)
    assert words in said.details[2]
    assert f"({prior:g}; source: last year's log)" in said.details[2]
    assert said.break_even is not None  # always beside it


def test_what_caps_is_said() -> None:
    by_elub = confidence_of(v15_report(elub=2.0), 612_000, 1, None).details[0]
    assert "about 100 times" in by_elub
    assert by_elub.endswith("(ELUB).")
    free = confidence_of(v15_report(raw=1.0), 612_000, 1, None).details[0]
    assert free.endswith("(likelihood ratio of the worst tested group; 95 % interval 0.1 to 2,510).")
    lowest = confidence_of(v15_report(raw=-9.0), 612_000, 1, None)
    assert lowest.ratio is not None
    assert lowest.ratio.log10 == -1.5
    assert (
        "about 32 times as frequent for the best candidate of a person not on it as for a person on the list"
        in (lowest.details[0])
    )


def test_an_interval_that_is_capped_at_both_ends_is_no_interval() -> None:
    report = v15_report()
    ratio = fitted(report)
    top = tuple(dataclasses.replace(point, lower=people_cap(412), upper=people_cap(412)) for point in ratio.points)
    capped = dataclasses.replace(report, likelihood=Likelihood(None, dataclasses.replace(ratio, points=top)))
    said = confidence_of(capped, 612_000, 1, Prior(0.01, "log"))
    assert "interval" not in said.details[0]
    assert said.details[2].endswith("about 81 in 100 such candidates are the listed person.")


def test_only_the_best_candidate_has_a_ratio() -> None:
    said = confidence_of(v15_report(), 612_000, 2, Prior(0.01, "log"))
    assert (said.ratio, said.break_even, said.posterior) == (None, None, None)
    assert said.no_ratio == NOT_THE_BEST
    assert said.details == (f"No likelihood ratio: {NOT_THE_BEST}.",)


def test_without_a_ratio_the_reason_stands_there() -> None:
    report = report_of(people([200_000] * 60, "w", gender="female"))
    said = confidence_of(report, 300_000, 1, Prior(0.01, "log"))
    assert said.ratio is None
    assert said.no_ratio is not None
    assert "two usable pictures" in said.no_ratio
    assert said.line == curve_of(report).at(300_000)
    assert sum(said.strip.nonmated) == 60
    assert sum(said.strip.mated) == 0


def test_a_hidden_ratio_is_not_shown_but_its_reason_is() -> None:
    report = v15_report()
    hidden = dataclasses.replace(report.likelihood, hidden="it may be no better than knowing nothing")
    said = confidence_of(dataclasses.replace(report, likelihood=hidden), 612_000, 1, Prior(0.01, "log"))
    assert said.ratio is None
    assert said.posterior is None
    assert said.details == ("No likelihood ratio: it may be no better than knowing nothing.",)


def test_it_names_no_group_and_no_percentage_and_is_plain_json() -> None:
    report = report_of(people([200_000] * 60, "w", 700_000, gender="female") + people([1] * 60, "m", gender="male"))
    said = confidence_of(report, 690_000, 1, Prior(0.01, "log"))
    text = " ".join((said.line.text, *said.details))
    assert said.ratio is not None
    assert "male" not in text
    assert text.count("%") == text.count("95 % bound") + text.count("95 % interval")
    assert "male" not in json.dumps(dataclasses.asdict(said), allow_nan=False)


@given(st.floats(-3, 6), st.floats(-3, 6), st.floats(1e-6, 0.999))
def test_a_higher_ratio_never_has_a_lower_chance(one: float, other: float, prior: float) -> None:
    low, high = sorted((one, other))
    chances = [posterior_of(LikelihoodRatio(log10, low, high, False), Prior(prior, "log")) for log10 in (low, high)]
    assert chances[0].chance <= chances[1].chance
    assert chances[0].lower == chances[0].chance
    assert chances[1].upper == chances[1].chance


million = st.integers(-1_000_000, 1_000_000)


@given(million, st.lists(million, max_size=30), st.lists(million, min_size=1, max_size=30))
def test_the_strip_holds_everybody_and_this_score(score: int, mated: list[int], nonmated: list[int]) -> None:
    strip = strip_of(score, sorted(mated), sorted(nonmated))
    assert (sum(strip.mated), sum(strip.nonmated)) == (len(mated), len(nonmated))
    assert 0 <= strip.at < len(strip.mated) == len(strip.nonmated)
    alone = strip_of(score, [], sorted([*mated, *nonmated, score]))
    assert alone.nonmated[alone.at] >= 1
