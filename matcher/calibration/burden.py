"""What a list asks of people: false alarms a day, and how many of the searches that raise a candidate are right.

1. False alarms a day: the upper bound of FPIR times the searches a day.
2. The share that is right is p (1 - FNIR) / (p (1 - FNIR) + (1 - p) FPIR), where p, the prior, is the probability that
   the person of a probe is on the list. At the upper 95 % bounds of both rates, so it is a floor, not an estimate:
   a rate of 0 false alarms in the cohort must not be read as "always right".
3. The list's declared prior first, where it has one, then 1/100, 1/1,000 and 1/10,000: the prior, not the score,
   decides most of it.
4. Undefined is None with the reason: no completed search, or no mated person to know misses from.
"""

from dataclasses import dataclass

from matcher.calibration.intervals import Estimate, steady
from matcher.calibration.verdict import expected_a_day
from matcher.errors import BadInput

PRIORS = (0.01, 0.001, 0.0001)


@dataclass(frozen=True, slots=True)
class RightShare:
    """At this prior at least `share` of the searches that raise a candidate are right; None for the table's reason."""

    prior: float
    declared: bool
    share: float | None


@dataclass(frozen=True, slots=True)
class BurdenTable:
    """False alarms a day at `searches_per_day`, and the shares. `reason` says why shares are None."""

    searches_per_day: int
    fpir_upper95: float | None
    fnir_upper95: float | None
    false_alarms_a_day: float | None
    shares: tuple[RightShare, ...]
    reason: str | None


def burden_table(
    fpir: Estimate, fnir: Estimate | None, searches_per_day: int, *, prior: float | None, fnir_reason: str | None
) -> BurdenTable:
    """The table of one cell; `fnir_reason` is the report's where `fnir` is None.

    Raises BadInput for a prior outside (0, 1).
    """
    if prior is not None and not 0 < prior < 1:
        raise BadInput("a prior is above 0 and below 1")
    alarms, misses = fpir.upper95, None if fnir is None else fnir.upper95
    reason = None
    if alarms is None:
        reason = "FPIR is unknown: no completed search or no threshold"
    elif misses is None:
        reason = f"FNIR is unknown: {fnir_reason or 'no mated search'}"
    declared = () if prior is None else (prior,)
    shares = [(p, True) for p in declared] + [(p, False) for p in PRIORS if p not in declared]
    return BurdenTable(
        searches_per_day,
        alarms,
        misses,
        None if alarms is None else steady(float(expected_a_day(alarms, searches_per_day))),
        tuple(RightShare(p, by_list, share_right(p, alarms, misses)) for p, by_list in shares),
        reason,
    )


def share_right(prior: float, fpir: float | None, fnir: float | None) -> float | None:
    """The share that is right at these rates; None where a rate is unknown, or nothing is ever raised."""
    if fpir is None or fnir is None:
        return None
    right, wrong = prior * (1 - fnir), (1 - prior) * fpir
    return steady(right / (right + wrong)) if right + wrong > 0 else None
