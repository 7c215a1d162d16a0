"""What other thresholds would give: misses against false alarms (1:N DET), and false alarms by threshold."""

from collections.abc import Sequence
from typing import TypeVar

from matcher.calibration.calibrate import missed
from matcher.calibration.groups import Level
from matcher.calibration.intervals import two_sided, upper_bound
from matcher.calibration.report import GroupReport, Report
from matcher.calibration.threshold import false_alarms
from matcher.domain.template import MILLION, Millionths, score_text
from matcher.report.document import Figure, Table
from matcher.report.svg import DASHES, MARKS, Drawing, Scale
from matcher.report.wording import share, share_up

LEFT, RIGHT, TOP, BOTTOM = 60, 480, 30, 330
LEGEND = 500
Step = TypeVar("Step")
POINTS = 60  # of a curve
TOLD = 6  # thresholds in a table
MOST = 8  # groups in one drawing; the others are in the tables


def det(report: Report, groups: Sequence[GroupReport]) -> Figure | None:
    """FNIR against FPIR of every group with both, bands of exact 95 % intervals of FNIR, a mark at the threshold."""
    both = [g for g in groups if report.mated_scores[g.cell.name] and report.non_mated_maxima[g.cell.name]]
    drawn = _chosen(report, both)
    if not drawn:
        return None
    drawing = Drawing(720, BOTTOM + 50)
    least = min(0.5 / len(report.non_mated_maxima[group.cell.name]) for group in drawn)
    across = Scale(10.0 ** _power_below(least), 1.0, LEFT, RIGHT, logarithmic=True)
    up = Scale(0.0, _highest(report, drawn), BOTTOM, TOP)
    drawing.horizontal_axis(across, BOTTOM, "false alarms a search (FPIR, logarithmic)", TOP)
    drawing.vertical_axis(up, LEFT, "misses (FNIR)", RIGHT)
    rows: list[tuple[str, ...]] = []
    for place, group in enumerate(drawn):
        maxima, mates = report.non_mated_maxima[group.cell.name], report.mated_scores[group.cell.name]
        curve = [(tau, false_alarms(maxima, tau), missed(mates, tau)) for tau in _thresholds(maxima, mates)]
        at = [(across(max(k / len(maxima), across.low)), misses) for _, k, misses in curve]
        bounds = {misses: two_sided(misses, len(mates)) for _, misses in at}
        drawing.area([(x, up(bounds[m][1])) for x, m in at], [(x, up(bounds[m][0])) for x, m in at])
        drawing.path([(x, up(m / len(mates))) for x, m in at], "main", DASHES[place])
        _operating_point(drawing, report, (across, up), (place, maxima, mates))
        _legend(drawing, place, group.cell.label)
        told = _some(curve)
        rows += [(group.cell.label, score_text(tau), f"{k}/{len(maxima)}", f"{m}/{len(mates)}") for tau, k, m in told]
    return Figure(
        drawing.finished("det", "Misses against false alarms", f"{len(drawn)} groups, one line each"),
        "Each line is one group at every threshold; grey: exact 95 % interval of misses; the mark is the threshold.",
        Table("Misses against false alarms", ("group", "threshold", "false alarms", "misses"), tuple(rows)),
    )


def by_threshold(report: Report, groups: Sequence[GroupReport]) -> Figure | None:
    """FPIR and its upper bound by threshold in every gating cell, and where alpha and the threshold lie."""
    tested = [group for group in groups if group.gating and report.non_mated_maxima[group.cell.name]]
    drawn = _chosen(report, tested)
    if not drawn:
        return None
    drawing = Drawing(720, BOTTOM + 50)
    maxima = [report.non_mated_maxima[group.cell.name] for group in drawn]
    low, high = min(scores[len(scores) // 2] for scores in maxima), max(scores[-1] for scores in maxima)
    tau, alpha = report.threshold.tau, report.verdict.alpha
    across = Scale(low / MILLION, max(high, low, tau or 0) / MILLION + 0.02, LEFT, RIGHT)
    up = Scale(10.0 ** _power_below(0.5 / max(map(len, maxima))), 1.0, BOTTOM, TOP, logarithmic=True)
    drawing.horizontal_axis(across, BOTTOM, "threshold", TOP)
    drawing.vertical_axis(up, LEFT, "false alarms a search (FPIR, logarithmic)", RIGHT)
    drawing.line((LEFT, up(alpha)), (RIGHT, up(alpha)), "limit")
    if tau is not None:
        drawing.line((across(tau / MILLION), BOTTOM), (across(tau / MILLION), TOP), "limit")
    rows: list[tuple[str, ...]] = []
    for place, (group, scores) in enumerate(zip(drawn, maxima, strict=True)):
        above = _quantiles([score for score in scores if score >= low])
        steps = above if tau is None else sorted({*above, tau})
        counts = [(score, false_alarms(scores, score)) for score in steps]
        n = len(scores)
        drawing.path([(across(s / MILLION), up(max(k / n, up.low))) for s, k in counts], "main", DASHES[place])
        drawing.path([(across(s / MILLION), up(upper_bound(k, n))) for s, k in counts], "bound", DASHES[place])
        _legend(drawing, place, group.cell.label)
        rows += [
            (group.cell.label, score_text(s), f"{k}/{n}", share(k / n), share_up(upper_bound(k, n)))
            for s, k in _some(counts)
        ]
    return Figure(
        drawing.finished("by-threshold", "False alarms by threshold", f"{len(drawn)} gating cells, two lines each"),
        "Black: what was counted; grey, above it: its 95 % bound. Heavy: the limit and the threshold.",
        Table("False alarms by threshold", ("cell", "threshold", "k/n", "FPIR", "upper 95 %"), tuple(rows)),
    )


def _highest(report: Report, groups: Sequence[GroupReport]) -> float:
    """The top of the axis of misses: what is of interest lies near the threshold."""
    tau = report.threshold.tau
    if tau is None:
        return 1.0
    mates = (report.mated_scores[group.cell.name] for group in groups)
    return min(1.0, max(0.05, *(1.5 * two_sided(missed(scores, tau), len(scores))[1] for scores in mates)))


def _chosen(report: Report, groups: Sequence[GroupReport]) -> list[GroupReport]:
    """Everyone, the group that set the threshold, and single groups: more lines than that cannot be told apart."""
    binding = report.verdict.binding_group
    told = [g for g in groups if g.level in (Level.ALL, Level.GROUP) or g.key == binding]
    return sorted(told, key=lambda group: group.key != binding)[:MOST]


def _operating_point(
    drawing: Drawing,
    report: Report,
    scales: tuple[Scale, Scale],
    group: tuple[int, Sequence[Millionths], Sequence[Millionths]],
) -> None:
    (across, up), (place, maxima, mates), tau = scales, group, report.threshold.tau
    if tau is None:
        return
    x = across(max(false_alarms(maxima, tau) / len(maxima), across.low))
    drawing.mark((x, up(missed(mates, tau) / len(mates))), MARKS[place % len(MARKS)])


def _legend(drawing: Drawing, place: int, label: str) -> None:
    y = TOP + 10 + 20 * place
    drawing.line((LEGEND, y), (LEGEND + 36, y), "main", DASHES[place])
    drawing.words((LEGEND + 44, y + 4), label if len(label) <= 26 else label[:25] + "\N{HORIZONTAL ELLIPSIS}")


def _thresholds(maxima: Sequence[Millionths], mates: Sequence[Millionths]) -> list[Millionths]:
    """Scores at which something changes, few enough to draw, ascending."""
    return sorted({*_quantiles(maxima), *_quantiles(mates), maxima[-1] + 1})


def _some(steps: list[Step]) -> list[Step]:
    """At most `TOLD` of them for a table, the first and the last always."""
    last = len(steps) - 1
    return steps if last < TOLD else [steps[i * last // (TOLD - 1)] for i in range(TOLD)]


def _quantiles(scores: Sequence[Millionths]) -> list[Millionths]:
    """At most `POINTS` of the sorted scores, the highest always."""
    if len(scores) <= POINTS:
        return sorted(set(scores))
    return sorted({scores[i * (len(scores) - 1) // (POINTS - 1)] for i in range(POINTS)})


def _power_below(value: float) -> int:
    power = 0
    while 10.0**power > value:
        power -= 1
    return power
