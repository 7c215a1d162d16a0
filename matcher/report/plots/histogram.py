"""Where scores lie: people who are not on the list against the list's best, and mates against each other."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from matcher.calibration.groups import EVERYONE
from matcher.calibration.report import Report
from matcher.domain.template import MILLION, Millionths, score_text
from matcher.report.document import Figure, Table
from matcher.report.svg import Drawing, Scale

BIN = 25_000  # millionths
LEFT, RIGHT, TOP, BOTTOM = 60, 700, 30, 300


def histogram(report: Report) -> Figure | None:
    """Shares of non-mated maxima (grey bars) and of mated scores (outline) by score, and the threshold."""
    maxima, mates = report.non_mated_maxima[EVERYONE], report.mated_scores[EVERYONE]
    if not maxima:
        return None
    low = min(maxima[0], mates[0] if mates else maxima[0]) // BIN * BIN
    high = max(maxima[-1], mates[-1] if mates else maxima[-1]) // BIN * BIN + BIN
    edges = list(range(low, high + 1, BIN))
    non_mated, mated = _shares(maxima, edges), _shares(mates, edges)
    across = Scale(low / MILLION, high / MILLION, LEFT, RIGHT)
    up = Scale(0.0, max([*non_mated, *mated]), BOTTOM, TOP)
    drawing = Drawing(720, BOTTOM + 50)
    drawing.horizontal_axis(across, BOTTOM, "comparison score", TOP)
    drawing.vertical_axis(up, LEFT, "share of searches", RIGHT)
    outline: list[tuple[float, float]] = []
    for (left, right), grey, line in zip(pairwise(edges), non_mated, mated, strict=True):
        x, width = across(left / MILLION), across(right / MILLION) - across(left / MILLION)
        drawing.box((x, up(grey)), (width, BOTTOM - up(grey)), "bar")
        outline += [(x, up(line)), (x + width, up(line))]
    drawing.path(outline if mates else [], "outline")
    if report.threshold.tau is not None:
        x = across(report.threshold.tau / MILLION)
        drawing.line((x, BOTTOM), (x, TOP), "limit")
    rows = tuple(
        (f"{score_text(left)} to {score_text(right)}", f"{100 * grey:.2f} %", f"{100 * line:.2f} %" if mates else "-")
        for (left, right), grey, line in zip(pairwise(edges), non_mated, mated, strict=True)
    )
    caption = f"Grey: {len(maxima):,} people who are not on the list, best score each. "
    caption += f"Outline: {len(mates):,} mated searches. " if mates else "No mated searches. "
    return Figure(
        drawing.finished("histogram", "Where scores lie", "Two distributions and the threshold"),
        caption + "Heavy line: the threshold.",
        Table("Where scores lie", ("score", "not on the list", "mates"), rows),
    )


def _shares(scores: Sequence[Millionths], edges: Sequence[Millionths]) -> list[float]:
    places = [bisect_left(scores, edge) for edge in edges]
    return [(right - left) / len(scores) if scores else 0.0 for left, right in pairwise(places)]
