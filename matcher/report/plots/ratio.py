"""The likelihood ratio of a score, and whether its answers can be trusted (reliability)."""

from matcher.calibration.likelihood import Estimated
from matcher.domain.template import MILLION, score_text
from matcher.report.document import Figure, Table
from matcher.report.svg import Drawing, Scale
from matcher.report.wording import share

LEFT, RIGHT, TOP, BOTTOM = 60, 700, 30, 300
SQUARE = 330  # width of the reliability diagram
TOLD = 20


def ratio_curve(estimated: Estimated) -> Figure:
    """log10 LR by score with its interval; heavy where it is capped."""
    points = estimated.points
    across = Scale(points[0].score / MILLION, points[-1].score / MILLION + 1e-6, LEFT, RIGHT)
    low, high = min(point.lower for point in points), max(point.upper for point in points)
    up = Scale(min(low, -0.1) - 0.1, max(high, 0.1) + 0.1, BOTTOM, TOP)
    drawing = Drawing(720, BOTTOM + 50)
    drawing.horizontal_axis(across, BOTTOM, "comparison score", TOP)
    drawing.vertical_axis(up, LEFT, "log10 of the likelihood ratio", RIGHT)
    places = [across(point.score / MILLION) for point in points]
    drawing.area(
        [(x, up(point.upper)) for x, point in zip(places, points, strict=True)],
        [(x, up(point.lower)) for x, point in zip(places, points, strict=True)],
    )
    drawing.path([(x, up(point.log10)) for x, point in zip(places, points, strict=True)], "main")
    drawing.path([(x, up(p.log10)) for x, p in zip(places, points, strict=True) if p.capped and p.log10 > 0], "limit")
    drawing.line((LEFT, up(0)), (RIGHT, up(0)), "axis", "4 3")
    step = max(1, len(points) // TOLD)
    rows = tuple(
        (
            score_text(point.score),
            f"{point.log10:.2f}",
            f"{point.lower:.2f} to {point.upper:.2f}",
            "capped" if point.capped else "-",
        )
        for point in (*points[::step], points[-1])
    )
    return Figure(
        drawing.finished("ratio", "Likelihood ratio by score", "A rising line with a band, flat where it is capped"),
        "The least over tested groups. Grey: 95 % interval from resampled people. Heavy: capped by how many people "
        "were tested.",
        Table("log10 of the likelihood ratio", ("score", "log10 LR", "95 %", "capped"), rows, frozenset({0, 3})),
    )


def reliability(estimated: Estimated) -> Figure:
    """Of searches given a chance p (at even prior odds), how many were mates: the CORP curve."""
    steps = estimated.reliability.steps
    across, up = Scale(0.0, 1.0, LEFT, SQUARE), Scale(0.0, 1.0, BOTTOM, TOP)
    drawing = Drawing(720, BOTTOM + 50)
    drawing.horizontal_axis(across, BOTTOM, "chance given", TOP)
    drawing.vertical_axis(up, LEFT, "share of mates", SQUARE)
    drawing.line((across(0), up(0)), (across(1), up(1)), "bound", "5 3")
    drawing.path([(across(end), up(step.observed)) for step in steps for end in (step.low, step.high)], "main")
    parts = estimated.reliability
    rows = tuple(
        (f"{step.low:.3f} to {step.high:.3f}", share(step.observed), f"{step.mated:,}", f"{step.nonmated:,}")
        for step in steps
    )
    return Figure(
        drawing.finished("reliability", "Reliability of the likelihood ratio", "A rising line beside the diagonal"),
        f"At even prior odds, cross-fitted by person. Brier {parts.brier:.4f} = miscalibration "
        f"{parts.miscalibration:.4f} - discrimination {parts.discrimination:.4f} + uncertainty {parts.uncertainty:.4f} "
        "(CORP). On the dashed line chances are right.",
        Table("Reliability", ("chance given", "share of mates", "mates", "others"), rows),
    )
