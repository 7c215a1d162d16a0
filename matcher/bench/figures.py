"""The numbers of a calibration, to be held against the same numbers from another program.

1. What is counted must be equal, to the last one.
2. Rates and bounds must agree to eight digits: two programs round differently. Lines of a logistic fit, which both
   find by steps, must agree to 0.00002 of their value, or of 1.
3. Permutations are drawn by each program for itself, so they can only agree as two samples of one thing do: by at most
   five standard errors. Draws of the bootstrap are lent, so its intervals fall under rule 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

DIGITS = 1e-8
FITTED = 2e-5
_ERRORS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """`counts`, `rates` (NaN: undefined) and `fitted` by name.

    `nulls` (measures, 3): the median and 95 % limit of each measure of inequality under permuted labels, infinite where
    undefined, and p, NaN where undefined.
    """

    counts: Mapping[str, Numbers]
    rates: Mapping[str, Values]
    fitted: Mapping[str, Values]
    nulls: Values


def differing(ours: Figures, theirs: Figures, permuted: Values) -> list[str]:
    """The names of what is not the same; `permuted` (measures, permutations) are theirs."""
    found = [name for name in {**ours.counts, **theirs.counts} if not _equal(ours.counts, theirs.counts, name)]
    for one, other, apart in (
        (ours.rates, theirs.rates, (DIGITS, 1e-12)),
        (ours.fitted, theirs.fitted, (FITTED, FITTED)),
    ):
        found += [name for name in {**one, **other} if not _close(one, other, name, apart)]
    if len(ours.nulls) != len(permuted) or not all(map(_sampled_alike, ours.nulls, theirs.nulls, permuted)):
        found.append("permutations")
    return sorted(found)


def _equal(one: Mapping[str, Numbers], other: Mapping[str, Numbers], name: str) -> bool:
    return name in one and name in other and np.array_equal(one[name], other[name])


def _close(one: Mapping[str, Values], other: Mapping[str, Values], name: str, near: tuple[float, float]) -> bool:
    if name not in one or name not in other or one[name].shape != other[name].shape:
        return False
    return bool(np.allclose(one[name], other[name], rtol=near[0], atol=near[1], equal_nan=True))


def _sampled_alike(ours: Values, theirs: Values, permuted: Values) -> bool:
    """Whether their permutations put our median and limit where ours do, and p is as large."""
    (median, limit, p), other_p = ours, theirs[2]
    places = ((median, 0.5), (limit, 0.95))
    if any(not _at(permuted, value, share) for value, share in places) or np.isnan(p) != np.isnan(other_p):
        return False
    return bool(np.isnan(p) or abs(p - other_p) <= _slack(p, len(permuted)))


def _at(permuted: Values, value: float, share: float) -> bool:
    """Whether `value` may be the quantile of what `permuted` are drawn from."""
    near = (abs(value) + 1) * 1e-9 if np.isfinite(value) else 0.0  # FDR is kept to ten digits of about 1
    slack = _slack(share, len(permuted))
    below, above = (permuted <= value + near).mean(), (permuted >= value - near).mean()
    return bool(below >= share - slack and above >= 1 - share - slack)


def _slack(share: float, draws: int) -> float:
    """Five standard errors of the difference of two shares, and one draw."""
    return float(_ERRORS * np.sqrt(2 * share * (1 - share) / draws) + 1 / draws)
