"""How often people who are not on the list score as high as one candidate did.

1. The worst over gating cells, because the probe's group is unknown; no group is named beside a face.
2. An upper 95 % bound per 1,000 people, never `1 - rate`: it is not the chance that two faces are one person.
3. The best score against the whole list is what was counted, so the list's size is inside.
4. It never rises with the score, and at the threshold it is the bound in the report.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from matcher.calibration.intervals import upper_bound
from matcher.calibration.report import Report
from matcher.calibration.threshold import false_alarms
from matcher.domain.template import Millionths
from matcher.errors import InsufficientEvidence


@dataclass(frozen=True, slots=True)
class ConfidenceLine:
    """What everyone sees after judging blind. `upper` is the bound, k of n what was counted in the worst cell."""

    text: str
    upper: float
    k: int
    n: int


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


def _text(upper: float, k: int, n: int) -> str:
    per_thousand = math.ceil(Fraction(repr(upper)) * 1000)
    beyond = f" {n} people cannot show less." if k == 0 else ""
    return (
        f"Of every 1,000 people not on this list, up to {per_thousand:,} would score this high "
        f"(95 % bound; worst tested group: {k:,} of {n:,} did).{beyond} "
        "This is not the chance that these two are the same person."
    )
