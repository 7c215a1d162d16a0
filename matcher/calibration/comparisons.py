"""FMR and FNMR on comparisons, within and across declared groups, at one threshold.

1. FMR = share of comparisons of two different people that score at or above the threshold; every pair of templates of
   two people is one comparison. Pairs of labels are unordered, because scores are symmetric.
2. Two rates: `rate` = k / n, every comparison counts the same; `person_rate`, every pair of people counts the same.
   They are equal where each person has one template. The guaranteed bound is of the second: more pictures of a person
   are no more evidence, and loading them twice cannot narrow it.
3. Three statements of uncertainty, in order of trust: `upper95`, guaranteed (`pair_intervals.py`, 4); `wilson95` with
   n_eff, approximate (2); `bootstrap95` over people (`people_bootstrap.py`), approximate and beside it only.
4. FNMR = share of mated comparisons below the threshold, one for each person: the pair of the trial plan. So people are
   independent trials and Clopper-Pearson is exact. Failures to acquire are in neither rate.
5. The intervals are for people who come independently of each other, at a threshold that was not chosen by these
   comparisons. These rates inform; the gate asks only for FPIR. Whatever is undefined is None, and `reasons` say why.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.intervals import Estimate, estimate, steady
from matcher.calibration.pair_cells import Comparisons, PairCell, Partition, cells_of, partitions
from matcher.calibration.pair_intervals import kl_upper
from matcher.calibration.people_bootstrap import FEWEST_PEOPLE, MOST_PAIRS, REPLICATES, Interval, resample
from matcher.calibration.trials import Outcomes
from matcher.calibration.wilson import wilson
from matcher.domain.revision import Pairs
from matcher.domain.template import Millionths
from matcher.errors import BadInput

METHODS = (
    "upper95: Chernoff-Hoeffding bound of a U-statistic, one-sided, on person_rate (Hoeffding 1963)",
    "wilson95: Wilson interval with n_eff from the plug-in variance of a U-statistic (Fogliato, Patil, Perona 2024)",
    "bootstrap95: percentiles over resampled people",
    "cp95: Clopper-Pearson, one mated comparison a person",
)


@dataclass(frozen=True, slots=True)
class MatchRate:
    """FMR of one cell: k of n comparisons among the people of one label (twice the same), or between two labels.

    `column` is None for everyone. `people` and `templates` count each side; who has no template is in neither.
    """

    column: str | None
    labels: tuple[str, str]
    people: tuple[int, int]
    templates: tuple[int, int]
    k: int
    n: int
    rate: float | None
    n_eff: float | None
    wilson95: Interval | None
    bootstrap95: Interval | None
    person_rate: float | None
    independent: int
    upper95: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NonMatchRate:
    """FNMR of one label, or of everyone (`column` None): mated comparisons below the threshold, one a person.

    `same_session` of the n may be optimistic. `reason` says why nothing is defined.
    """

    column: str | None
    label: str
    people: int
    fnmr: Estimate
    same_session: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ComparisonRates:
    """Everything at one threshold, and how the intervals were made."""

    tau: Millionths
    fmr: tuple[MatchRate, ...]
    fnmr: tuple[NonMatchRate, ...]
    replicates: int
    seed: str
    methods: tuple[str, ...] = METHODS


def comparison_rates(
    found: Comparisons, outcomes: Outcomes, labels: Sequence[Pairs], columns: Sequence[str], seed: int
) -> ComparisonRates:
    """Rates of everyone, then of each column in order of its name; people in one order everywhere, that of the plan.

    `seed` (0 .. 2^128 - 1) comes from the digests. Raises BadInput where the numbers of people differ.
    """
    if not len(found.templates) == len(labels) == len(outcomes.mated):
        raise BadInput(f"{len(found.templates)}, {len(labels)} and {len(outcomes.mated)} people: count the same ones")
    parts = partitions(labels, columns)
    fmr = match_rates(found, parts, seed)
    fnmr = tuple(
        _non_match_rate(part, number, outcomes, found.tau) for part in parts for number in range(len(part.labels))
    )
    return ComparisonRates(found.tau, fmr, fnmr, REPLICATES, f"{seed:032x}")


def match_rates(found: Comparisons, parts: Sequence[Partition], seed: int) -> tuple[MatchRate, ...]:
    """FMR of every cell of these columns, empty ones included."""
    few = len(found.first) <= MOST_PAIRS
    resampled = resample(found, parts, seed) if few else ()
    return tuple(
        _match_rate(part.column, cell, resampled[number].interval(at) if few else None)
        for number, part in enumerate(parts)
        for at, cell in enumerate(cells_of(found, part))
    )


def _match_rate(column: str | None, cell: PairCell, resampled: Interval | None) -> MatchRate:
    k, n, n_eff = cell.sums.k, cell.sums.n, cell.sums.n_eff
    unsuitable = _why_not_resampled(cell, resampled)
    person_rate, missing = cell.person_rate, (unsuitable,)
    if n_eff is None:
        missing = (_why_no_spread(cell),)
    return MatchRate(
        column=column,
        labels=cell.labels,
        people=cell.people,
        templates=cell.templates,
        k=k,
        n=n,
        rate=steady(k / n) if n else None,
        n_eff=None if n_eff is None else steady(float(n_eff)),
        wilson95=None if n_eff is None else wilson(k / n, float(n_eff)),
        bootstrap95=resampled if n_eff is not None and unsuitable is None else None,
        person_rate=None if person_rate is None else steady(person_rate),
        independent=cell.independent,
        upper95=None if person_rate is None else kl_upper(min(1.0, person_rate), cell.independent),
        reasons=tuple(reason for reason in missing if reason is not None),
    )


def _why_no_spread(cell: PairCell) -> str:
    if cell.sums.n:
        which = "all" if cell.sums.k else "none"
        return f"{which} of the comparisons reach the threshold: only the guaranteed bound can be given"
    if cell.within and cell.people[0] == 1:
        return f"{cell.labels[0]}: one person with a template has nobody to be compared with"
    empty = next(label for label, people in zip(cell.labels, cell.people, strict=True) if people == 0)
    return f"{empty}: nobody with a template"


def _why_not_resampled(cell: PairCell, resampled: Interval | None) -> str | None:
    if min(cell.people) < FEWEST_PEOPLE:
        return f"bootstrap: fewer than {FEWEST_PEOPLE} people have fewer different resamples than are drawn"
    return f"bootstrap: not made for more than {MOST_PAIRS:,} pairs of people" if resampled is None else None


def _non_match_rate(part: Partition, number: int, outcomes: Outcomes, tau: Millionths) -> NonMatchRate:
    here = part.of_person == number
    mated = here & outcomes.mated
    missed = int((outcomes.mates[mated] < tau).sum())
    return NonMatchRate(
        column=part.column,
        label=part.labels[number],
        people=int(here.sum()),
        fnmr=estimate(missed, int(mated.sum())),
        same_session=int((mated & outcomes.same_session).sum()),
        reason=None if mated.any() else f"{part.labels[number]}: nobody has two samples with templates",
    )
