"""`matcher bench calibrate`: everything that a calibration computes, timed beside peers, in one process and one run.

1. What runs is the product's code; a cohort that is made up takes the place of a loaded one.
2. Ours runs first and cold: what it imports on the way is in its time, what its peers import is not in theirs.
3. Peak memory is read before any peer has started, so it is ours, with Python and the vectors.
4. A ratio is only told where the numbers are the same. What a peer leaves out is named beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.bench.cohort import COLUMNS, DIGEST, MadeUp
from matcher.bench.figures import DIGITS, Figures, differing
from matcher.bench.machine import machine
from matcher.bench.phases import Phases, Progress, peak_rss_mb
from matcher.calibration.adjudication import Adjudicated, adjudicate, median_of, persons_of
from matcher.calibration.calibrate import CalibrationInputs, CohortFacts, ListFacts, PolicyFacts, calibrate
from matcher.calibration.comparisons import ComparisonRates, MatchRate, comparison_rates
from matcher.calibration.differentials import PERMUTATIONS, Differentials, Measure, column_outcomes, differentials
from matcher.calibration.group_count import GroupCount
from matcher.calibration.group_tests import GroupTests, compare_groups
from matcher.calibration.intervals import Estimate
from matcher.calibration.measures import Statistic
from matcher.calibration.pair_cells import compared
from matcher.calibration.pairs import FoundPairs, between_owners, pairs_reaching
from matcher.calibration.people_bootstrap import REPLICATES, draws
from matcher.calibration.permutation import permutation_seed
from matcher.calibration.ratios import RateRatio, widest_ratio
from matcher.calibration.report import Report
from matcher.calibration.resolutions import Resolutions
from matcher.calibration.trials import TrialPlan, TrialScores, outcomes_of, plan_trials
from matcher.errors import BadInput, UsageError
from matcher.index.exact import ExactIndex
from matcher.kernels.pairs import PairCounts, pair_counts
from matcher.services.calibrate import mate_scores

ALPHA, DELTA = 0.05, 0.05  # the pilot tier: every two-way cell gates and has a line of its own, the most work
MODEL = "bench@00|unseen|unseen|r0|{d}"
_LIST = "11" * 32
_SEED = 5
Groups = tuple[GroupCount, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calculated:
    """Everything that the product computed."""

    plan: TrialPlan
    scores: TrialScores
    report: Report
    histograms: PairCounts
    rates: ComparisonRates
    differentials: tuple[Differentials, ...]
    tests: GroupTests
    ratios: tuple[RateRatio | None, ...]


def benchmark(cohort: MadeUp, threads: int | None, say: Progress) -> dict[str, Any]:
    """Times the product and its peers on this cohort."""
    before, phases = machine(), Phases("matcher", say)
    found = calculated(cohort, threads, phases)
    peak = peak_rss_mb()
    say("the figures to compare")
    ours = figures_of(found)
    peers = {
        "numpy_scipy": _numpy_scipy(cohort, found, ours, (phases, say)),
        "fairlearn": _fairlearn(cohort, found, ours, say),
    }
    return {
        **phases.told(),
        "peak_rss_mb": peak,
        "samples": len(cohort.rows),
        "people": cohort.people,
        "listed": len(cohort.listed),
        "dim": cohort.rows.shape[1],
        "cells": len(found.report.groups),
        "gating": sum(group.gating for group in found.report.groups),
        "comparisons": int(found.histograms.counts.sum()),
        "reaching": found.rates.fmr[0].k,
        "bootstrap": REPLICATES,
        "permutations": PERMUTATIONS,
        "peers": peers,
        "machine": before,
    }


def calculated(cohort: MadeUp, threads: int | None, phases: Phases) -> Calculated:
    """The whole calculation, from vectors to the last interval. Raises BadInput where no threshold can be chosen."""
    with phases.timed("searches"):
        plan = plan_trials(DIGEST, cohort.members, frozenset())
        index = ExactIndex.build(cohort.listed, np.arange(len(cohort.listed), dtype=np.int32), _LIST, threads)
        maxima = index.maxima(cohort.rows[np.array(plan.probe_rows())])
        scores = TrialScores(maxima, mate_scores(cohort.rows, plan.mated_rows()))
    with phases.timed("adjudication"):
        trials = _adjudicated(cohort, plan, scores)
    with phases.timed("bounds, threshold, likelihood ratio and its bootstrap"):
        report = calibrate(_inputs(cohort, trials))
    tau = report.threshold.tau
    if tau is None:
        raise BadInput("too few people in every group to choose a threshold: raise --people or lower --groups")
    outcomes = outcomes_of(plan, scores)
    with phases.timed("comparisons"):
        compare = compared(cohort.rows, cohort.owner, cohort.people, tau, threads=threads)
        joint = cohort.first * (int(cohort.second.max()) + 1) + cohort.second
        histograms = pair_counts(cohort.rows, cohort.owner, joint[cohort.owner], threads=threads)
    with phases.timed("rates and bootstrap over people"):
        rates = comparison_rates(compare, outcomes, cohort.labels, COLUMNS, _SEED)
    with phases.timed("permutations"):
        labels = [dict(pairs) for pairs in cohort.labels]
        columns = [column_outcomes(name, [own[name] for own in labels], outcomes, tau) for name in COLUMNS]
        unequal = tuple(differentials(column, permutation_seed(DIGEST, column.column)) for column in columns)
    with phases.timed("comparisons of groups"):
        alarms, misses = ([count for of in kind for count in of] for kind in _by_column(unequal))
        tests = compare_groups(alarms, misses)
        ratios = tuple(widest_ratio(groups) for kind in _by_column(unequal) for groups in kind)
    return Calculated(plan, scores, report, histograms, rates, unequal, tests, ratios)


def figures_of(found: Calculated) -> Figures:
    """The product's numbers as they are compared."""
    groups, fmr, estimated = found.report.groups, found.rates.fmr, found.report.likelihood.estimated
    if estimated is None:
        raise BadInput(f"no likelihood ratio to compare: {found.report.likelihood.hidden}")
    alarms, misses = [group.fpir for group in groups], [group.fnir for group in groups]
    measures = [measure for column in found.differentials for measure in column.measures]
    return Figures(
        counts={
            "maxima": found.scores.maxima.astype(np.int64),
            "mates": found.scores.mates.astype(np.int64),
            "threshold": np.array([found.report.threshold.tau]),
            "false alarms": np.array([(rate.k, rate.n) for rate in alarms]),
            "misses": np.array([(0, 0) if rate is None else (rate.k, rate.n) for rate in misses]),
            "comparisons": np.array([(cell.k, cell.n) for cell in fmr]),
            "histograms": found.histograms.counts,
        },
        rates={
            "false alarms: bounds": np.array([_bounds(Estimate(r.k, r.n, r.rate, r.cp95, r.upper95)) for r in alarms]),
            "misses: bounds": np.array([_bounds(rate) for rate in misses]),
            "comparisons: intervals": np.array([_intervals(cell) for cell in fmr]),
            "measures": np.array([_number(measure.value) for measure in measures]),
            "group tests": np.array([(_number(test.p), _number(test.adjusted)) for test in found.tests.entries]),
        },
        fitted={
            "lines": np.array([(cell.intercept, cell.slope) for cell in estimated.cells]),
            "cllr": np.array([_number(cell.cllr) for cell in estimated.cells]),
        },
        nulls=np.array([_null(measure) for measure in measures]),
    )


def _inputs(cohort: MadeUp, trials: Adjudicated) -> CalibrationInputs:
    return CalibrationInputs(
        list=ListFacts("bench", _LIST, len(cohort.listed), 1),
        cohort=CohortFacts("bench", "made up", DIGEST, True),
        policy=PolicyFacts("22" * 32, ALPHA, DELTA),
        model=MODEL.format(d=cohort.rows.shape[1]),
        columns=COLUMNS,
        tau=None,
        attempt=1,
        plan=trials.plan,
        scores=trials.scores,
        adjudication=trials.record,
        listed_maxima=(),
        permutations=1,  # timed apart, with as many as a report has
    )


def _adjudicated(cohort: MadeUp, plan: TrialPlan, scores: TrialScores) -> Adjudicated:
    """Looks for people who look like one; nobody is joined, because made-up people are known to be different."""
    median = median_of(scores.mates.tolist())
    found = None if median is None else pairs_reaching(cohort.rows, cohort.owner, median)
    if found is not None:
        between_owners(found, cohort.owner)
    handles = [f"{number:012x}" for number in range(cohort.people)]
    persons = persons_of(DIGEST, cohort.members, plan, handles)
    return adjudicate(persons, plan, scores, FoundPairs.none(), Resolutions())


def _numpy_scipy(cohort: MadeUp, found: Calculated, ours: Figures, talk: tuple[Phases, Progress]) -> dict[str, Any]:
    from matcher.bench.peers import numpy_scipy

    mine, say = talk
    probes = np.array(found.plan.probe_rows(), np.int64)
    lent = [drawn for _, drawn in draws(cohort.people, _SEED, REPLICATES)]
    question = numpy_scipy.Question(
        rows=cohort.rows,
        owner=cohort.owner.astype(np.int64),
        listed=cohort.listed,
        labels=cohort.label_numbers,
        probes=probes,
        references=np.array([reference for _, reference in found.plan.mated_rows()], np.int64),
        drawn=np.concatenate(lent, axis=1),
        alpha=ALPHA,
        delta=DELTA,
        permutations=PERMUTATIONS,
    )
    phases = Phases("NumPy and SciPy", say)
    theirs, permuted = numpy_scipy.answered(question, phases)
    differ = differing(ours, theirs, permuted)
    ratios = None if differ else phases.over(mine)
    return _told(phases, differ, numpy_scipy.LEFT_OUT) | {"peak_rss_mb": peak_rss_mb(), "ratios": ratios}


def _fairlearn(cohort: MadeUp, found: Calculated, ours: Figures, say: Progress) -> dict[str, Any]:
    from matcher.bench.peers import group_rates

    try:
        metrics = group_rates.fairlearn_metrics()
    except UsageError as error:
        return {"absent": str(error)}
    tau = int(ours.counts["threshold"][0])
    errors = (found.scores.maxima >= tau).astype(np.int64), (found.scores.mates < tau).astype(np.int64)
    phases = Phases("fairlearn", say)
    theirs = group_rates.group_rates(metrics, cohort.label_numbers, errors, phases)
    counted = np.stack([ours.counts[name] for name in ("false alarms", "misses")], axis=1)
    same = np.allclose(counted[:, :, 0] / counted[:, :, 1], theirs, rtol=DIGITS, atol=0)
    return _told(phases, [] if same else ["rates of groups"], group_rates.LEFT_OUT)


def _told(phases: Phases, differ: list[str], left_out: Sequence[str]) -> dict[str, Any]:
    return {**phases.told(), "same": not differ, "differ": differ, "left_out": list(left_out)}


def _by_column(unequal: Sequence[Differentials]) -> tuple[list[Groups], list[Groups]]:
    """False alarms of each column's groups, and misses."""
    return [column.false_alarms for column in unequal], [column.misses for column in unequal]


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _bounds(rate: Estimate | None) -> tuple[float, float, float]:
    if rate is None or rate.cp95 is None or rate.upper95 is None:
        return np.nan, np.nan, np.nan
    return (*rate.cp95, rate.upper95)


def _intervals(cell: MatchRate) -> tuple[float, ...]:
    nowhere = (np.nan, np.nan)
    wilson, resampled = cell.wilson95 or nowhere, cell.bootstrap95 or nowhere
    return _number(cell.n_eff), *wilson, *resampled, _number(cell.upper95)


def _unequal(value: float | None, measure: Measure) -> float:
    """A measure so that higher is more unequal, FDR too; infinite where undefined."""
    if value is None:
        return np.inf
    return 1 - value if measure.statistic is Statistic.FDR else value


def _null(measure: Measure) -> tuple[float, float, float]:
    null = measure.null
    if null is None:
        return np.nan, np.nan, np.nan
    median, limit = (_unequal(value, measure) for value in (null.median, null.limit95))
    return median, limit, _number(null.p)
