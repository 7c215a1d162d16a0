"""Fitting the likelihood ratio: lines for all, and answers for people whom they were not fitted to.

1. Evaluation is cross-fitted by person: the people whose place in the plan (order of subject id) leaves the same
   remainder on division by 10 are answered by lines without them. Cllr, its least value, the reliability curve and ELUB
   come from these answers, each the least over gating cells.
2. The lines in a report are fitted to everyone. They, the points and the cap by people follow from the scores in the
   report (`likelihood_check.py` counts again); what is cross-fitted or drawn needs to know whose scores they are.
3. An interval always holds its value: the least over cells of a draw is mostly below that of everyone.
"""

from collections.abc import Sequence

import numpy as np

from matcher.calibration.elub import Bounds, elub
from matcher.calibration.intervals import steady
from matcher.calibration.likelihood import (
    Caps,
    CellLine,
    Estimated,
    Interval,
    Likelihood,
    LikelihoodPoint,
    Method,
    answer,
    grid,
    people_cap,
    too_few,
    why_hidden,
)
from matcher.calibration.logistic import C, Lines, Values
from matcher.calibration.proper_scores import Reliability, ReliabilityStep, cllr, min_cllr, reliability
from matcher.calibration.ratio_lines import FEWEST
from matcher.calibration.resampling import Answers, Drawn, Resampling, drawn
from matcher.calibration.scored import CellPeople, Scored
from matcher.calibration.trials import Mask, Outcomes

FOLDS = 10


def likelihood_of(outcomes: Outcomes, cells: Sequence[tuple[str, Mask]], resampling: Resampling) -> Likelihood:
    """The ratio over gating `cells` (name, who is in it), the first of them everyone."""
    reason = too_few(int(outcomes.mated.sum()), int(outcomes.completed.sum()), FEWEST)
    if reason is not None:
        return Likelihood(reason, None)
    tested = [(name, mask) for name, mask in cells if (mask & outcomes.completed).any()]
    estimated = _estimated(Scored.of(outcomes, tested), resampling)
    return Likelihood(why_hidden(estimated), estimated)


def _estimated(scored: Scored, resampling: Resampling) -> Estimated:
    answers = _cross_fitted(scored)
    everyone = scored.everyone
    mated, nonmated = answers.mated[everyone.mated], answers.nonmated[everyone.nonmated]
    lines = scored.lines(scored.exact(), np.ones((1, len(scored.maxima))))
    seen = scored.seen()
    scores = grid(int(seen.min()), int(seen.max()))
    ends = drawn(scored, answers, np.array([scored.scale.z(score) for score in scores]), resampling)
    cells = _cells(scored, lines, answers, ends)
    caps = _caps(elub(mated, nonmated), min(len(cell.nonmated) for cell in scored.cells))
    return Estimated(
        method=Method(C, FOLDS, resampling.replicates, resampling.seed),
        scale=scored.scale,
        cells=cells,
        caps=caps,
        points=tuple(
            _point(score, answer(score, scored.scale, cells, caps), caps, interval)
            for score, interval in zip(scores, ends.log10.T.tolist(), strict=True)
        ),
        min_cllr=steady(min_cllr(scored.mates[everyone.mated], scored.maxima[everyone.nonmated])),
        reliability=_reliability(mated, nonmated),
    )


def _cross_fitted(scored: Scored) -> Answers:
    people = len(scored.maxima)
    fold = np.arange(people) % FOLDS
    without = (fold != np.arange(FOLDS)[:, None]).astype(np.float64)
    # a fold that holds all of a class, which 20 people can only do where every tenth person has one
    for who in (scored.everyone.mated, scored.everyone.nonmated):
        without[~without[:, who].any(axis=1)] = 1.0
    lines = scored.lines(scored.exact(), without)
    mated, nonmated = (
        np.minimum.reduce([line.intercepts[fold] + line.slopes[fold] * z for line in lines])
        for z in ((scores - scored.scale.centre) / scored.scale.scale for scores in (scored.mates, scored.maxima))
    )
    return Answers(mated, nonmated)


def _cells(scored: Scored, lines: Sequence[Lines], answers: Answers, ends: Drawn) -> tuple[CellLine, ...]:
    intervals = iter(ends.cllr.T.tolist())
    return tuple(
        _cell(cell, line, scored, None if cell.few else _cllr(cell, answers, next(intervals)))
        for cell, line in zip(scored.cells, lines, strict=True)
    )


def _cell(cell: CellPeople, line: Lines, scored: Scored, rated: tuple[float, Interval] | None) -> CellLine:
    mates, maxima = scored.mates[cell.mated], scored.maxima[cell.nonmated]
    return CellLine(
        cell=cell.name,
        n_mated=len(mates),
        n_nonmated=len(maxima),
        intercept=steady(float(line.intercepts[0])),
        slope=steady(float(line.slopes[0])),
        shrunk=cell.few,
        separable=bool(len(mates) > 0 and mates.min() > maxima.max()),
        cllr=None if rated is None else rated[0],
        cllr95=None if rated is None else rated[1],
    )


def _cllr(cell: CellPeople, answers: Answers, interval: list[float]) -> tuple[float, Interval]:
    value = steady(cllr(answers.mated[cell.mated], answers.nonmated[cell.nonmated]))
    return value, around(value, interval)


def _caps(bounds: Bounds, people: int) -> Caps:
    return Caps(Bounds(steady(bounds.lower), steady(bounds.upper)), people, people_cap(people))


def _point(score: int, found: tuple[float, bool], caps: Caps, interval: list[float]) -> LikelihoodPoint:
    value, capped = found
    lower, upper = around(value, [caps.within(end) for end in interval])
    return LikelihoodPoint(score, value, lower, upper, capped)


def around(value: float, interval: list[float]) -> Interval:
    """Rule 3."""
    return min(value, steady(interval[0])), max(value, steady(interval[1]))


def _reliability(mated: Values, nonmated: Values) -> Reliability:
    found = reliability(*(1 / (1 + 10.0**-log10) for log10 in (mated, nonmated)))
    steps = (
        ReliabilityStep(steady(one.low), steady(one.high), steady(one.observed), one.mated, one.nonmated)
        for one in found.steps
    )
    parts = (found.brier, found.miscalibration, found.discrimination, found.uncertainty)
    return Reliability(tuple(steps), *map(steady, parts))
