"""One calibration: people and scores in, a report out. No clock, no random source, no file."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from matcher.calibration.adjudication import Adjudication
from matcher.calibration.at_threshold import NO_THRESHOLD, CohortTemplates, Tested, at_threshold
from matcher.calibration.burden import BurdenTable, burden_table
from matcher.calibration.differentials import PERMUTATIONS
from matcher.calibration.engine import TestedEngine, engine_trial
from matcher.calibration.failures import Failures, failure_tests, failures_in
from matcher.calibration.groups import Cell, CellEvidence, Level, cells_with_people
from matcher.calibration.intervals import Estimate, estimate, steady
from matcher.calibration.likelihood_fit import likelihood_of
from matcher.calibration.lookalikes import NOT_LOOKED, unlooked
from matcher.calibration.next_step import Setting, sentence
from matcher.calibration.realism import realism
from matcher.calibration.report import (
    VERSION,
    Attempt,
    Burden,
    CohortLine,
    GroupReport,
    ListLine,
    MissRate,
    PassingTier,
    Report,
    ReportBinding,
    Verdict,
    WorstMisses,
)
from matcher.calibration.resampling import Resampling
from matcher.calibration.trials import Mask, Outcomes, TrialPlan, TrialScores, outcomes_of
from matcher.calibration.verdict import CellRuling, Gate, Ruling, Status, expected_a_day, rule, tiers_that_would_pass
from matcher.domain.provider import provider_words
from matcher.domain.template import Millionths, ModelIdentity, Scores
from matcher.errors import BadInput


@dataclass(frozen=True, slots=True)
class ListFacts:
    """The list: name, digest of the revision (sha256, hex), N subjects, expected searches a day, declared prior."""

    name: str
    digest: str
    subjects: int
    searches_per_day: int
    prior: float | None = None


@dataclass(frozen=True, slots=True)
class CohortFacts:
    """The cohort: name, who supplied it, digest of the revision; `shipped` marks the demonstration's own.

    `same_quality`: its pictures and the list's were held to the quality limits of the policy.
    """

    name: str
    source: str
    digest: str
    same_quality: bool
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What the policy asks for; `required` holds (column, values) pairs."""

    digest: str
    alpha: float
    delta: float
    required: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationInputs:
    """Everything a report is made from.

    `model` is `ModelIdentity.text()`; `columns` the group columns chosen; `tau` a threshold given beforehand
    (millionths) or None to select one; `attempt` counts from 1; `plan` and `scores` are what adjudication left;
    `listed_maxima` (millionths, sorted) are the list's leave-one-out maxima; `templates` are None where nobody compares
    people; `replicates` are the bootstrap draws of people for the likelihood ratio, `permutations` those of labels;
    `engine` is an approximate one to be tested beside the exact one, or None.
    """

    list: ListFacts
    cohort: CohortFacts
    policy: PolicyFacts
    model: str
    columns: tuple[str, ...]
    tau: Millionths | None
    attempt: int
    plan: TrialPlan
    scores: TrialScores
    adjudication: Adjudication
    listed_maxima: tuple[Millionths, ...]
    templates: CohortTemplates | None = None
    replicates: int = 2_000
    permutations: int = PERMUTATIONS
    engine: TestedEngine | None = None


def calibrate(inputs: CalibrationInputs) -> Report:
    """The report, look-alikes excepted: they are looked for at the threshold that is found here.

    Raises BadInput for impossible scores or thresholds, Refused for alpha above 0.05.
    """
    policy, listed = inputs.policy, inputs.list
    outcomes = outcomes_of(inputs.plan, inputs.scores)
    labels = [person.labels for person in inputs.plan.people]
    cells = cells_with_people(labels, inputs.columns, dict(policy.required))
    evidence = tuple(_evidence(cell, mask, outcomes) for cell, mask in cells)
    gate = Gate(policy.alpha, policy.delta, inputs.attempt, listed.searches_per_day, inputs.tau)
    model = ModelIdentity.parse(inputs.model)
    pictures_seen = model.pictures_seen
    left_out = left_out_columns(inputs)
    likeness = realism(inputs.listed_maxima, outcomes.maxima[outcomes.completed].tolist())
    tested, cohort = inputs.engine, inputs.cohort
    engine = None if tested is None else engine_trial(tested, rule(evidence, gate).tau, cells, outcomes)
    setting = Setting(cohort.shipped, pictures_seen, left_out, cohort.same_quality, likeness.obstacle, engine)
    judgement = judge(evidence, gate, setting)
    pairs = zip(judgement.ruling.cells, cells, strict=True)
    groups = tuple(
        _group(ruling, outcomes, judgement.ruling.tau, mask, failures_in(inputs.plan.people, mask))
        for ruling, (_, mask) in pairs
    )
    gating = [(group.cell.name, mask) for group, (_, mask) in zip(groups, cells, strict=True) if group.gating]
    provider = provider_words(model.rewrite)
    binding = ReportBinding(listed.digest, inputs.model, cohort.digest, policy.digest, listed.subjects, provider)
    beside = at_threshold(_tested(inputs, outcomes), judgement.ruling.tau, listed.subjects)
    missed_most = worst_misses(groups)
    return Report(
        version=VERSION,
        verdict=judgement.verdict,
        threshold=judgement.ruling.selection.threshold,
        list=ListLine(listed.name, listed.searches_per_day, listed.prior),
        cohort=_cohort_line(inputs, pictures_seen, left_out),
        binding=binding,
        attempt=Attempt(gate.attempt, gate.delta_j),
        groups=groups,
        burden=judgement.burden,
        burden_shares=burden_shares(groups, listed.searches_per_day, listed.prior),
        fnir_worst=missed_most,
        realism=likeness,
        adjudication=inputs.adjudication,
        look_alikes=unlooked(NOT_LOOKED),
        comparisons=beside.comparisons,
        selectivity=beside.selectivity,
        differentials=beside.differentials,
        ratios=beside.ratios,
        group_tests=beside.group_tests,
        failure_tests=failure_tests(groups),
        not_computed={**beside.missing, **_missing(judgement, groups[0], missed_most)},
        non_mated_maxima={item.cell.name: item.maxima for item in evidence},
        mated_scores={cell.name: _sorted(outcomes.mates[mask & outcomes.mated]) for cell, mask in cells},
        listed_maxima=inputs.listed_maxima,
        likelihood=likelihood_of(outcomes, gating, Resampling(inputs.replicates, seed_of(binding))),
        engine=engine,
    )


def _cohort_line(inputs: CalibrationInputs, pictures_seen: bool, left_out: tuple[str, ...]) -> CohortLine:
    cohort, people = inputs.cohort, len(inputs.plan.people)
    return CohortLine(cohort.name, cohort.source, cohort.shipped, people, pictures_seen, left_out, cohort.same_quality)


def _tested(inputs: CalibrationInputs, outcomes: Outcomes) -> Tested:
    required = dict(inputs.policy.required)
    return Tested(
        outcomes,
        [person.labels for person in inputs.plan.people],
        {column: required.get(column, ()) for column in {*inputs.columns, *required}},
        inputs.templates,
        (inputs.list.digest, inputs.cohort.digest, inputs.model, inputs.policy.digest),
        inputs.permutations,
    )


def _missing(judgement: "Judgement", everyone: GroupReport, missed_most: WorstMisses | None) -> dict[str, str]:
    """Why the threshold, the burden or the worst misses are null."""
    missing = {}
    if judgement.ruling.tau is None:
        missing["threshold"] = "no group has enough people to select one"
    if judgement.burden is None:
        missing["burden"] = everyone.fpir_reason or "no gating cell has a rate"
    if missed_most is None:
        missing["fnir_worst"] = everyone.fnir_reason or "no group has mates"
    return missing


def burden_shares(groups: Sequence[GroupReport], searches_per_day: int, prior: float | None) -> BurdenTable:
    """Of the gating cell with the highest bound of FPIR: what a list asks of people."""
    gating = [group for group in groups if group.gating and group.fpir.upper95 is not None]
    worst = max(gating, key=lambda group: (group.fpir.upper95 or 0.0, group.cell.name), default=groups[0])
    return burden_table(worst.fpir, worst.fnir, searches_per_day, prior=prior, fnir_reason=worst.fnir_reason)


def seed_of(binding: ReportBinding) -> int:
    """The seed of everything that is drawn: nobody's choice, 48 bits of what the report is about."""
    return int.from_bytes(
        hashlib.sha256("\0".join((binding.list, binding.model, binding.cohort, binding.policy)).encode()).digest()[:6]
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """The part of a report that follows from the evidence and the gate alone."""

    ruling: Ruling
    verdict: Verdict
    burden: Burden | None


def judge(evidence: Sequence[CellEvidence], gate: Gate, setting: Setting) -> Judgement:
    """The verdict on this evidence, and what it means a day."""
    ruling = rule(evidence, gate, setting.obstacles)
    # No tier certifies on other people, and at another threshold nobody compared the engines.
    looser = ruling.status is not Status.CERTIFIED and setting.unlike is None and setting.engine is None
    passing = tiers_that_would_pass(evidence, gate) if looser else ()
    set_by = ruling.selection.set_by
    verdict = Verdict(
        status=ruling.status,
        alpha=gate.alpha,
        delta=gate.delta,
        tier=gate.tier,
        binding_group=None if set_by is None else dict(set_by.key),
        not_tested=(
            *({column: "left out"} for column in setting.left_out),
            *(dict(cell.key) for cell in ruling.not_tested),
        ),
        reasons=ruling.reasons,
        sentence=sentence(ruling, setting, evidence, passing),
        would_pass=tuple(PassingTier(p.gate.tier, p.gate.alpha, p.tau) for p in passing if p.tau is not None),
    )
    return Judgement(ruling, verdict, _burden(ruling))


def left_out_columns(inputs: CalibrationInputs) -> tuple[str, ...]:
    """Columns that the people declare and that were not chosen. Raises BadInput for a chosen one nobody declares."""
    declared = {column for person in inputs.plan.people for column, _ in person.labels}
    required = {column for column, _ in inputs.policy.required}
    for column in inputs.columns:
        if inputs.plan.people and column not in declared | required:
            raise BadInput(
                f"the cohort declares no column {column}: it declares {', '.join(sorted(declared)) or 'none'}"
            )
    return tuple(sorted(declared - set(inputs.columns) - required))


def worst_misses(groups: Sequence[GroupReport]) -> WorstMisses | None:
    """The gating cell with the highest FNIR, of equal ones the largest; everyone only where no group has mates."""
    fnirs = [(group, group.fnir) for group in groups if group.gating and group.fnir is not None]
    return _worst_of([(group, fnir.k, fnir.n) for group, fnir in fnirs if fnir.k is not None])


def worst_misses_at(report: Report, threshold: Millionths) -> WorstMisses | None:
    """The same, counted at another threshold than the report's."""
    counted = [(group, report.mated_scores[group.cell.name]) for group in report.groups if group.gating]
    return _worst_of([(group, missed(scores, threshold), len(scores)) for group, scores in counted if scores])


def missed(scores: Sequence[Millionths], threshold: Millionths) -> int:
    """How many of the sorted mated scores are below the threshold."""
    return bisect_left(scores, threshold)


def _worst_of(rated: Sequence[tuple[GroupReport, int, int]]) -> WorstMisses | None:
    declared = [entry for entry in rated if entry[0].level is not Level.ALL]
    ranked = [(Fraction(k, n), n, group.cell.name, group.key, k) for group, k, n in (declared if declared else rated)]
    if not ranked:
        return None
    _, n, _, key, k = max(ranked, key=lambda entry: entry[:3])
    return WorstMisses(key, k, n)


def _evidence(cell: Cell, mask: Mask, outcomes: Outcomes) -> CellEvidence:
    return CellEvidence(cell, int(mask.sum()), _sorted(outcomes.maxima[mask & outcomes.completed]))


def _sorted(scores: Scores) -> tuple[Millionths, ...]:
    return tuple(np.sort(scores).tolist())


def _burden(ruling: Ruling) -> Burden | None:
    worst = ruling.worst
    if worst is None or worst.fpir.upper95 is None or worst.fpir.k is None:
        return None
    upper = worst.fpir.upper95
    expected = steady(float(expected_a_day(upper, ruling.gate.searches_per_day)))
    return Burden(dict(worst.cell.key), worst.fpir.k, worst.fpir.n, upper, expected)


def _group(
    ruling: CellRuling, outcomes: Outcomes, tau: Millionths | None, mask: Mask, failures: Failures
) -> GroupReport:
    people = int(mask.sum())
    misses, first, generalised, reason = _misses(mask, outcomes, tau)
    return GroupReport(
        key=dict(ruling.cell.key),
        level=ruling.cell.level,
        gating=ruling.gating,
        n_people=people,
        fpir=ruling.fpir,
        fpir_reason=why_no_rate(ruling.fpir),
        generalised_fpir=estimate(ruling.fpir.k, people),
        fnir=misses,
        fnir_first=first,
        generalised_fnir=generalised,
        fnir_reason=reason,
        fta=failures.fta,
        fta_reasons=failures.fta_reasons,
        fte=failures.fte,
        fte_reasons=failures.fte_reasons,
    )


def why_no_rate(rate: Estimate) -> str | None:
    """Why a rate of false alarms is undefined; None where it is not."""
    if rate.n == 0:
        return "nobody here completed a search"
    return NO_THRESHOLD if rate.k is None else None


_Misses = tuple[MissRate | None, Estimate | None, Estimate | None, str | None]


def _misses(mask: Mask, outcomes: Outcomes, tau: Millionths | None) -> _Misses:
    """FNIR, FNIR at rank 1, generalised FNIR, and the reason where there is none."""
    pairs, mated = mask & outcomes.pairs, mask & outcomes.mated
    if tau is None:
        return None, None, None, "no threshold"
    if not pairs.any():
        return None, None, None, "nobody here has two pictures"
    missed = mated & (outcomes.mates < tau)
    failures = int((pairs & ~mated).sum())
    generalised = estimate(int(missed.sum()) + failures, int(pairs.sum()))
    if not mated.any():
        return None, None, generalised, "nobody here has two usable pictures"
    not_first = missed | (mated & (outcomes.mates <= outcomes.maxima))
    n = int(mated.sum())
    counted = estimate(int(missed.sum()), n)
    same_session = int((mated & outcomes.same_session).sum())
    rate = MissRate(counted.k, counted.n, counted.rate, counted.cp95, counted.upper95, same_session)
    return rate, estimate(int(not_first.sum()), n), generalised, None
