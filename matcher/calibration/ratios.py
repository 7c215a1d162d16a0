"""Whether one group's error rate is above another's, said only as far as exact bounds carry.

1. The ratio of two independent rates x / y is at least L(x) / U(y) and at most U(x) / L(y), with L and U one-sided
   Clopper-Pearson bounds at delta / 2 each: each of the two statements fails with probability at most delta
   (either rate leaves its bound: union bound), whatever the rates. Conservative, so wide.
2. "A differential is present" only if the lower bound exceeds 1. Nothing else here is evidence, in either direction.
3. Over the groups of a column the pair is chosen after looking at the counts, so each of the 2 G bounds spends
   delta / (2 G): all hold at once, for every pair. With delta / 2 the sentence could be wrong G delta of the time.
   The pair is the one with the highest lower bound, not the highest rate: one error in one search is no evidence.
4. Undefined is None with the counts that make it so: no search, or a rate of 0 to divide by.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from matcher.calibration.group_count import GroupCount, counts_text
from matcher.calibration.intervals import lower_bound, steady, upper_bound
from matcher.errors import BadInput


@dataclass(frozen=True, slots=True)
class RateRatio:
    """The rate of `above` over that of `below`; every bound on a single rate spent `spent`.

    `reason` says why a figure is None. `text` is the sentence for people.
    """

    above: GroupCount
    below: GroupCount
    ratio: float | None
    lower: float | None
    upper: float | None
    delta: float
    spent: float
    present: bool
    reason: str | None
    text: str


def rate_ratio(above: GroupCount, below: GroupCount, delta: float = 0.05) -> RateRatio:
    """The ratio of two groups (or of a group and the others) that were named before looking at the counts."""
    return _ratio(above, below, delta, delta / 2)


def widest_ratio(groups: Sequence[GroupCount], delta: float = 0.05) -> RateRatio | None:
    """Of a column's groups the pair with the highest lower bound; None with fewer than two groups that were searched.

    Raises BadInput for groups of several columns.
    """
    if len({group.column for group in groups}) > 1:
        raise BadInput("only groups of one column are compared with each other: people are in a group of each")
    searched = [group for group in groups if group.n]
    if len(searched) < 2:
        return None
    spent = delta / (2 * len(searched))
    lowers = {group: lower_bound(group.k, group.n, spent) for group in searched}
    uppers = {group: upper_bound(group.k, group.n, spent) for group in searched}

    def order(pair: tuple[GroupCount, GroupCount]) -> tuple[float, float, str, str]:
        one, other = pair
        return lowers[one] / uppers[other], one.k / one.n - other.k / other.n, one.label, other.label

    return _ratio(*max(permutations(searched, 2), key=order), delta, spent)


def _ratio(above: GroupCount, below: GroupCount, delta: float, spent: float) -> RateRatio:
    if not 0 < delta < 1:
        raise BadInput("delta is above 0 and below 1")
    unsearched = [group for group in (above, below) if group.n == 0]
    if unsearched:
        reason = counts_text(unsearched)
        return RateRatio(above, below, None, None, None, delta, spent, False, reason, _not_shown(above, below))
    lower = steady(lower_bound(above.k, above.n, spent) / upper_bound(below.k, below.n, spent))
    ratio = upper = None
    if below.k:
        ratio = steady(above.k * below.n / (above.n * below.k))
        upper = steady(upper_bound(above.k, above.n, spent) / lower_bound(below.k, below.n, spent))
    text = _shown(above, below, lower, delta) if lower > 1 else _not_shown(above, below)
    undefined = None if below.k else below.text
    return RateRatio(above, below, ratio, lower, upper, delta, spent, lower > 1, undefined, text)


def _shown(above: GroupCount, below: GroupCount, lower: float, delta: float) -> str:
    # Rounded down: a bound is never overstated.
    hundredths = math.floor(100 * lower)
    return (
        f"A differential is present: the rate of {above.name} ({above.k} of {above.n}) is at least "
        f"{hundredths // 100}.{hundredths % 100:02d} times that of {below.name} ({below.k} of {below.n}), "
        f"with {100 * (1 - delta):g} % confidence."
    )


def _not_shown(above: GroupCount, below: GroupCount) -> str:
    return (
        f"No differential is shown between {above.name} ({above.k} of {above.n}) and {below.name} "
        f"({below.k} of {below.n}); this is not evidence that the rates are equal."
    )
