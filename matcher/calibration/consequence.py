"""What a certified report means a day: the sentence that an approver signs by typing its number."""

import math
from dataclasses import dataclass

from matcher.calibration.calibrate import worst_misses_at
from matcher.calibration.certified import CertifiedReport
from matcher.calibration.groups import Cell, Level
from matcher.calibration.next_step import cells_text
from matcher.calibration.report import Key, Report, WorstMisses
from matcher.calibration.verdict import expected_a_day
from matcher.domain.template import Millionths


@dataclass(frozen=True, slots=True)
class Consequence:
    """The sentence, the N in it, and the group of which more than half are missed (its own acknowledgement)."""

    text: str
    number: int
    missed_group: str | None


def consequence(certified: CertifiedReport, threshold: Millionths | None = None) -> Consequence:
    """Up to N false alarms a day: N is the upper bound times the searches a day, rounded up.

    At a `threshold` above the report's own the bound holds (false alarms can only fall), and misses are counted there.
    """
    report = certified.report
    missed = worst_misses_at(report, certified.tau if threshold is None else threshold)
    searches = report.list.searches_per_day
    number = math.ceil(expected_a_day(certified.upper95, searches))
    worst = certified.burden
    parts: tuple[str, ...] = (
        f"up to {number} false {'alarm' if number == 1 else 'alarms'} a day at {searches} searches",
        f"worst group {group_label(worst.worst_group)} ({worst.k} of {worst.n} people)",
        _missed(report, missed),
        f"not tested: {_not_tested(report)}",
        f"cohort supplied by {report.cohort.source} ({_likeness(report)})",
    )
    if report.attempt.j > 1:
        parts = (*parts, f"calibration {report.attempt.j} of these people since the last activation")
    return Consequence("; ".join(parts), number, _missed_group(missed))


def group_label(key: Key) -> str:
    """A report's key for people."""
    return Cell(tuple(sorted(key.items())), Level.GROUP).label


def _missed(report: Report, worst: WorstMisses | None) -> str:
    if worst is None:
        return f"share of listed people missed: unknown ({report.everyone.fnir_reason})"
    # rounded up to a tenth: a miss rate is never understated
    tenths = -(-1000 * worst.k // worst.n)
    return (
        f"{tenths // 10}.{tenths % 10} % of listed people missed in group {group_label(worst.key)} "
        f"({worst.k} of {worst.n})"
    )


def _likeness(report: Report) -> str:
    found = report.realism
    if found.probability is None:
        return f"its likeness to the list is unknown: {found.reason}"
    return f"a listed person scores above one of them with probability {found.probability:.2f}, 0.50 for alike people"


def _missed_group(worst: WorstMisses | None) -> str | None:
    return group_label(worst.key) if worst is not None and 2 * worst.k > worst.n else None


def _not_tested(report: Report) -> str:
    cells = tuple(Cell(tuple(sorted(key.items())), Level.GROUP) for key in report.verdict.not_tested)
    return cells_text(cells) if cells else "nothing left out"
