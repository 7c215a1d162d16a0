"""Watching a list after its activation: when the false alarms that reviewers report are too many to be chance.

1. Looked at after 2, 4, 8, ... searches since the activation; look j is at n = 2^j, whenever its searches are judged.
2. k counts those of the first n searches whose candidates reviewers rejected: an estimate of false alarms, as good as
   the reviewers are. While some are not judged yet k can only grow, so a look may be taken early and again.
3. Look j spends 6 delta / (pi^2 j^2); all looks together spend delta. The list is suspended when the one-sided lower
   Clopper-Pearson bound at confidence 1 - that exceeds the alpha it was certified for.
4. So a list whose rate is alpha is ever suspended with probability at most delta. Within 2^14
   searches plain 95 % bounds would suspend 14 to 24 % of such lists at the same looks, and 25 to 43 % if they looked
   after every search: looking again and again finds what is not there.
5. Silence is no evidence: a list that is not suspended has not been shown to hold its alpha.
"""

import math
from dataclasses import dataclass

from matcher.calibration.intervals import lower_bound, steady
from matcher.errors import BadInput


@dataclass(frozen=True, slots=True)
class Look:
    """Look `number` at k of n searches; `lower` is the bound at confidence 1 - `spent`, `exceeded` if above alpha."""

    number: int
    n: int
    k: int
    alpha: float
    spent: float
    lower: float
    exceeded: bool


def searches_at_last_look(searches: int) -> int | None:
    """The n of the last look that so many searches allow; None before the first, at 2."""
    return 1 << (searches.bit_length() - 1) if searches >= 2 else None


def look(k: int, n: int, alpha: float, delta: float = 0.05) -> Look:
    """The look at n = 2^j searches.

    Raises BadInput for another n, impossible counts, or alpha or delta outside (0, 1).
    """
    if searches_at_last_look(n) != n:
        raise BadInput(f"{n} searches are not a power of two: looking at other times would spend more than delta")
    if not (0 <= k <= n and 0 < alpha < 1 and 0 < delta < 1):
        raise BadInput(f"{k} false alarms in {n} searches at alpha {alpha:g} and delta {delta:g} is impossible")
    number = n.bit_length() - 1
    spent = spent_at(delta, number)
    lower = lower_bound(k, n, spent)
    return Look(number, n, k, alpha, spent, lower, lower > alpha)


def spent_at(delta: float, number: int) -> float:
    """The share of delta that a look may spend: unlike attempts (`verdict.delta_at`), no more than delta together."""
    return steady(6 * delta / (math.pi**2 * number**2))
