"""Many statements at once: groups against each other, permutations, and looks at an active list."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from matcher.calibration.differentials import ColumnOutcomes, differentials
from matcher.calibration.group_count import GroupCount
from matcher.calibration.group_tests import compare_groups, fisher_two_sided
from matcher.calibration.intervals import lower_bound
from matcher.calibration.measures import Rates, Statistic
from matcher.calibration.ratios import rate_ratio, widest_ratio
from matcher.calibration.sequential import look
from matcher.calibration.trials import Mask
from tests.simulations.line import Line

SIZES = (60, 110, 200, 300, 330)
LOOKS = 14
PERMUTATIONS = 199

Whole = npt.NDArray[np.int64]


def lines(repeats: int) -> Iterator[Line]:
    """Every line, from so many cohorts each."""
    yield from _ratios(np.random.default_rng(301), repeats)
    yield from _families(np.random.default_rng(302), repeats)
    yield from _permutations(np.random.default_rng(303), max(1, repeats // 2))
    yield from _looks(np.random.default_rng(304), 10 * repeats)


def _ratios(rng: np.random.Generator, repeats: int) -> Iterator[Line]:
    above = below = chosen = 0
    for _ in range(repeats):
        one, other = (GroupCount("g", name, int(rng.binomial(400, p)), 400) for name, p in (("a", 0.09), ("b", 0.03)))
        found = rate_ratio(one, other)
        above += found.lower is not None and found.lower > 3
        below += found.upper is not None and found.upper < 3
        widest = widest_ratio([GroupCount("g", str(n), int(rng.binomial(n, 0.1)), n) for n in SIZES])
        chosen += widest is not None and widest.present
    truth = "9 % of 400 against 3 % of 400"
    yield Line("ratio of two rates, lower bound", truth, repeats, above, 0.05)
    yield Line("ratio of two rates, upper bound", truth, repeats, below, 0.05)
    yield Line("a differential is present (widest pair)", "five groups, all 10 %", repeats, chosen, 0.05)


def _families(rng: np.random.Generator, repeats: int) -> Iterator[Line]:
    """Two columns of the same people, false alarms and misses: nobody is worse, so every sentence is wrong."""
    people = sum(SIZES)
    columns = {"g": np.repeat(np.arange(len(SIZES)), SIZES), "h": np.arange(people) % 3}
    named = unadjusted = 0
    for _ in range(repeats):
        alarms, misses = (_counted(columns, rng.random(people) < rate) for rate in (0.1, 0.2))
        found = compare_groups(alarms, misses)
        named += any(entry.more_often for entry in found.entries)
        unadjusted += any(entry.p is not None and entry.p <= 0.05 for entry in found.entries)
    truth = "five and three groups of the same people, no difference"
    yield Line("some group is raised or missed more often (Holm)", truth, repeats, named, 0.05)
    yield Line("the same without adjustment (not the product)", truth, repeats, unadjusted, 0.05, contrast=True)
    pairs = [[GroupCount("g", name, int(rng.binomial(150, 0.15)), 150) for name in "ab"] for _ in range(repeats)]
    wrong = sum(fisher_two_sided(*pair) <= 0.05 for pair in pairs)
    yield Line("Fisher's exact test: p of at most 5 %", "15 % of 150 in both groups", repeats, wrong, 0.05)


def _counted(columns: Mapping[str, Whole], hit: Mask) -> list[GroupCount]:
    return [
        GroupCount(column, str(group), int(hit[of == group].sum()), int((of == group).sum()))
        for column, of in columns.items()
        for group in range(int(of.max()) + 1)
    ]


def _permutations(rng: np.random.Generator, repeats: int) -> Iterator[Line]:
    """Without a difference p is at most x in a share x of cohorts: uniform, or above where counts are tied."""
    group = np.repeat(np.arange(len(SIZES)), SIZES)
    everybody = np.ones(len(group), bool)
    labels = tuple(str(place) for place in range(len(SIZES)))
    found: dict[Statistic, list[float]] = {Statistic.GINI: [], Statistic.GARBE: []}
    for seed in range(repeats):
        alarms, misses = (rng.random(len(group)) < rate for rate in (0.2, 0.3))
        people = ColumnOutcomes("g", labels, group, everybody, alarms, everybody, misses)
        for one in differentials(people, seed, PERMUTATIONS).measures:
            p = None if one.null is None else one.null.p
            if one.statistic in found and one.rates is not Rates.FNIR and p is not None:
                found[one.statistic].append(p)
    truth = "five groups, no difference"
    for statistic, ps in found.items():
        for at in (0.05, 0.5):
            wrong = sum(p <= at for p in ps)
            yield Line(f"permutation p of {statistic.value} is at most {at:g}", truth, len(ps), wrong, at)


def _looks(rng: np.random.Generator, repeats: int) -> Iterator[Line]:
    """Lists whose rate is exactly their alpha: ever suspended within 2^14 searches."""
    for alpha in (0.001, 0.01, 0.05):
        new = [2, *(2 ** (number - 1) for number in range(2, LOOKS + 1))]
        counts = np.cumsum([rng.binomial(searches, alpha, repeats) for searches in new], axis=0)
        fewest = [_fewest(2**number, alpha, spending=True) for number in range(1, LOOKS + 1)]
        plain = [_fewest(2**number, alpha, spending=False) for number in range(1, LOOKS + 1)]
        suspended, naive = (int((counts >= np.array(at)[:, None]).any(axis=0).sum()) for at in (fewest, plain))
        truth = f"rate = alpha = {100 * alpha:g} %, looks at 2, 4, .. 16,384 searches"
        yield Line("an active list is suspended", truth, repeats, suspended, 0.05)
        yield Line("the same with plain 95 % bounds (not the product)", truth, repeats, naive, 0.05, contrast=True)


def _fewest(n: int, alpha: float, *, spending: bool) -> int:
    """The fewest false alarms in n searches that suspend; n + 1 where none do."""
    low, high = 0, n + 1
    while low < high:
        k = (low + high) // 2
        over = k <= n and (look(k, n, alpha).exceeded if spending else lower_bound(k, n) > alpha)
        low, high = (low, k) if over or k > n else (k + 1, high)
    return low
