"""A calibration as one would write it with NumPy and SciPy: blocked matrix products, loops, library distributions.

1. Nothing of `matcher.calibration` or the kernels runs here; the formulas are written again from their sources.
2. The draws of the bootstrap over people are lent, so that its intervals must be the same; making them is not timed.
3. It assumes what the made-up cohort has: two templates of everybody, and a completed search of everybody.
4. It does less: no bootstrap of the likelihood ratio, no bounds of it, and no report (`LEFT_OUT`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse, stats

from matcher.bench.figures import Figures, Numbers, Values
from matcher.bench.phases import Phases

LEFT_OUT = (
    "2,000 bootstrap replicates of the likelihood ratio in every gating cell",
    "caps and reliability of the likelihood ratio",
    "the verdict and the report with its digests",
)
BLOCK = 500
BINS = 2_000
RIDGE = 1_000.0
FOLDS = 10
FEWEST = 20
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Unit rows (n, d) of persons `owner` (n,), rising; the list's rows; each person's labels (2, people).

    `probes` and `references` are rows (people,), `drawn` (people, replicates) how often each person is drawn.
    """

    rows: npt.NDArray[np.float32]
    owner: Numbers
    listed: npt.NDArray[np.float32]
    labels: Numbers
    probes: Numbers
    references: Numbers
    drawn: Numbers
    alpha: float
    delta: float
    permutations: int


def answered(question: Question, phases: Phases) -> tuple[Figures, Values]:
    """The numbers, and the permuted measures of inequality (measures, permutations)."""
    counts: dict[str, Numbers] = {}
    rates: dict[str, Values] = {}
    with phases.timed("searches"):
        maxima, mates = _searches(question)
        counts |= {"maxima": maxima, "mates": mates}
    with phases.timed("bounds and threshold"):
        cells = _cells(question.labels)
        tau, gating = _threshold(cells, maxima, question)
        alarms, misses = maxima >= tau, mates < tau
        for name, errors in (("false alarms", alarms), ("misses", misses)):
            counts[name] = np.array([(errors[cell].sum(), cell.sum()) for cell in cells])
            rates[f"{name}: bounds"] = np.array([_bounds(int(k), int(n)) for k, n in counts[name]])
        counts["threshold"] = np.array([tau])
    with phases.timed("likelihood ratio"):
        fitted = _likelihood(gating, mates, maxima)
    with phases.timed("comparisons"):
        counts["histograms"], reaching = _comparisons(question, tau)
    with phases.timed("rates and bootstrap over people"):
        found = [_pair_cell(reaching, one, other, question) for one, other in _pair_cells(question.labels)]
        counts["comparisons"] = np.array([cell[0] for cell in found])
        rates["comparisons: intervals"] = np.array([cell[1] for cell in found])
    with phases.timed("permutations"):
        columns = list(question.labels)
        permuted = np.concatenate([_permuted(column, alarms, misses, question.permutations) for column in columns])
        seen = np.concatenate([_measures(*_by_group(column, alarms, misses)) for column in columns])[:, 0]
    with phases.timed("comparisons of groups"):
        rates["group tests"] = _group_tests(question.labels, alarms, misses)
    defined = np.where(np.isinf(seen), np.nan, seen).reshape(len(columns), -1)
    rates["measures"] = np.hstack([defined[:, :-1], 1 - defined[:, -1:]]).ravel()  # FDR as it is told
    return Figures(counts, rates, fitted, _nulls(permuted, seen)), permuted


def _scores(one: Values, other: Values) -> Numbers:
    return np.rint(1e6 * np.clip(one @ other.T, -1, 1)).astype(np.int64)


def _searches(question: Question) -> tuple[Numbers, Numbers]:
    rows, listed = question.rows.astype(np.float64), question.listed.astype(np.float64)
    maxima = _scores(rows[question.probes], listed).max(axis=1)
    products = np.einsum("ij,ij->i", rows[question.probes], rows[question.references])
    return maxima, np.rint(1e6 * np.clip(products, -1, 1)).astype(np.int64)


def _cells(labels: Numbers) -> list[Mask]:
    """Everyone, every group, every two-way cell."""
    groups = [[column == label for label in range(column.max() + 1)] for column in labels]
    return [np.ones(labels.shape[1], bool), *groups[0], *groups[1], *(one & other for one, other in product(*groups))]


def _threshold(cells: list[Mask], maxima: Numbers, question: Question) -> tuple[int, list[Mask]]:
    """The threshold, and the gating cells: everyone, the groups, and two-way cells that are large enough."""
    proposals, gating = [], []
    always = 1 + sum(column.max() + 1 for column in question.labels)
    for place, cell in enumerate(cells):
        scores, n = np.sort(maxima[cell])[::-1], int(cell.sum())
        allowed = -1
        while allowed + 1 < n and stats.beta.ppf(1 - question.delta, allowed + 2, n - allowed - 1) <= question.alpha:
            allowed += 1
        if allowed >= 0:
            proposals.append((int(scores[allowed]) // 100 + 1) * 100)
        if allowed >= 0 or place < always:
            gating.append(cell)
    return max(proposals), gating


def _bounds(k: int, n: int) -> tuple[float, float, float]:
    """Clopper-Pearson, two-sided and the one-sided upper bound."""
    if n == 0:
        return math.nan, math.nan, math.nan
    test = stats.binomtest(k, n)
    both = test.proportion_ci(0.95, method="exact")
    upper = stats.binomtest(k, n, alternative="less").proportion_ci(0.95, method="exact").high
    return float(both.low), float(both.high), float(upper)


def _comparisons(question: Question, tau: int) -> tuple[Numbers, Numbers]:
    """Histograms of each pair of two-way cells, and how many comparisons of each two people reach (people, people)."""
    rows, owner = question.rows.astype(np.float64), question.owner
    joint = (question.labels[0] * (question.labels[1].max() + 1) + question.labels[1])[owner]
    groups, people = int(joint.max()) + 1, question.labels.shape[1]
    histograms = np.zeros(groups * (groups + 1) // 2 * BINS, np.int64)
    reaching = np.zeros((people, people), np.int64)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        scores = _scores(rows[part], rows[start:])
        once = owner[part][:, np.newaxis] < owner[start:]
        low, high = np.minimum.outer(joint[part], joint[start:]), np.maximum.outer(joint[part], joint[start:])
        bins = np.minimum((scores + 1_000_000) // 1_000, BINS - 1)
        where = (high * (high + 1) // 2 + low) * BINS + bins
        histograms += np.bincount(where[once], minlength=len(histograms))
        first, second = np.nonzero(once & (scores >= tau))
        np.add.at(reaching, (owner[part][first], owner[start:][second]), 1)
    return histograms.reshape(-1, BINS), reaching + reaching.T


def _pair_cells(labels: Numbers) -> list[tuple[Mask, Mask]]:
    """Everyone with everyone, then the pairs of labels of each column."""
    everyone = np.ones(labels.shape[1], bool)
    pairs = [(everyone, everyone)]
    for column in labels:
        places = sorted(combinations_with_replacement(range(column.max() + 1), 2), key=lambda pair: pair[::-1])
        pairs += [(column == one, column == other) for one, other in places]
    return pairs


def _pair_cell(reaching: Numbers, one: Mask, other: Mask, question: Question) -> tuple[tuple[int, int], list[float]]:
    """K and n; n_eff, Wilson's interval, the bootstrap's, and the guaranteed bound."""
    here, within = reaching[np.ix_(one, other)], bool((one == other).all())
    made = np.full(here.shape, 4.0)
    if within:
        np.fill_diagonal(made, 0)
    twice = 2 if within else 1
    k, n = int(here.sum()) // twice, int(made.sum()) // twice
    rate, people = k / n, int(one.sum()) // 2 if within else min(one.sum(), other.sum())
    bound = _guaranteed(rate, int(people))
    if not 0 < k < n:
        return (k, n), [math.nan] * 5 + [bound]
    rest = here - rate * made
    sides = (rest.sum(axis=1),) if within else (rest.sum(axis=1), rest.sum(axis=0))
    variance = (sum((side**2).sum() for side in sides) - (rest**2).sum() / twice) / n**2
    n_eff = rate * (1 - rate) / max(variance, rate * (1 - rate) / n)
    shares = _resampled(here, one, other, question.drawn)
    rank = max(1, (len(shares) + 1) // 40)
    return (k, n), [n_eff, *_wilson(rate, n_eff), shares[rank - 1], shares[-rank], bound]


def _resampled(here: Numbers, one: Mask, other: Mask, drawn: Numbers) -> Values:
    first, second = drawn[one].astype(np.float64), drawn[other].astype(np.float64)
    reach = (first * np.asarray(sparse.csr_array(here.astype(np.float64)) @ second)).sum(axis=0)
    made = 4 * first.sum(axis=0) * second.sum(axis=0)
    if (one == other).all():
        made -= 4 * (first**2).sum(axis=0)
    return np.sort(reach[made > 0] / made[made > 0])


def _wilson(rate: float, n: float) -> tuple[float, float]:
    z = stats.norm.ppf(0.975)
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def _guaranteed(rate: float, pairs: int) -> float:
    """The p at which Chernoff's bound with so many independent pairs of people is 5 %."""

    def excess(p: float) -> float:
        heads = rate * math.log(rate / p) if rate > 0 else 0.0
        return heads + (1 - rate) * math.log((1 - rate) / (1 - p)) - math.log(20) / pairs

    return float(optimize.brentq(excess, max(rate, 1e-12), 1 - 1e-12, xtol=1e-15, rtol=1e-14))


def _by_group(labels: Numbers, alarms: Mask, misses: Mask) -> tuple[Values, Values]:
    """FPIR and FNIR of each group (groups, 1)."""
    people = np.bincount(labels)
    both = (np.bincount(labels, errors) / people for errors in (alarms, misses))
    one, other = both
    return one[:, np.newaxis], other[:, np.newaxis]


def _permuted(labels: Numbers, alarms: Mask, misses: Mask, permutations: int) -> Values:
    rng, groups = np.random.default_rng(1), int(labels.max()) + 1
    people = np.bincount(labels)[:, np.newaxis]
    counted = np.empty((2, permutations, groups))
    for at in range(permutations):
        dealt = rng.permutation(labels)
        counted[0, at] = np.bincount(dealt[alarms], minlength=groups)
        counted[1, at] = np.bincount(dealt[misses], minlength=groups)
    return _measures(counted[0].T / people, counted[1].T / people)


def _measures(alarms: Values, misses: Values) -> Values:
    """Five measures of FPIR, five of FNIR, and GARBE, IR and 1 - FDR: (13, columns), infinite where undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (np.stack([measure(rates) for measure in _ONE]) for rates in (alarms, misses))
        one, other = (np.where(np.isnan(values), np.inf, values) for values in (one, other))
        both = [(one[0] + other[0]) / 2, np.sqrt(one[1]) * np.sqrt(other[1]), (one[2] + other[2]) / 2]
    return np.concatenate([one, other, both])


def _gini(rates: Values) -> Values:
    groups = len(rates)
    apart = np.abs(rates[:, np.newaxis] - rates).sum(axis=(0, 1))
    return np.asarray(groups / (groups - 1) * apart / (2 * groups**2 * rates.mean(axis=0)))


_ONE: tuple[Callable[[Values], Values], ...] = (
    _gini,
    lambda rates: rates.max(axis=0) / rates.min(axis=0),
    lambda rates: rates.max(axis=0) - rates.min(axis=0),
    lambda rates: rates.max(axis=0) / stats.gmean(rates, axis=0),
    lambda rates: rates.max(axis=0) / rates.mean(axis=0),
)


def _nulls(permuted: Values, seen: Values) -> Values:
    """Median, 95 % limit and p of each measure."""
    at_least = permuted >= np.where(np.isinf(seen), seen, seen * (1 - 1e-9) - 1e-12)[:, np.newaxis]
    p = np.where(np.isinf(seen), np.nan, (1 + at_least.sum(axis=1)) / (1 + permuted.shape[1]))
    ends = np.quantile(permuted, (0.5, 0.95), axis=1, method="inverted_cdf")
    return np.stack([*ends, p], axis=1)


def _group_tests(labels: Numbers, alarms: Mask, misses: Mask) -> Values:
    """Fisher's p of each group against the others, and Holm's over all: (tests, 2)."""
    p = []
    for errors, column in product((alarms, misses), labels):
        for label in range(column.max() + 1):
            inside = column == label
            table = np.array([[errors[side].sum(), (~errors[side]).sum()] for side in (inside, ~inside)])
            p.append(float(stats.fisher_exact(table).pvalue))
    order, adjusted, highest = np.argsort(p, kind="stable"), np.empty(len(p)), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return np.stack([p, adjusted], axis=1)


def _likelihood(cells: list[Mask], mates: Numbers, maxima: Numbers) -> dict[str, Values]:
    """Lines (cells, 2) in log10, and Cllr of each cell on people whom the lines were not fitted to."""
    centre = round((mates.mean() + maxima.mean()) / 2)
    scale = round(math.sqrt((((mates - centre) ** 2).mean() + ((maxima - centre) ** 2).mean()) / 2))
    z = (mates - centre) / scale, (maxima - centre) / scale
    everybody, folds = cells[0], np.arange(len(mates)) % FOLDS
    answers = np.empty((2, len(mates)))
    for fold in range(FOLDS):
        lines = _lines(cells, z, folds != fold)
        for which in (0, 1):
            here = z[which][folds == fold]
            answers[which, folds == fold] = (lines[:, :1] + lines[:, 1:] * here).min(axis=0)
    bits = np.log2(1 + 10 ** -answers[0]), np.log2(1 + 10 ** answers[1])
    cllr = [math.nan if cell.sum() < FEWEST else (bits[0][cell].mean() + bits[1][cell].mean()) / 2 for cell in cells]
    return {"lines": _lines(cells, z, everybody), "cllr": np.array(cllr)}


def _lines(cells: list[Mask], z: tuple[Values, Values], kept: Mask) -> Values:
    lines: list[tuple[float, float]] = []
    for cell in cells:
        who = cell & kept
        slope = lines[0][1] if cell.sum() < FEWEST else None
        lines.append(_line(z[0][who], z[1][who], slope))
    return np.array(lines) / math.log(10)


def _line(mated: Values, nonmated: Values, slope: float | None) -> tuple[float, float]:
    """Intercept and slope of balanced logistic regression with a weak ridge on the slope."""
    size = len(mated) + len(nonmated)

    def cost(at: Values) -> tuple[float, Values]:
        a, b = at[0], at[1] if slope is None else slope
        one, other = a + b * mated, a + b * nonmated
        value = np.logaddexp(0, -one).mean() / 2 + np.logaddexp(0, other).mean() / 2 + b * b / (2 * RIDGE * size)
        wrong, right = -1 / (1 + np.exp(one)) / len(mated) / 2, 1 / (1 + np.exp(-other)) / len(nonmated) / 2
        along = (wrong * mated).sum() + (right * nonmated).sum() + b / (RIDGE * size)
        return float(value), np.array([wrong.sum() + right.sum(), along])[: len(at)]

    found = optimize.minimize(
        cost, np.zeros(1 if slope is not None else 2), jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    a, b = float(found.x[0]), float(found.x[1]) if slope is None else slope
    return (a, b) if b > 0 else (0.0, 0.0)
