"""Bars of text: everything where it belongs, nothing longer than its place, and no bar for what is undefined."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from matcher.calibration.intervals import Estimate, estimate
from matcher.report.interval_bars import (
    BELOW,
    BOUND,
    CROSSED,
    LEFT_END,
    LIMIT,
    LINE,
    NONE_SEEN,
    ON_LIMIT,
    RIGHT_END,
    SEEN,
    Axis,
    Chart,
    ChartRow,
    axis_for,
    bar,
    chart_lines,
    false_alarm_chart,
    miss_chart,
)
from tests.calibration.cohorts import people, report_of

LIMITS = st.sampled_from([1e-5, 0.001, 0.01, 0.02, 0.05])
ESTIMATES = st.integers(1, 7_000).flatmap(lambda n: st.integers(0, n).map(lambda k: estimate(k, n)))
CELLS = st.integers(10, 90)
INTERVAL = LINE + LEFT_END + RIGHT_END + BELOW + BOUND + CROSSED + SEEN + NONE_SEEN + ON_LIMIT


@given(st.lists(ESTIMATES, min_size=1, max_size=5), st.none() | LIMITS, CELLS)
def test_a_bar_is_as_long_as_its_axis_and_shows_rate_and_limit(
    rates: list[Estimate], limit: float | None, cells: int
) -> None:
    axis = axis_for(rates, limit, cells)
    for rate in rates:
        drawn = bar(rate, axis, limit)
        assert len(drawn) == axis.cells == cells
        assert rate.rate is not None
        place = axis.place(rate.rate)
        assert drawn[place] in (SEEN if rate.k else NONE_SEEN) + ON_LIMIT
        assert sum(drawn.count(mark) for mark in SEEN + NONE_SEEN + ON_LIMIT) == 1
        if limit is None:
            assert not set(drawn) & {LIMIT, CROSSED, ON_LIMIT, BOUND}
        else:
            assert drawn[axis.place(limit)] in LIMIT + CROSSED + ON_LIMIT
            assert drawn[axis.place(limit)] == ON_LIMIT or axis.place(limit) != place


@given(st.lists(ESTIMATES, min_size=1, max_size=5), LIMITS, CELLS)
def test_the_rate_lies_in_its_interval_and_the_interval_is_whole(
    rates: list[Estimate], limit: float, cells: int
) -> None:
    axis = axis_for(rates, limit, cells)
    for rate in rates:
        assert rate.cp95 is not None
        assert rate.rate is not None
        low, high = (axis.place(bound) for bound in rate.cp95)
        assert 0 <= low <= axis.place(rate.rate) <= high < cells
        drawn = bar(rate, axis, limit)
        assert set(drawn[low : high + 1]) <= set(INTERVAL)
        assert set(drawn[:low] + drawn[high + 1 :]) <= {" ", LIMIT}
        if axis.cuts(rate.cp95[0]):
            assert drawn[0] in BELOW + NONE_SEEN + SEEN + CROSSED + ON_LIMIT + BOUND


@given(st.lists(ESTIMATES, min_size=1, max_size=5), LIMITS, CELLS)
def test_what_is_drawn_apart_is_in_order(rates: list[Estimate], limit: float, cells: int) -> None:
    axis = axis_for(rates, limit, cells)
    held = sorted({limit, *(v for rate in rates for v in (rate.rate, rate.upper95, *(rate.cp95 or ())) if v)})
    places = [axis.place(value) for value in held]
    assert places == sorted(places)
    for value in (limit, *(rate.cp95[1] for rate in rates if rate.cp95)):
        assert axis.scale.low <= value <= axis.scale.high * (1 + 1e-12)
    labels, rule = axis.lines(limit)
    assert len(labels) <= cells == len(rule)
    assert rule[axis.place(limit)] == CROSSED


def test_the_axis_is_logarithmic_where_rates_span_a_factor_of_ten() -> None:
    few, many = estimate(0, 60), estimate(2, 6_000)
    assert not axis_for([few], 0.05, 40).scale.logarithmic
    assert axis_for([few, many], 0.05, 40).scale.logarithmic
    assert axis_for([few], 0.001, 40).scale.logarithmic
    axis = axis_for([estimate(0, 6_000)], 0.05, 41)
    assert axis.scale.low == pytest.approx(1e-4)
    assert axis.scale.high == pytest.approx(0.1)
    assert axis.place(0.01) == pytest.approx(2 / 3 * 40, abs=1)


def test_none_seen_is_not_a_rate_and_a_cut_interval_says_so() -> None:
    rates = [estimate(0, 600), estimate(1, 6_000), estimate(30, 600)]
    axis = axis_for(rates, 0.02, 50)
    drawn = [bar(rate, axis, 0.02) for rate in rates]
    assert drawn[0][0] == NONE_SEEN
    assert SEEN not in drawn[0]
    assert drawn[1][0] == BELOW
    assert SEEN in drawn[1]
    assert drawn[2].lstrip(" " + LIMIT)[0] == LEFT_END


def test_a_bound_that_is_certified_is_left_of_the_limit_and_a_refuted_rate_is_right_of_it() -> None:
    good, bad = estimate(0, 400), estimate(60, 400)
    axis = axis_for([good, bad], 0.05, 60)
    drawn = bar(good, axis, 0.05)
    assert drawn.index(BOUND) < drawn.index(LIMIT)
    drawn = bar(bad, axis, 0.05)
    assert drawn.index(LIMIT) < drawn.index(LEFT_END) < drawn.index(SEEN)
    assert bar(None, axis, 0.05).strip() == LIMIT
    assert bar(estimate(0, 0), axis, 0.05).strip() == LIMIT


@given(
    st.lists(st.tuples(st.text(max_size=90), ESTIMATES | st.none()), min_size=1, max_size=6),
    st.none() | LIMITS,
    st.integers(60, 200),
)
def test_a_chart_is_never_wider_than_the_terminal_and_undefined_has_words_and_no_bar(
    named: list[tuple[str, Estimate | None]], limit: float | None, width: int
) -> None:
    reason = "nobody has two samples with templates"
    rows = [ChartRow(label, rate, None if rate else f"{reason} {at}") for at, (label, rate) in enumerate(named)]
    lines = chart_lines(Chart("misses", tuple(rows), limit), width)
    assert max(cell_len(line) for line in lines) <= width
    assert not any(character in line for line in lines for character in "\x1b\n\u202e")
    undefined = sum(rate is None for _, rate in named)
    assert " ".join(" ".join(lines).split()).count("undefined") >= undefined
    points = sum(line.count(mark) for line in lines[2:] for mark in SEEN + NONE_SEEN + ON_LIMIT)
    assert points >= sum(rate is not None for _, rate in named)


def test_a_group_without_a_trial_says_why_and_its_name_is_whole() -> None:
    rows = (
        ChartRow("presentation feminine, skin_tone darker *", estimate(3, 250), None),
        ChartRow("site north", estimate(0, 0), "nobody here completed a search"),
    )
    lines = chart_lines(Chart("false alarms", rows, 0.05), 70)
    (north,) = [line for line in lines if line.startswith("site north")]
    assert north.split(maxsplit=2)[2] == "undefined: nobody here completed a search"
    assert not set(north) & set(LINE + SEEN + NONE_SEEN + BOUND)
    names = [line[:25].split("  ")[0].strip() for line in lines[4:] if not line.startswith("site")]
    assert " ".join(names).split() == ["presentation", "feminine,", "skin_tone", "darker", "*"]
    assert any(line.endswith("3/250 0.24-3.47 %") for line in lines)


def test_the_charts_of_a_report_are_of_its_cells() -> None:
    cohort = people([200_000] * 60, "w", 900_000, gender="f") + people([210_000] * 60, "m", gender="m")
    report = report_of(cohort)
    alarms, misses = false_alarm_chart(report), miss_chart(report)
    assert [row.label for row in alarms.rows] == ["everyone *", "gender f *", "gender m *"]
    assert (alarms.limit, misses.limit) == (0.05, None)
    assert [row.rate for row in alarms.rows] == [group.fpir for group in report.groups]
    text = "\n".join(chart_lines(misses, 75))
    assert "undefined: nobody here has two pictures" in " ".join(text.split())
    assert "the limit, 5 %" in chart_lines(alarms, 75)[0]


def test_without_a_threshold_nothing_is_drawn() -> None:
    report = report_of(people([200_000] * 30, "w", 900_000, gender="f"), alpha=0.001)
    assert " ".join(chart_lines(false_alarm_chart(report), 75)).endswith("undefined for every group (no threshold)")


def test_the_axis_of_equal_rates_and_of_nothing_has_a_length() -> None:
    for rates, limit in (([], None), ([estimate(5, 5)], None), ([], 0.05), ([estimate(1, 1)], 1e-6)):
        axis = axis_for(rates, limit, 30)
        assert math.isfinite(axis.scale.low)
        assert axis.scale.low < axis.scale.high
        assert isinstance(axis, Axis)
        assert len(axis.lines(limit)[1]) == 30


def test_a_label_is_harmless_and_of_a_few_lines_however_long_it_is() -> None:
    evil = "a\x1b[2J\u202e\nb " + 500 * "c"
    for rate, reason in ((estimate(1, 20), None), (None, f"{evil}: nobody")):
        lines = chart_lines(
            Chart("misses", (ChartRow(evil, rate, reason), ChartRow("b", estimate(1, 20), None)), 0.05), 60
        )
        assert not set("".join(lines)) & set("\x1b\u202e\n")
        assert sum(line.startswith("c") for line in lines) < 8
        assert max(cell_len(line) for line in lines) <= 60
