"""Failures to acquire and to enrol in a report, counted again as far as it holds what they follow from.

1. FTA is who has no completed search. FTE is at most FTA: who has no template has no search either.
2. Every failure to acquire has one reason; every person without a template has at least one, each counted once.
3. People of all groups of a column, the undeclared included, add up to everyone; a two-way cell has no more failures,
   for whatever reason, than either of its groups.
4. The tests of groups follow from the counts.
"""

from collections import Counter, defaultdict

from matcher.calibration.failures import Reasons, failure_tests
from matcher.calibration.groups import Cell, Level
from matcher.calibration.intervals import estimate
from matcher.calibration.report import GroupReport, Report
from matcher.domain.rejection import Reason
from matcher.errors import IntegrityError

_KNOWN = frozenset(str(reason) for reason in Reason)


def check_failures(report: Report) -> None:
    """Raises IntegrityError where failures do not fit the rest of the report."""
    for group in report.groups:
        _check_cell(group)
    by_name = {group.cell.name: group for group in report.groups}
    columns: dict[str, list[GroupReport]] = defaultdict(list)
    for group in report.groups:
        if group.level in (Level.GROUP, Level.UNDECLARED):
            columns[group.cell.key[0][0]].append(group)
        for pair in group.cell.key if group.level is Level.INTERSECTION else ():
            _require(_within(group, by_name[Cell((pair,), Level.GROUP).name]), group)
    whole = _counts(report.everyone)
    for cells in columns.values():
        parts = [_counts(cell) for cell in cells]
        _require(sum(parts, Counter()) == whole, report.everyone)
    if report.failure_tests != failure_tests(report.groups):
        raise IntegrityError("the report's tests of failures cannot be counted from its own numbers: it was changed")


def _check_cell(group: GroupReport) -> None:
    people, k = group.n_people, group.fte.k
    _require(group.fta == estimate(people - group.fpir.n, people), group)
    _require(k is not None and group.fte == estimate(k, people), group)
    _require((k or 0) <= (group.fta.k or 0), group)
    _require(_proper(group.fta_reasons) and _proper(group.fte_reasons), group)
    _require(sum(group.fta_reasons.values()) == group.fta.k, group)
    most = max(group.fte_reasons.values(), default=0)
    _require(most <= (k or 0) <= sum(group.fte_reasons.values()), group)


def _proper(reasons: Reasons) -> bool:
    return set(reasons) <= _KNOWN and all(people > 0 for people in reasons.values())


def _counts(group: GroupReport) -> Counter[tuple[str, str]]:
    """Every count of a cell by name, zeros left out."""
    found = Counter({("fte", ""): group.fte.k or 0, ("fta", ""): group.fta.k or 0})
    for kind, reasons in (("fta", group.fta_reasons), ("fte", group.fte_reasons)):
        found.update({(kind, reason): people for reason, people in reasons.items()})
    return +found


def _within(cell: GroupReport, part: GroupReport) -> bool:
    return _counts(cell) <= _counts(part)


def _require(fits: bool, group: GroupReport) -> None:
    if not fits:
        raise IntegrityError(f"the report's failures of {group.cell.label} do not fit its people: it was changed")
