"""What a report says of an approximate engine, counted again as far as the report holds what it follows from.

1. Its cells are the report's; n is the number of completed searches and of mates; bounds follow from k and n.
2. Searches in which the exact engine names somebody follow from the maxima; those with a mate are at least the mates
   that reach the threshold, and at most these and the maxima that do.
3. A decision that differs is one where somebody was to be named. The groups of a column sum up to everyone.
"""

from collections import defaultdict

from matcher.calibration.engine import DECLARED, Differing, EngineCell
from matcher.calibration.groups import EVERYONE
from matcher.calibration.intervals import estimate
from matcher.calibration.report import Report
from matcher.domain.engine import factory_from
from matcher.errors import BadInput, IntegrityError


def check_engine(report: Report) -> None:
    """Raises IntegrityError where it cannot be so."""
    trial = report.engine
    if trial is None:
        return
    try:
        known = factory_from(trial.factory).text == trial.factory
    except BadInput:
        known = False
    hexadecimal = len(trial.structure) == 64 and not set(trial.structure) - set("0123456789abcdef")
    _require(known and hexadecimal, "name")
    _require([one.cell for one in trial.cells] == [group.cell for group in report.groups], "cells")
    for one in trial.cells:
        _check_cell(report, one)
    _check_sums(trial.cells)


def _check_cell(report: Report, one: EngineCell) -> None:
    name, tau = one.cell.name, report.threshold.tau
    maxima, mates = report.non_mated_maxima[name], report.mated_scores.get(name, ())
    _require((one.non_mated.n, one.mated.n) == (len(maxima), len(mates)), "searches")
    for rate in (one.non_mated, one.mated):
        _require(rate.k is None or 0 <= rate.k <= (rate.named or 0) <= rate.n, "differences")
        again = estimate(rate.k, rate.n)
        _require((rate.rate, rate.cp95, rate.upper95) == (again.rate, again.cp95, again.upper95), "bounds")
        _require((rate.k is None) == (rate.named is None) == (tau is None), "counts")
    if tau is not None:
        alone = sum(score >= tau for score in maxima)
        found = sum(score >= tau for score in mates)
        _require(one.non_mated.named == alone and found <= (one.mated.named or 0) <= found + alone, "named searches")


def _check_sums(cells: tuple[EngineCell, ...]) -> None:
    columns: dict[str, list[EngineCell]] = defaultdict(list)
    for one in cells:
        if one.level in DECLARED:
            columns[one.cell.key[0][0]].append(one)
    everyone = next(one for one in cells if one.cell.name == EVERYONE)
    for parts in columns.values():
        _require(_sum([one.non_mated for one in parts]) == _sum([everyone.non_mated]), "sums")
        _require(_sum([one.mated for one in parts]) == _sum([everyone.mated]), "sums")


def _sum(rates: list[Differing]) -> tuple[int, int, int]:
    return sum(rate.k or 0 for rate in rates), sum(rate.n for rate in rates), sum(rate.named or 0 for rate in rates)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise IntegrityError(f"the {what} of the report's engine cannot be: it was changed")
