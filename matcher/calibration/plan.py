"""How many people each gating cell needs, before anything is collected."""

from dataclasses import dataclass

from matcher.calibration.intervals import people_needed
from matcher.calibration.verdict import delta_at

FALSE_ALARMS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A tier, its limit, and the people needed per cell with 0, 1 and 2 false alarms."""

    tier: str
    alpha: float
    people: tuple[int, ...]


def plan_rows(delta: float = 0.05, attempt: int = 1) -> tuple[PlanRow, ...]:
    """One row per tier, the loosest first."""
    from matcher.domain.policy import TIER_LIMITS

    spent = delta_at(delta, attempt)
    return tuple(
        PlanRow(tier.value, limit, tuple(people_needed(limit, k, delta=spent) for k in FALSE_ALARMS))
        for tier, limit in reversed(TIER_LIMITS)
    )
