"""False alarms of every cell with their intervals, against the limit."""

from collections.abc import Sequence

from matcher.calibration.report import GroupReport, Report
from matcher.report.document import Figure, Table
from matcher.report.svg import Drawing, Scale
from matcher.report.wording import share, share_up

LEAST = 1e-5
ROW = 24
LEFT, RIGHT, TOP = 260, 700, 30


def forest(report: Report, groups: Sequence[GroupReport]) -> Figure:
    """FPIR on a logarithmic axis, two-sided 95 % Clopper-Pearson whiskers, a heavy line at alpha."""
    tested = [group for group in groups if group.fpir.rate is not None]
    bottom = TOP + ROW * max(1, len(tested))
    drawing = Drawing(720, bottom + 50)
    scale = Scale(LEAST, 1.0, LEFT, RIGHT, logarithmic=True)
    drawing.horizontal_axis(scale, bottom, "false alarms a search (FPIR, logarithmic)", TOP - 10)
    drawing.line((scale(report.verdict.alpha), bottom), (scale(report.verdict.alpha), TOP - 10), "limit")
    drawing.words((scale(report.verdict.alpha), TOP - 14), f"limit {100 * report.verdict.alpha:g} %", "middle")
    for place, group in enumerate(tested):
        _row(drawing, scale, TOP + ROW * (place + 0.5), group)
    return Figure(
        drawing.finished(
            "forest", "False alarms of every tested cell", f"{len(tested)} cells; the table below holds every number"
        ),
        "Whiskers: exact 95 % interval. Hollow: no false alarm was seen. A cell is certified where its one-sided upper "
        "bound lies left of the heavy line.",
        _table(groups),
    )


def _row(drawing: Drawing, scale: Scale, y: float, group: GroupReport) -> None:
    drawing.words((LEFT - 10, y + 4), _shortened(group.cell.label), "end")
    if group.fpir.cp95 is None or group.fpir.rate is None:
        return
    low, high = (scale(max(bound, LEAST)) for bound in group.fpir.cp95)
    drawing.line((low, y), (high, y), "whisker")
    for end in (low, high):
        drawing.line((end, y - 4), (end, y + 4), "whisker")
    drawing.mark((scale(max(group.fpir.rate, LEAST)), y), "circle", "mark" if group.fpir.k else "hollow")


def _table(groups: Sequence[GroupReport]) -> Table:
    rows = tuple(
        (
            group.cell.label,
            f"{group.fpir.n:,}",
            "-" if group.fpir.k is None else f"{group.fpir.k:,}",
            share(group.fpir.rate) if group.fpir_reason is None else f"undefined: {group.fpir_reason}",
            "-" if group.fpir.cp95 is None else " to ".join(share(bound) for bound in group.fpir.cp95),
            share_up(group.fpir.upper95),
            group.fpir.status.value,
        )
        for group in groups
    )
    heads = ("cell", "searches n", "false alarms k", "FPIR", "exact 95 %", "upper 95 %", "status")
    return Table("False alarms", heads, rows, frozenset({0, 6}))


def _shortened(label: str) -> str:
    return label if len(label) <= 38 else label[:37] + "\N{HORIZONTAL ELLIPSIS}"
