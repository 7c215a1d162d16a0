"""What a report tells beside the gate, counted again as far as the report holds what it follows from.

1. Counts of differentials are those of the report's groups; ratios, tests of groups and shares follow from them.
2. Permutation nulls and intervals of comparisons need to know whose errors are whose: they are made again by a replay,
   and are only checked for agreeing with the threshold and with each other here.
3. What is missing says why, and what is there has no such reason.
"""

from collections.abc import Sequence

from matcher.calibration.at_threshold import ratios_of, tests_of
from matcher.calibration.calibrate import burden_shares
from matcher.calibration.comparisons import ComparisonRates
from matcher.calibration.group_count import GroupCount
from matcher.calibration.groups import Level
from matcher.calibration.intervals import estimate, steady
from matcher.calibration.report import GroupReport, Report
from matcher.errors import IntegrityError

PARTS = ("comparisons", "selectivity", "differentials", "ratios", "group_tests")


def check_beside(report: Report) -> None:
    """Raises IntegrityError where something does not follow from the rest of the report."""
    missing = {name for name in PARTS if getattr(report, name) is None}
    untold = {name for name in ("burden", "fnir_worst") if getattr(report, name) is None}
    untold |= {"threshold"} if report.threshold.tau is None else set()
    if missing | untold != set(report.not_computed):
        raise IntegrityError("the report does not say what it lacks, and why: it was changed")
    shares = burden_shares(report.groups, report.list.searches_per_day, report.list.prior)
    _require(report.burden_shares == shares, "expected burden")
    if report.threshold.tau is None:
        _require(missing == set(PARTS), "counts without a threshold")
    if report.differentials is not None:
        _check_differentials(report)
    if report.comparisons is not None:
        _check_comparisons(report, report.comparisons)
    if report.selectivity is not None:
        found, alarms = report.selectivity, report.everyone.fpir
        fits = found.n == alarms.n and found.subjects == report.binding.N and found.k >= (alarms.k or 0)
        _require(fits and found.rate == (steady(found.k / found.n) if found.n else None), "selectivity")


def _check_differentials(report: Report) -> None:
    found = report.differentials or ()
    single = (group for group in report.groups if group.level in (Level.GROUP, Level.UNDECLARED))
    columns = sorted({group.cell.key[0][0] for group in single})
    _require([one.column for one in found] == columns, "differentials")
    for one in found:
        groups = [g for g in report.groups if g.level is Level.GROUP and g.cell.key[0][0] == one.column]
        _require(sorted(one.false_alarms, key=_label) == _alarms(one.column, groups), f"differentials of {one.column}")
        _require(sorted(one.misses, key=_label) == _misses(one.column, groups), f"differentials of {one.column}")
    _require(report.ratios == ratios_of(found), "ratios")
    _require(report.group_tests == tests_of(found), "tests of groups")


def _alarms(column: str, groups: Sequence[GroupReport]) -> list[GroupCount]:
    return sorted((GroupCount(column, g.cell.key[0][1], g.fpir.k or 0, g.fpir.n) for g in groups), key=_label)


def _misses(column: str, groups: Sequence[GroupReport]) -> list[GroupCount]:
    counts = ((g, (0, 0) if g.fnir is None else (g.fnir.k or 0, g.fnir.n)) for g in groups)
    return sorted((GroupCount(column, g.cell.key[0][1], k, n) for g, (k, n) in counts), key=_label)


def _label(count: GroupCount) -> str:
    return count.label


def _check_comparisons(report: Report, rates: ComparisonRates) -> None:
    _require(rates.tau == report.threshold.tau, "threshold of comparisons")
    for rate in rates.fmr:
        _require(0 <= rate.k <= rate.n and rate.rate == (steady(rate.k / rate.n) if rate.n else None), "false matches")
    for one in rates.fnmr:
        _require(one.fnmr == estimate(one.fnmr.k, one.fnmr.n), "false non-matches")


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise IntegrityError(f"the report's {what} cannot be counted from its own numbers: it was changed")
