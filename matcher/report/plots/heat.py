"""False matches within and across the groups of a column: who resembles whom too much."""

from matcher.calibration.comparisons import ComparisonRates, MatchRate
from matcher.report.document import Figure, Table
from matcher.report.svg import Drawing
from matcher.report.wording import share, share_up

CELL, LEFT, TOP = 84, 170, 60
DARK = 0.55  # shades from here on carry white words


def heat(rates: ComparisonRates, column: str, place: int, hidden: frozenset[str]) -> Figure | None:
    """FMR of every pair of labels of a column, darker for more, with k/n in every cell; without `hidden` labels."""
    found = [rate for rate in rates.fmr if rate.column == column and not hidden & set(rate.labels)]
    labels = sorted({label for rate in found for label in rate.labels})
    if not labels:
        return None
    most = max((rate.rate for rate in found if rate.rate is not None), default=0.0)
    drawing = Drawing(LEFT + CELL * len(labels) + 20, TOP + CELL * len(labels) + 20)
    for number, label in enumerate(labels):
        drawing.words((LEFT + CELL * (number + 0.5), TOP - 10), _short(label), "middle")
        drawing.words((LEFT - 10, TOP + CELL * (number + 0.5) + 4), _short(label, 22), "end")
    for rate in found:
        one, other = sorted(labels.index(label) for label in rate.labels)
        _cell(drawing, (LEFT + CELL * one, TOP + CELL * other), rate, most)
    title = f"False matches within and across groups of {column}"
    return Figure(
        drawing.finished(f"heat-{place}", title, "Darker cells have more false matches; every cell says k/n"),
        "On the diagonal people of one group with each other, below it people of two groups. Darker: more.",
        Table(f"{title}, at the threshold", _HEADS, tuple(_row(rate) for rate in found), frozenset({0, 6})),
    )


_HEADS = ("groups", "k/n", "FMR", "plug-in 95 %", "bootstrap 95 %", "guaranteed upper 95 %", "why undefined")


def _row(rate: MatchRate) -> tuple[str, ...]:
    one, other = rate.labels
    return (
        f"among {one}" if one == other else f"{one} and {other}",
        f"{rate.k:,}/{rate.n:,}",
        share(rate.rate),
        _interval(rate.wilson95),
        _interval(rate.bootstrap95),
        share_up(rate.upper95),
        "; ".join(rate.reasons) or "-",
    )


def _cell(drawing: Drawing, corner: tuple[float, float], rate: MatchRate, most: float) -> None:
    x, y = corner
    shade = 0.0 if rate.rate is None or most == 0 else rate.rate / most
    drawing.box(corner, (CELL, CELL), "cell", shade)
    style = "pale" if shade > DARK else "words"
    drawing.words((x + CELL / 2, y + CELL / 2 - 4), share(rate.rate), "middle", style)
    drawing.words((x + CELL / 2, y + CELL / 2 + 14), f"{rate.k:,}/{rate.n:,}", "middle", style)


def _interval(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else " to ".join(share(bound) for bound in interval)


def _short(label: str, most: int = 12) -> str:
    return label if len(label) <= most else label[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
