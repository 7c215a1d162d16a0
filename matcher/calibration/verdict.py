"""The gate: what a report says of a list, and why.

1. CERTIFIED: in every gating cell the upper bound of FPIR at confidence 1 - delta_j is at most alpha, nothing below
   stands in the way.
2. REFUTED dominates: in some cell, gating or not, the one-sided 95 % lower bound is above alpha.
3. INSUFFICIENT is everything else. "No significant difference" is never evidence.
4. In the way: no group column; `undeclared` above 5 % of people; in the pilot tier, more than one expected false alarm
   a day at the worst gating cell's upper bound; pictures held to other quality limits than the policy's.
5. Attempts: delta_1 = delta, delta_j = 6 delta / (pi^2 j^2) from the second (together at most 1.4 delta).
6. The ruling is a pure function of the maxima, the counts of people and the gate, so that a report can be judged again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from matcher.calibration.groups import Cell, CellEvidence, Level
from matcher.calibration.intervals import Estimate, certifies, estimate, k_star, people_needed, refutes, steady
from matcher.calibration.threshold import Selection, false_alarms, given, select
from matcher.domain.template import Millionths
from matcher.errors import BadInput

UNDECLARED_LIMIT = Fraction(5, 100)


class Status(StrEnum):
    """Of a cell or a report; only cells are NOT TESTED."""

    CERTIFIED = "CERTIFIED"
    REFUTED = "REFUTED"
    INSUFFICIENT = "INSUFFICIENT"
    NOT_TESTED = "NOT TESTED"


@dataclass(frozen=True, slots=True)
class Gate:
    """What the evidence is held to. `tau` is a threshold given beforehand, or None to select one.

    Raises BadInput for an attempt or searches per day below 1, Refused for alpha above 0.05.
    """

    alpha: float
    delta: float
    attempt: int
    searches_per_day: int
    tau: Millionths | None

    def __post_init__(self) -> None:
        if self.attempt < 1 or self.searches_per_day < 1:
            raise BadInput("the attempt's number and the searches per day are at least 1")
        if not (0 < self.alpha < 1 and 0 < self.delta < 1):
            raise BadInput("alpha and delta are above 0 and below 1")
        _ = self.tier

    @property
    def tier(self) -> str:
        """The tier that alpha belongs to."""
        from matcher.domain.policy import tier_of

        return tier_of(self.alpha).value

    @property
    def next(self) -> "Gate":
        """What the attempt after this one is held to: advice must be true of the run that follows it."""
        return replace(self, attempt=self.attempt + 1)

    @property
    def delta_j(self) -> float:
        """What this attempt may spend."""
        return delta_at(self.delta, self.attempt)


def delta_at(delta: float, attempt: int) -> float:
    """The share of `delta` that the attempt of this number may spend; 1 is the first."""
    return delta if attempt == 1 else steady(6 * delta / (math.pi**2 * attempt**2))


@dataclass(frozen=True, slots=True)
class GatedRate(Estimate):
    """FPIR of a cell, its status, and how many more people it needs (None where more people would not help)."""

    status: Status
    more_people_needed: int | None


@dataclass(frozen=True, slots=True)
class CellRuling:
    """One cell, judged."""

    evidence: CellEvidence
    gating: bool
    fpir: GatedRate

    @property
    def cell(self) -> Cell:
        """Which cell."""
        return self.evidence.cell


@dataclass(frozen=True, slots=True)
class Ruling:
    """All cells judged at one threshold. `worst` is the gating cell with the highest upper bound."""

    gate: Gate
    selection: Selection
    cells: tuple[CellRuling, ...]
    worst: CellRuling | None
    status: Status
    reasons: tuple[str, ...]

    @property
    def tau(self) -> Millionths | None:
        """The threshold, if there is one."""
        return self.selection.threshold.tau

    @property
    def not_tested(self) -> tuple[Cell, ...]:
        """Cells about which the report can say nothing."""
        return tuple(ruling.cell for ruling in self.cells if ruling.fpir.status is Status.NOT_TESTED)


def rule(evidence: Sequence[CellEvidence], gate: Gate, obstacles_beside: Sequence[str] = ()) -> Ruling:
    """The ruling of a gate on this evidence; `obstacles_beside` stand in the way whatever the numbers say."""
    gating = [cell for cell in evidence if cell.gates(gate.alpha, gate.delta_j)]
    selection = select(gating, gate.alpha, gate.delta_j) if gate.tau is None else given(gate.tau)
    cells = tuple(_judge_cell(cell, selection, gate) for cell in evidence)
    worst = _worst(cells)
    refuted = [_refutation(ruling, gate) for ruling in cells if ruling.fpir.status is Status.REFUTED]
    obstacles = [*_uncertified(cells), *_undeclared(cells), *_too_many_a_day(worst, gate), *obstacles_beside]
    if not any(ruling.cell.level is Level.GROUP for ruling in cells):
        obstacles.append("no group column: nobody can see whom the list would wrongly name more often")
    status = Status.REFUTED if refuted else Status.INSUFFICIENT if obstacles else Status.CERTIFIED
    return Ruling(gate, selection, cells, worst, status, (*refuted, *obstacles))


def tiers_that_would_pass(evidence: Sequence[CellEvidence], gate: Gate) -> tuple[Ruling, ...]:
    """The rulings that the next attempt would certify on the same evidence, one a tier, strictest first."""
    from matcher.domain.policy import TIER_LIMITS

    rulings = (rule(evidence, replace(gate.next, alpha=limit)) for _, limit in TIER_LIMITS)
    return tuple(ruling for ruling in rulings if ruling.status is Status.CERTIFIED)


def expected_a_day(upper95: float, searches_per_day: int) -> Fraction:
    """Expected false alarms a day, exact for the decimal number that the report prints."""
    # Through the printed decimal: the float product 25 * 0.28 is above 7 and would be rounded up to 8.
    return Fraction(repr(upper95)) * searches_per_day


def _judge_cell(evidence: CellEvidence, selection: Selection, gate: Gate) -> CellRuling:
    tau = selection.threshold.tau
    k = None if tau is None else false_alarms(evidence.maxima, tau)
    counted = estimate(k, evidence.n)
    gating = evidence.gates(gate.alpha, gate.delta_j)
    status = _status(k, evidence.n, gating, gate)
    needed = None if status is Status.REFUTED or not gating else 0
    if needed is not None and status is Status.INSUFFICIENT:
        needed = _more_people(k, evidence.n, gate.next)
    rate = GatedRate(counted.k, counted.n, counted.rate, counted.cp95, counted.upper95, status, needed)
    return CellRuling(evidence, gating, rate)


def _status(k: int | None, n: int, gating: bool, gate: Gate) -> Status:
    if k is not None and refutes(k, n, gate.alpha):
        return Status.REFUTED
    if k is not None and certifies(k, n, gate.alpha, gate.delta_j):
        return Status.CERTIFIED
    return Status.INSUFFICIENT if gating else Status.NOT_TESTED


def _more_people(k: int | None, n: int, gate: Gate) -> int:
    # A selected threshold moves with the evidence, so a cell too small for any starts again from no false alarm.
    restarts = k is None or (gate.tau is None and k_star(n, gate.alpha, gate.delta_j) < 0)
    expected = 0 if restarts or k is None else k
    return max(0, people_needed(gate.alpha, expected, delta=gate.delta_j) - n)


def _worst(cells: Sequence[CellRuling]) -> CellRuling | None:
    """Of equal bounds the smallest cell, as for the threshold."""
    counted = [
        (ruling.fpir.upper95, -ruling.fpir.n, ruling.cell.name, ruling)
        for ruling in cells
        if ruling.gating and ruling.fpir.upper95 is not None
    ]
    return max(counted, key=lambda entry: entry[:3])[3] if counted else None


def _refutation(ruling: CellRuling, gate: Gate) -> str:
    return (
        f"{ruling.cell.label}: {ruling.fpir.k} of {ruling.fpir.n} people raised a false alarm; "
        f"the rate is above {100 * gate.alpha:g} % (95 % lower bound)"
    )


def _uncertified(cells: Sequence[CellRuling]) -> list[str]:
    short = [ruling for ruling in cells if ruling.gating and ruling.fpir.status is Status.INSUFFICIENT]
    return [
        f"{ruling.cell.label}: {_counted(ruling.fpir)}; {ruling.fpir.more_people_needed} more people needed"
        for ruling in short
    ]


def _counted(fpir: GatedRate) -> str:
    return f"{fpir.n} people tested" if fpir.k is None else f"{fpir.k} false alarms in {fpir.n} people tested"


def _undeclared(cells: Sequence[CellRuling]) -> list[str]:
    everyone = max((ruling.evidence.people for ruling in cells), default=0)
    return [
        f"{ruling.evidence.people} of {everyone} people declare no {ruling.cell.key[0][0]}: at most 5 % may not"
        for ruling in cells
        if ruling.cell.level is Level.UNDECLARED and ruling.evidence.people > UNDECLARED_LIMIT * everyone
    ]


def _too_many_a_day(worst: CellRuling | None, gate: Gate) -> list[str]:
    if gate.tier != "pilot" or worst is None or worst.fpir.upper95 is None:
        return []
    expected = expected_a_day(worst.fpir.upper95, gate.searches_per_day)
    if expected <= 1:
        return []
    return [
        f"a pilot may expect at most 1 false alarm a day, not {float(expected):.3g} at {gate.searches_per_day} "
        "searches: lower the searches per day or certify a stricter tier"
    ]
