from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration.confidence import FalseAlarmCurve, curve_of
from matcher.calibration.verdict import expected_a_day
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
