"""Where the threshold comes from. There is no default.

1. `select`: in each gating cell k* false alarms are allowed; the cell's threshold is the smallest multiple of 0.0001
   strictly above its (k*+1)-th largest non-mated maximum; the list's is the highest of them, and its cell is named.
   P(every gating cell's FPIR <= alpha) >= 1 - delta, whatever the distribution (Learn-then-Test; Wilks 1941).
2. No Bonferroni: an intersection-union test over cells, and FPIR falls as the threshold rises.
3. `verify`: a threshold given beforehand is counted at, never moved.
4. A threshold is never above 1: where non-mated scores of exactly 1 stand in the way, nothing is hidden, they count.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from matcher.calibration.groups import Cell, CellEvidence
from matcher.calibration.intervals import k_star
from matcher.domain.template import MILLION, THRESHOLD_STEP, Millionths
from matcher.errors import BadInput


class Origin(StrEnum):
    """Who chose the threshold: the maxima, or a person beforehand."""

    SELECT = "select"
    VERIFY = "verify"


RULES = {
    Origin.SELECT: "smallest multiple of 0.0001 above the (k*+1)-th largest non-mated maximum of every gating cell",
    Origin.VERIFY: "given beforehand",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold in millionths, or None where no cell could select one."""

    tau: Millionths | None
    origin: Origin
    rule: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The threshold and the cell that set it (None when given beforehand)."""

    threshold: Threshold
    set_by: Cell | None


def select(gating: Sequence[CellEvidence], alpha: float, delta: float) -> Selection:
    """The threshold of these cells. Cells too small to be certified cannot set one; where all are, tau is None."""
    proposals = []
    for evidence in gating:
        allowed = k_star(evidence.n, alpha, delta)
        if allowed >= 0:
            tau = min(MILLION, just_above(evidence.maxima[-1 - allowed]))
            proposals.append((tau, -evidence.n, evidence.cell))
    if not proposals:
        return Selection(Threshold(None, Origin.SELECT, RULES[Origin.SELECT]), None)
    # Of cells that agree, the smallest is named: it says more than "everyone".
    tau, _, cell = max(proposals, key=lambda proposal: (proposal[:2], proposal[2].name))
    return Selection(Threshold(tau, Origin.SELECT, RULES[Origin.SELECT]), cell)


def given(tau: Millionths) -> Selection:
    """A threshold chosen beforehand. Raises BadInput unless a multiple of 0.0001 in [-1, 1]."""
    if abs(tau) > MILLION or tau % THRESHOLD_STEP:
        raise BadInput("a threshold is a multiple of 0.0001 between -1 and 1")
    return Selection(Threshold(tau, Origin.VERIFY, RULES[Origin.VERIFY]), None)


def just_above(score: Millionths) -> Millionths:
    """The smallest multiple of 0.0001 strictly greater than `score`."""
    return (score // THRESHOLD_STEP + 1) * THRESHOLD_STEP


def false_alarms(maxima: Sequence[Millionths], tau: Millionths) -> int:
    """How many of the sorted maxima are at or above `tau`."""
    return len(maxima) - bisect_left(maxima, tau)
