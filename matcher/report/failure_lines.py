"""Failures to acquire and to enrol, as the terminal and the page share them."""

from collections.abc import Iterable, Iterator

from matcher.calibration.failures import Reasons, warned
from matcher.calibration.report import GroupReport, Report
from matcher.report.wording import with_interval

CAPTION = "No usable probe (FTA), no usable picture at all (FTE), 95 % intervals; a person may have several reasons"
HEADS = ("group", "FTA", "because", "FTE", "because")


def failure_line(report: Report) -> str:
    """What became of everyone, and what it means."""
    everyone = report.everyone
    return (
        f"no usable probe (FTA): {with_interval(everyone.fta)} of the people tested; no usable picture at all (FTE): "
        f"{with_interval(everyone.fte)}; on a list those could not be found"
    )


def failure_warnings(report: Report) -> tuple[str, ...]:
    """Which groups are shown to be lost more often than others."""
    return tuple(f"warning: {sentence[0].lower()}{sentence[1:]}" for sentence in warned(report.failure_tests))


def failure_rows(groups: Iterable[GroupReport]) -> Iterator[tuple[str, str, str, str, str]]:
    """Of every cell in which somebody was lost."""
    for group in groups:
        if group.fta.k:
            reasons = because(group.fta_reasons), because(group.fte_reasons)
            yield group.cell.label, with_interval(group.fta), reasons[0], with_interval(group.fte), reasons[1]


def because(reasons: Reasons) -> str:
    """Reasons and how many people, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda found: (-found[1], found[0]))
    return ", ".join(f"{reason} {people:,}" for reason, people in ordered) or "-"
