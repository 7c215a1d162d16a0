"""Measures of unequal error rates beside what chance alone would show."""

from matcher.calibration.differentials import Differentials, Measure
from matcher.report.document import Figure, Table
from matcher.report.svg import Drawing, Scale
from matcher.report.wording import measured

LEFT, RIGHT, TOP, ROW = 230, 700, 30, 22


def differential(found: Differentials, place: int) -> Figure:
    """Each defined measure as a multiple of its permutation median, a whisker to the 95 % limit."""
    drawn = [one for one in found.measures if _relative(one) is not None]
    bottom = TOP + ROW * max(1, len(drawn))
    drawing = Drawing(720, bottom + 50)
    across = Scale(0.0, max([1.5, *(end for one in drawn for end in _relative(one) or ())]) * 1.05, LEFT, RIGHT)
    drawing.horizontal_axis(across, bottom, "multiple of the median under permuted labels", TOP - 8)
    for number, one in enumerate(drawn):
        y = TOP + ROW * (number + 0.5)
        value, limit = _relative(one) or (0.0, 0.0)
        drawing.words((LEFT - 10, y + 4), f"{one.statistic} of {one.rates}", "end")
        drawing.line((across(1.0), y), (across(limit), y), "whisker")
        drawing.line((across(limit), y - 5), (across(limit), y + 5), "whisker")
        drawing.mark((across(value), y), "circle", "mark" if value > limit else "hollow")
    title = f"Differentials of {found.column}"
    return Figure(
        drawing.finished(f"differential-{place}", title, f"{len(drawn)} measures, each beside its permutation null"),
        "1 is the median when labels are shuffled among people; the whisker ends at the 95 % limit. Filled: beyond it.",
        Table(
            f"{title}: never a gate",
            ("measure", "value", "null median", "null 95 % limit", "p", "undefined permutations", "why undefined"),
            tuple(_row(one) for one in found.measures),
            frozenset({0, 6}),
        ),
    )


def _relative(one: Measure) -> tuple[float, float] | None:
    """Value and limit over the median; FDR turned round, so that more is more unequal."""
    null = one.null
    if one.value is None or null is None or null.median is None or null.limit95 is None:
        return None
    value, median, limit = one.value, null.median, null.limit95
    if one.statistic == "FDR":
        value, median, limit = 1 - value, 1 - median, 1 - limit
    return (value / median, limit / median) if median > 0 else None


def _row(one: Measure) -> tuple[str, ...]:
    null = one.null
    return (
        f"{one.statistic} of {one.rates}",
        measured(one.value),
        "-" if null is None else measured(null.median),
        "-" if null is None else measured(null.limit95),
        "-" if null is None else measured(null.p),
        "-" if null is None else f"{null.undefined:,} of {null.permutations:,}",
        one.reason or "-",
    )
