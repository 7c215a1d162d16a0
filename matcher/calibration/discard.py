"""What a quality limit would do: error against reject, and whom it rejects, group by group.

The curve is that of Grother and Tabassi 2007, "Performance of Biometric Quality Measures", IEEE TPAMI 29(4).

1. Everything is about people, as in `trials.py`: one probe for each, and for whoever has a second item one mated
   comparison. Given the model these are independent, so Clopper-Pearson holds for every share here.
2. A point of the curve is a limit that a policy could hold. For a wanted share of probes it is the strictest one that
   rejects no more: equal values are rejected together or not at all, so it may reject fewer; the count says how many.
3. A mated comparison is left when both its samples keep to the limit; FNMR is the share of these below the threshold,
   which is one for all points: a limit changes who is compared, not how.
4. A limit that helps has an FNMR that falls as more is rejected. The same picture of one group shows whether it is
   paid for by that group: its share of rejected probes stands beside everybody's.
5. "Rejects more often" is said after Fisher's exact test of a group against the others of its column, adjusted by Holm
   over all limits and groups together. That nothing is said is not evidence that a limit treats groups alike.
6. Quality that is not a number is rejected by every limit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher.calibration.group_count import GroupCount, others_of
from matcher.calibration.group_tests import fisher_two_sided, holm
from matcher.calibration.intervals import Estimate, estimate, steady
from matcher.calibration.trials import Mask
from matcher.domain.revision import Pairs
from matcher.domain.template import Millionths, Scores

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
JUDGED_AT = 0.1  # where a limit that is off is asked whom it rejects
DELTA = 0.05
FEWEST = 3  # comparisons of which a rank correlation says anything
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """People with a probe: their declared labels, sample numbers of probe and reference, intp (people,), mated scores.

    Where there is no mated comparison the reference is -1 and the score, int32 (people,), means nothing.
    """

    labels: tuple[Pairs, ...] = field(repr=False)
    probes: npt.NDArray[np.intp]
    references: npt.NDArray[np.intp]
    scores: Scores

    def groups(self) -> dict[tuple[str, str], Mask]:
        """Who declared each (column, label), by name."""
        named = sorted({pair for pairs in self.labels for pair in pairs})
        return {pair: np.array([pair in pairs for pairs in self.labels], bool) for pair in named}


@dataclass(frozen=True, slots=True)
class GroupPoint:
    """What one limit does to one declared group."""

    column: str
    label: str
    rejected: Estimate
    fnmr: Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """One limit: at most the `wanted` share of probes (None: the policy's own) is worse than `bound`."""

    wanted: float | None
    bound: float
    rejected: Estimate
    fnmr: Estimate
    groups: tuple[GroupPoint, ...]


@dataclass(frozen=True, slots=True)
class LimitEffect:
    """One limit's curve. `least`: what is below a bound is rejected, else what is above.

    `correlation` is Spearman's, of mated scores with the worse of their two samples; None for `reason`.
    """

    name: str
    least: bool
    correlation: float | None
    comparisons: int
    reason: str | None
    before: Estimate
    curve: tuple[Point, ...]
    policy: Point | None

    @property
    def judged(self) -> Point | None:
        """The policy's point, else the strictest wanted share up to `JUDGED_AT`; None without a probe."""
        if self.policy is not None:
            return self.policy
        return next((point for point in reversed(self.curve) if (point.wanted or 0) <= JUDGED_AT), None)


@dataclass(frozen=True, slots=True)
class Uneven:
    """One group against the others of its column at one limit; `more_often`: it is rejected more, adjusted p <= 5 %."""

    limit: str
    bound: float
    group: GroupCount
    others: GroupCount
    p: float
    adjusted: float
    more_often: bool


def limit_effect(
    limit: tuple[str, bool], values: Values, compared: Compared, threshold: Millionths, policy: float | None
) -> LimitEffect:
    """The effect of a limit by (name, least) over the values of all samples, float64 (samples,)."""
    name, least = limit
    # Rounded as a bound is told, or the sample that a bound is taken from might not keep to it.
    told = np.array([steady(value) for value in values.tolist()], np.float64)
    goodness = np.where(np.isnan(told), -np.inf, told if least else -told)
    groups = compared.groups()

    def point(wanted: float | None, bound: float) -> Point:
        keeps = goodness >= (bound if least else -bound)
        return _point(wanted, bound, keeps, (compared, groups), threshold)

    probes = np.sort(goodness[compared.probes])
    bounds = [(share, float(probes[int(share * len(probes))])) for share in SHARES] if len(probes) else []
    curve = [point(share, bound if least else -bound) for share, bound in bounds if np.isfinite(bound)]
    rho, comparisons, reason = _correlation(goodness, compared)
    everything = _point(None, 0.0, np.ones(len(values), bool), (compared, {}), threshold)
    chosen = None if policy is None else point(None, policy)
    return LimitEffect(name, least, rho, comparisons, reason, everything.fnmr, tuple(curve), chosen)


def rejected_unevenly(effects: Sequence[LimitEffect]) -> tuple[Uneven, ...]:
    """Every group at the judged point of every limit that rejects anybody; one family of tests."""
    asked = [
        (effect.name, point.bound, group, others_of(group, groups))
        for effect in effects
        if (point := effect.judged) is not None and point.rejected.k
        for groups in [[GroupCount(one.column, one.label, one.rejected.k or 0, one.rejected.n) for one in point.groups]]
        for group in groups
    ]
    asked = [one for one in asked if one[2].n and one[3].n]
    sizes = Counter((name, group.column) for name, _, group, _ in asked)
    # Of a column with two groups both comparisons are one test.
    tests = [(name, group.column, "" if sizes[name, group.column] == 2 else group.label) for name, _, group, _ in asked]
    found = {test: fisher_two_sided(group, others) for test, (_, _, group, others) in zip(tests, asked, strict=True)}
    adjusted = dict(zip(found, holm(list(found.values())), strict=True))
    return tuple(_uneven(one, found[test], adjusted[test]) for test, one in zip(tests, asked, strict=True))


def _point(
    wanted: float | None,
    bound: float,
    keeps: Mask,
    people: tuple[Compared, Mapping[tuple[str, str], Mask]],
    threshold: Millionths,
) -> Point:
    compared, groups = people
    rejected = ~keeps[compared.probes]
    left = (compared.references >= 0) & ~rejected & keeps[compared.references]
    missed = left & (compared.scores < threshold)

    def rates(who: Mask) -> tuple[Estimate, Estimate]:
        return (
            estimate(int((rejected & who).sum()), int(who.sum())),
            estimate(int((missed & who).sum()), int((left & who).sum())),
        )

    parts = tuple(GroupPoint(*pair, *rates(who)) for pair, who in groups.items())
    return Point(wanted, bound, *rates(np.ones(len(rejected), bool)), parts)


def _correlation(goodness: Values, compared: Compared) -> tuple[float | None, int, str | None]:
    from scipy.stats import rankdata

    mated = compared.references >= 0
    worse = np.minimum(goodness[compared.probes[mated]], goodness[compared.references[mated]])
    scores, count = compared.scores[mated], int(mated.sum())
    if count < FEWEST:
        return None, count, f"{count} mated comparisons"
    if len(np.unique(worse)) == 1 or len(np.unique(scores)) == 1:
        return None, count, "all values are equal"
    return steady(float(np.corrcoef(rankdata(worse), rankdata(scores))[0, 1])), count, None


def _uneven(one: tuple[str, float, GroupCount, GroupCount], p: float, adjusted: float) -> Uneven:
    name, bound, group, others = one
    higher = group.k * others.n > others.k * group.n
    return Uneven(name, bound, group, others, p, adjusted, higher and adjusted <= DELTA)
