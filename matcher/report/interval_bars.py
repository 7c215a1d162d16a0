"""Rates of all cells as bars of text: what was seen, its interval and the limit, on one axis.

1. `●` is the rate seen, `├─┤` its two-sided exact interval, `║` the limit, `┼` the one-sided 95 % bound that is held
   to it ("up to" of the table); without a limit it is left out.
2. The axis is logarithmic where rates, upper ends and limit span a factor of ten or more, else linear from 0.
3. A logarithmic axis has no place for 0: there `○` at its left end says that none was seen, and `◄` that the interval
   goes on below the axis, as that of a single event may.
4. A larger value is never left of a smaller one. The limit is seen wherever it crosses an interval, `╫`, and where it
   falls into the column of the rate, `╬`; which side of it a bound is on there is the table's to say.
5. What is undefined is said in words with its reason and has no bar.
6. Colour carries nothing. The characters are of WGL4, which terminals without pictures have too.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from matcher.calibration.intervals import Estimate
from matcher.calibration.report import GroupReport, Report
from matcher.report.console import folded, line_of, width_of
from matcher.report.counts import outwards
from matcher.report.svg import Scale
from matcher.report.wording import counted
from matcher.review.safe_text import safe_display

SEEN, NONE_SEEN, BOUND = "●", "○", "┼"
LEFT_END, LINE, RIGHT_END, BELOW = "├", "─", "┤", "◄"
LIMIT, CROSSED, ON_LIMIT = "║", "╫", "╬"
TICK = "┬"
DECADE = 10.0
LEAST_BAR, MOST_BAR, LEAST_LABEL = 30, 72, 12  # cells
_TOPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEGEND = f"{SEEN} seen, {NONE_SEEN} none seen, {LEFT_END}{LINE}{RIGHT_END} exact 95 % interval"
_HELD = f", {BOUND} upper bound, {LIMIT} limit"


@dataclass(frozen=True, slots=True)
class Axis:
    """Values along `cells` characters; what lies outside is drawn at the nearest end."""

    scale: Scale

    @property
    def cells(self) -> int:
        """How long a bar is."""
        return int(self.scale.end) + 1

    def place(self, value: float) -> int:
        """The column of a value, 0 .. cells - 1."""
        return round(self.scale(value))

    def cuts(self, value: float) -> bool:
        """Whether a value lies below a logarithmic axis."""
        return self.scale.logarithmic and value < self.scale.low

    def lines(self, limit: float | None) -> tuple[str, str]:
        """Labels, and below them the rule with its ticks and the limit."""
        rule, ticks = [LINE] * self.cells, self.scale.ticks()
        for value in ticks:
            rule[self.place(value)] = TICK
        if limit is not None:
            rule[self.place(limit)] = CROSSED
        labelled = (self._labels(ticks[::every]) for every in range(1, len(ticks) + 1))
        return next(labels for labels in labelled if labels is not None), "".join(rule)

    def _labels(self, ticks: Sequence[float]) -> str | None:
        """Labels above their ticks; None where two would touch."""
        labels = ""
        for value in ticks:
            label = f"{100 * value:g} %"
            start = min(max(0, self.place(value) - len(label) // 2), self.cells - len(label))
            if labels and start <= len(labels):
                return None
            labels = labels.ljust(start) + label
        return labels


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One cell; `rate` is None, or without a value, for the `reason`."""

    label: str
    rate: Estimate | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Rates that share an axis, and the limit they are held to; None where the policy has none."""

    title: str
    rows: tuple[ChartRow, ...]
    limit: float | None


def axis_for(rates: Iterable[Estimate], limit: float | None, cells: int) -> Axis:
    """The axis on which these rates, their upper ends and the limit have a place; `cells` > 1."""
    drawn = [(rate.rate, *rate.cp95) for rate in rates if rate.rate is not None and rate.cp95 is not None]
    held = [value for rate, _, upper in drawn for value in (rate, upper) if value]
    held += [] if limit is None else [limit]
    low, high = min(held, default=1.0), max(held, default=1.0)
    if high < DECADE * low:
        return Axis(Scale(0.0, _top(high), 0.0, cells - 1.0))
    # the interval of one event begins at a fortieth of its rate, of two at an eighth
    low = min([low, *(max(lower, rate / DECADE) for rate, lower, _ in drawn if rate)])
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return Axis(Scale(10.0**first, min(1.0, 10.0**last), 0.0, cells - 1.0, logarithmic=True))


def bar(rate: Estimate | None, axis: Axis, limit: float | None) -> str:
    """One row of `axis.cells` characters; only the limit where the rate is undefined."""
    row = [" "] * axis.cells
    if rate is not None and rate.rate is not None and rate.cp95 is not None and rate.upper95 is not None:
        low, high = (axis.place(bound) for bound in rate.cp95)
        row[low : high + 1] = LINE * (high - low + 1)
        row[low] = BELOW if axis.cuts(rate.cp95[0]) else LEFT_END
        row[high] = RIGHT_END
        if limit is not None:
            row[axis.place(rate.upper95)] = BOUND
        row[axis.place(rate.rate)] = SEEN if rate.k else NONE_SEEN
    if limit is not None:
        place = axis.place(limit)
        row[place] = {" ": LIMIT, SEEN: ON_LIMIT, NONE_SEEN: ON_LIMIT}.get(row[place], CROSSED)
    return "".join(row)


def false_alarm_chart(report: Report) -> Chart:
    """FPIR of every cell, against the policy's limit."""
    alpha = report.verdict.alpha
    rows = tuple(ChartRow(_named(group), group.fpir, group.fpir_reason) for group in report.groups)
    return Chart(f"false alarms (FPIR) and the limit, {100 * alpha:g} %", rows, alpha)


def miss_chart(report: Report) -> Chart:
    """FNIR of every cell; the policy has no limit for it."""
    rows = tuple(ChartRow(_named(group), group.fnir, group.fnir_reason) for group in report.groups)
    return Chart("misses (FNIR); the policy has no limit for them", rows, None)


def chart_lines(chart: Chart, width: int) -> tuple[str, ...]:
    """The chart in lines of at most `width` (>= 60) cells, labels folded and harmless."""
    defined = [row.rate for row in chart.rows if row.rate is not None and row.rate.rate is not None]
    if not defined and len({row.reason for row in chart.rows}) == 1:
        return tuple(folded(f"{chart.title}: undefined for every group ({chart.rows[0].reason})", width))
    beside = max((len(_numbers(rate)) for rate in defined), default=0)
    natural = max(width_of(row.label) for row in chart.rows)
    label = min(natural, max(LEAST_LABEL, width - beside - LEAST_BAR - 2))
    axis = axis_for(defined, chart.limit, min(MOST_BAR, width - label - beside - 2))
    kind = "logarithmic" if axis.scale.logarithmic else "linear"
    ruler = (f"{'':{label}} {line}".rstrip() for line in axis.lines(chart.limit))
    rows = (line for row in chart.rows for line in _row(row, (label, width), (axis, chart.limit)))
    legend = _LEGEND if chart.limit is None else _LEGEND + _HELD
    return (*folded(f"{chart.title}; {kind}", width), *folded(legend, width), *ruler, *rows)


def _row(row: ChartRow, widths: tuple[int, int], drawn: tuple[Axis, float | None]) -> Iterator[str]:
    (label, width), (axis, limit) = widths, drawn
    names = folded(safe_display(row.label), label)
    if row.rate is None or row.rate.rate is None:
        said = folded(f"undefined: {row.reason}", width - label - 1)
    else:
        below = bar(None, axis, limit)
        said = [f"{bar(row.rate, axis, limit)} {_numbers(row.rate)}", *[below] * (len(names) - 1)]
    for place in range(max(len(names), len(said))):
        yield f"{line_of(_at(names, place), label)} {_at(said, place)}".rstrip()


def _at(lines: Sequence[str], place: int) -> str:
    return lines[place] if place < len(lines) else ""


def _numbers(rate: Estimate) -> str:
    return f"{counted(rate)} {outwards(rate.cp95)}"


def _named(group: GroupReport) -> str:
    return f"{group.cell.label}{' *' if group.gating else ''}"


def _top(value: float) -> float:
    """A round number at or above the value, at most 1."""
    power = 10.0 ** math.floor(math.log10(value))
    return min(1.0, next((power * top for top in _TOPS if power * top >= value), DECADE * power))
