"""A report that certifies, and has been counted again.

1. The only way to get a `CertifiedReport` is to give its canonical bytes; nothing in memory is taken on trust.
2. Every cell's k, n, bounds, status, the threshold and the verdict are computed anew from the maxima in the report; any
   other number than the stored one is an IntegrityError.
3. A cell that is missing, or a person that is in a column's cells twice or not at all, is an IntegrityError.
4. REFUTED raises Refused, INSUFFICIENT raises InsufficientEvidence: an activation cannot be prepared from either.
5. Failures to acquire and to enrol fit the people, their reasons, the groups of a column and each other
   (`failures_check.py`).
6. Misses are counted again from the mated scores; those at rank 1 and generalised ones need more than is in the report,
   and only their sums are checked.
7. The likelihood ratio is counted again as far as it can be without knowing whose scores are whose.
8. Likeness, adjudication and look-alikes are counted again as far as the report holds what they follow from
   (`integrity.py`). So are comparisons, differentials and burden (`threshold_check.py`).
9. An approximate engine is a `CertifiedEngine`, which cannot be built unless every group's decisions were the exact
   engine's (`engine_check.py`).
"""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations

from matcher.calibration.calibrate import judge, missed, seed_of, why_no_rate, worst_misses
from matcher.calibration.engine import CertifiedEngine
from matcher.calibration.engine_check import check_engine
from matcher.calibration.failures_check import check_failures
from matcher.calibration.groups import EVERYONE, Cell, CellEvidence, Level
from matcher.calibration.integrity import check_integrity, check_realism
from matcher.calibration.intervals import Estimate, estimate
from matcher.calibration.likelihood_check import check_likelihood
from matcher.calibration.next_step import Setting
from matcher.calibration.report import VERSION, Burden, GroupReport, Report, ReportBinding, parse_report
from matcher.calibration.threshold import RULES, Origin
from matcher.calibration.threshold_check import check_beside
from matcher.calibration.verdict import Gate, Status
from matcher.domain.engine import EXACT
from matcher.domain.provider import provider_words
from matcher.domain.template import Millionths, ModelIdentity
from matcher.errors import BadInput, InsufficientEvidence, IntegrityError, Refused


@dataclass(frozen=True, slots=True)
class CertifiedReport:
    """A certified report. Raises IntegrityError, Refused or InsufficientEvidence for bytes that are not one."""

    body: bytes = field(repr=False)
    report: Report = field(init=False, repr=False, compare=False)
    tau: Millionths = field(init=False)
    burden: Burden = field(init=False)
    engine: CertifiedEngine | None = field(init=False)

    def __post_init__(self) -> None:
        report = recounted(self.body)
        if report.verdict.status is Status.REFUTED:
            raise Refused(f"the report does not certify the list. {report.verdict.sentence}")
        if report.verdict.status is not Status.CERTIFIED:
            raise InsufficientEvidence(f"the report does not certify the list. {report.verdict.sentence}")
        if report.threshold.tau is None or report.burden is None:
            raise IntegrityError("a certified report without a threshold: calibrate again")
        object.__setattr__(self, "report", report)
        object.__setattr__(self, "tau", report.threshold.tau)
        object.__setattr__(self, "burden", report.burden)
        object.__setattr__(self, "engine", None if report.engine is None else CertifiedEngine(report.engine))

    @classmethod
    def parse(cls, body: bytes) -> "CertifiedReport":
        """The same as the constructor."""
        return cls(body)

    @property
    def digest(self) -> str:
        """sha256 (hex) of the bytes."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def binding(self) -> ReportBinding:
        """List, model, cohort and policy."""
        return self.report.binding

    @property
    def engine_name(self) -> str:
        """What a certificate binds as the engine."""
        return EXACT if self.engine is None else self.engine.name

    @property
    def alpha(self) -> float:
        """The limit that every gating cell's FPIR is shown to keep."""
        return self.report.verdict.alpha

    @property
    def tier(self) -> str:
        """The tier of alpha."""
        return self.report.verdict.tier

    @property
    def upper95(self) -> float:
        """The highest upper bound of FPIR among gating cells."""
        return self.burden.upper95


def recounted(body: bytes) -> Report:
    """A report of any verdict whose numbers follow from its maxima. Raises IntegrityError otherwise."""
    report = parse_report(body)
    if report.version != VERSION:
        raise IntegrityError(f"report version {report.version} is not known: use the release that made it")
    evidence = report.evidence()
    _check_people(report, evidence)
    check_engine(report)
    check_realism(report)
    _check_judgement(report, evidence)
    _check_counts(report)
    check_failures(report)
    _check_likelihood(report)
    check_integrity(report)
    check_beside(report)
    return report


def _check_judgement(report: Report, evidence: tuple[CellEvidence, ...]) -> None:
    threshold, verdict = report.threshold, report.verdict
    beforehand = threshold.tau if threshold.origin is Origin.VERIFY else None
    try:
        gate = Gate(verdict.alpha, verdict.delta, report.attempt.j, report.list.searches_per_day, beforehand)
        model = ModelIdentity.parse(report.binding.model)
        pictures_seen = model.pictures_seen
        cohort = report.cohort
        unlike = report.realism.obstacle
        setting = Setting(cohort.shipped, pictures_seen, cohort.left_out, cohort.same_quality, unlike, report.engine)
        again = judge(evidence, gate, setting)
    except (BadInput, Refused, ValueError) as error:
        raise IntegrityError(f"the report cannot be counted again: {error}") from None
    _same(threshold, again.ruling.selection.threshold, "threshold")
    _same(threshold.rule, RULES[threshold.origin], "rule")
    _same([g.fpir for g in report.groups], [ruling.fpir for ruling in again.ruling.cells], "false alarms")
    _same([g.gating for g in report.groups], [ruling.gating for ruling in again.ruling.cells], "gating cells")
    _same(verdict, again.verdict, "verdict")
    _same(report.burden, again.burden, "expected false alarms")
    _same(report.attempt.delta_j, gate.delta_j, "attempt")
    _same(report.cohort.pictures_seen, pictures_seen, "pictures seen")
    _same(report.binding.provider, provider_words(model.rewrite), "provider")


def _check_people(report: Report, evidence: tuple[CellEvidence, ...]) -> None:
    by_name = {item.cell.name: item for item in evidence}
    if len(by_name) != len(evidence) or set(report.non_mated_maxima) != set(by_name) or EVERYONE not in by_name:
        raise IntegrityError("the report's cells and its maxima do not belong together: calibrate again")
    everyone = by_name[EVERYONE]
    columns: dict[str, list[CellEvidence]] = defaultdict(list)
    for item in evidence:
        if list(item.maxima) != sorted(item.maxima) or item.n > item.people:
            raise IntegrityError(f"the maxima of the cell {item.cell.label} are not in order: calibrate again")
        if item.cell.level in (Level.GROUP, Level.UNDECLARED):
            columns[item.cell.key[0][0]].append(item)
    for column, cells in columns.items():
        _same(sum(cell.people for cell in cells), everyone.people, f"people of column {column}")
        _same(sorted(m for cell in cells for m in cell.maxima), list(everyone.maxima), f"maxima of column {column}")
    _same(_pairs_due(columns), {i.cell.key for i in evidence if i.cell.level is Level.INTERSECTION}, "two-way cells")
    for item in evidence:
        parts = [by_name[Cell((pair,), Level.GROUP).name] for pair in item.cell.key if len(item.cell.key) == 2]
        if any(not Counter(item.maxima) <= Counter(part.maxima) or item.people > part.people for part in parts):
            raise IntegrityError(f"the two-way cell {item.cell.label} holds people its groups do not: calibrate again")
    _same(report.cohort.people, everyone.people, "people")


def _pairs_due(columns: dict[str, list[CellEvidence]]) -> set[tuple[tuple[str, str], ...]]:
    groups = [item.cell.key[0] for cells in columns.values() for item in cells if item.cell.level is Level.GROUP]
    return {(one, other) for one, other in combinations(sorted(groups), 2) if one[0] != other[0]}


def _check_counts(report: Report) -> None:
    for group in report.groups:
        people = group.n_people
        _same(group.fpir_reason, why_no_rate(group.fpir), "reason of false alarms")
        _same(group.generalised_fpir, estimate(group.fpir.k, people), "generalised FPIR")
        for rate in (group.fnir, group.fnir_first, group.generalised_fnir):
            if rate is not None:
                counted = estimate(rate.k, rate.n)
                _same(_figures(rate), _figures(counted), "misses")
        _check_misses(group, report)
    _check_mates(report)
    _same(report.fnir_worst, worst_misses(report.groups), "worst misses")


def _check_misses(group: GroupReport, report: Report) -> None:
    if (group.fnir is None) != (group.fnir_reason is not None):
        raise IntegrityError(f"misses of {group.cell.label}: either a rate or a reason must be given")
    scores, tau = report.mated_scores.get(group.cell.name, ()), report.threshold.tau
    if list(scores) != sorted(scores) or len(scores) > group.n_people:
        raise IntegrityError(f"the mated scores of {group.cell.label} are not in order: calibrate again")
    counted = None if group.fnir is None else (group.fnir.k, group.fnir.n)
    again = None if tau is None or not scores else (missed(scores, tau), len(scores))
    _same(counted, again, f"misses of {group.cell.label}")


def _check_mates(report: Report) -> None:
    """Every person's score is in one cell of each column, and in a two-way cell only with both of its groups."""
    scores = report.mated_scores
    if set(scores) != {group.cell.name for group in report.groups}:
        raise IntegrityError("the report's cells and its mated scores do not belong together: calibrate again")
    columns: dict[str, list[Millionths]] = defaultdict(list)
    for group in report.groups:
        if group.level in (Level.GROUP, Level.UNDECLARED):
            columns[group.cell.key[0][0]] += scores[group.cell.name]
        for pair in group.cell.key if len(group.cell.key) == 2 else ():
            part = scores[Cell((pair,), Level.GROUP).name]
            if not Counter(scores[group.cell.name]) <= Counter(part):
                raise IntegrityError(f"the two-way cell {group.cell.label} holds mated scores its groups do not")
    for column, found in columns.items():
        _same(sorted(found), list(scores[EVERYONE]), f"mated scores of column {column}")


def _check_likelihood(report: Report) -> None:
    gating = [group.cell.name for group in report.groups if group.gating]
    check_likelihood(report.likelihood, gating, report.non_mated_maxima, report.mated_scores)
    if report.likelihood.estimated is not None:
        _same(report.likelihood.estimated.method.seed, seed_of(report.binding), "seed")


def _figures(rate: Estimate) -> tuple[int | None, int, float | None, tuple[float, float] | None, float | None]:
    return rate.k, rate.n, rate.rate, rate.cp95, rate.upper95


def _same(stored: object, again: object, what: str) -> None:
    if stored != again:
        raise IntegrityError(f"the report's {what} cannot be counted from its own maxima: it was changed")
