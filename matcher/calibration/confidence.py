"""What is said about one score: how often people not on the list score as high, and how much more often mates do.

1. The worst over gating cells, because the probe's group is unknown; no group is named beside a face.
2. An upper 95 % bound per 1,000 people, never `1 - rate`: it is not the chance that two faces are one person.
3. The best score against the whole list is what was counted, so the list's size is inside.
4. It never rises with the score, and at the threshold it is the bound in the report.
5. The likelihood ratio is for the best candidate only; with it always stands the prior at which it would be even odds,
   1 / (1 + LR). A chance is given under the list's declared prior and no other.
6. Numbers and words are made here once, for every screen, file and report.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from matcher.calibration.groups import EVERYONE
from matcher.calibration.intervals import steady, upper_bound
from matcher.calibration.likelihood import Likelihood
from matcher.calibration.report import Report
from matcher.calibration.threshold import false_alarms
from matcher.domain.confidence import (
    ConfidenceLine,
    LikelihoodRatio,
    MatchConfidence,
    Posterior,
    Prior,
    StripChart,
)
from matcher.domain.template import Millionths
from matcher.errors import InsufficientEvidence

STRIP_COLUMNS = 48  # beside a title, in 80 columns of text

NOT_THE_BEST = "it is measured on best scores, and this candidate is not the best of its search"


@dataclass(frozen=True, slots=True)
class FalseAlarmCurve:
    """FA(s) of one report: the sorted non-mated maxima (millionths) of each gating cell.

    Raises InsufficientEvidence without a single completed search.
    """

    cells: tuple[tuple[Millionths, ...], ...]

    def __post_init__(self) -> None:
        if not any(self.cells):
            raise InsufficientEvidence("nobody was tested: there is nothing to compare this score with")

    def at(self, score: Millionths) -> ConfidenceLine:
        """The line for a score in millionths."""
        counts = [(false_alarms(maxima, score), len(maxima)) for maxima in self.cells if maxima]
        upper, negative_n, k = max((upper_bound(k, n), -n, k) for k, n in counts)
        return ConfidenceLine(_text(upper, k, -negative_n), upper, k, -negative_n)


def curve_of(report: Report) -> FalseAlarmCurve:
    """The curve over a report's gating cells."""
    names: Sequence[str] = [group.cell.name for group in report.groups if group.gating]
    return FalseAlarmCurve(tuple(report.non_mated_maxima[name] for name in names))


def confidence_of(report: Report, score: Millionths, rank: int, prior: Prior | None) -> MatchConfidence:
    """Everything about the candidate of this rank (1 is the best). Raises InsufficientEvidence like the curve."""
    found = report.likelihood.at(score) if rank == 1 else None
    reason = _no_ratio(report.likelihood, found, rank)
    break_even = None if found is None else steady(1 / (1 + 10**found.log10))
    posterior = None if found is None or prior is None else posterior_of(found, prior)
    return MatchConfidence(
        line=curve_of(report).at(score),
        ratio=found,
        no_ratio=reason,
        break_even=break_even,
        posterior=posterior,
        details=_details(found, reason, posterior, report.likelihood),
        strip=strip_of(score, report.mated_scores[EVERYONE], report.non_mated_maxima[EVERYONE]),
    )


def posterior_of(found: LikelihoodRatio, prior: Prior) -> Posterior:
    """The chance under a declared prior, by Bayes' rule in odds."""
    odds = prior.chance / (1 - prior.chance)
    chance, lower, upper = (
        steady(odds * 10**log10 / (1 + odds * 10**log10)) for log10 in (found.log10, found.lower, found.upper)
    )
    return Posterior(prior, chance, lower, upper)


def strip_of(score: Millionths, mated: Sequence[Millionths], nonmated: Sequence[Millionths]) -> StripChart:
    """A score among sorted mated scores and non-mated maxima, in equal columns."""
    low = min(score, *mated[:1], *nonmated[:1])
    high = max(score, *mated[-1:], *nonmated[-1:])
    # the first score of each column, in whole numbers: the columns hold every score from low to high exactly once
    edges = [low + (high - low + 1) * at // STRIP_COLUMNS for at in range(STRIP_COLUMNS + 1)]
    at = next(at for at in range(STRIP_COLUMNS) if edges[at] <= score < edges[at + 1])
    return StripChart(low, high, at, _columns(mated, edges), _columns(nonmated, edges))


def _columns(scores: Sequence[Millionths], edges: Sequence[Millionths]) -> tuple[int, ...]:
    below = [bisect_left(scores, edge) for edge in edges]
    return tuple(upper - lower for lower, upper in pairwise(below))


def _text(upper: float, k: int, n: int) -> str:
    per_thousand = math.ceil(Fraction(repr(upper)) * 1000)
    beyond = f" {n} people cannot show less." if k == 0 else ""
    return (
        f"Of every 1,000 people not on this list, up to {per_thousand:,} would score this high "
        f"(95 % bound; worst tested group: {k:,} of {n:,} did).{beyond} "
        "This is not the chance that these two are the same person."
    )


def _no_ratio(likelihood: Likelihood, found: LikelihoodRatio | None, rank: int) -> str | None:
    if found is not None:
        return None
    return likelihood.hidden if likelihood.hidden is not None else NOT_THE_BEST


def _details(
    found: LikelihoodRatio | None, reason: str | None, posterior: Posterior | None, likelihood: Likelihood
) -> tuple[str, ...]:
    if found is None:
        return (f"No likelihood ratio: {reason}.",)
    return (_ratio_text(found) + _cap_text(found, likelihood), _even_text(found), _posterior_text(posterior))


def _ratio_text(found: LikelihoodRatio) -> str:
    listed, other = "a person on the list", "the best candidate of a person not on it"
    turned = found.log10 < 0
    ends = (-found.upper, -found.lower) if turned else (found.lower, found.upper)
    often, seldom = (other, listed) if turned else (listed, other)
    low, high = (_number(10**log10) for log10 in ends)
    interval = "" if found.lower == found.upper else f"; 95 % interval {low} to {high}"  # all of it is capped
    return (
        f"A score like this is about {_number(10 ** abs(found.log10))} times as frequent for {often} as for {seldom} "
        f"(likelihood ratio of the worst tested group{interval})."
    )


def _cap_text(found: LikelihoodRatio, likelihood: Likelihood) -> str:
    if not found.capped or likelihood.estimated is None:
        return ""
    caps = likelihood.estimated.caps
    if found.log10 > 0 and caps.by_people:
        return f" Capped: {caps.people:,} people cannot show more."
    return " Capped: the people tested bear out no more (ELUB)."


def _even_text(found: LikelihoodRatio) -> str:
    return (
        f"It would be even odds if, before the comparison, 1 in {_number(1 + 10**found.log10)} such people were on the "
        "list; if fewer are, this is more likely somebody else."
    )


def _posterior_text(posterior: Posterior | None) -> str:
    if posterior is None:
        return "No prior is declared for this list, so no chance is given."
    prior, ends = posterior.prior, (posterior.lower, posterior.upper)
    interval = "" if ends[0] == ends[1] else f" ({_share(ends[0])} to {_share(ends[1])})"
    return (
        f"Under the prior declared for this list ({prior.chance:g}; source: {prior.source}), about "
        f"{_share(posterior.chance)} such candidates are the listed person{interval}."
    )


def _number(value: float) -> str:
    """Three significant digits from 100, whole from 10, a tenth below."""
    if value >= 100:
        digits = 10 ** max(0, math.floor(math.log10(value)) - 2)
        return f"{round(value / digits) * digits:,}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _share(chance: float) -> str:
    """As so many of 100, 1,000 or 10,000."""
    if chance > 0.995:
        return "more than 99 in 100"
    of = next((of for of in (100, 1_000, 10_000) if chance * of >= 9.5), 10_000)
    return f"{round(chance * of)} in {of:,}" if chance * of >= 0.5 else f"fewer than 1 in {of:,}"
