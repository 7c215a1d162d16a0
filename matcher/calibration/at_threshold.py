"""What a report tells beside the gate, once there is a threshold: comparisons, work, and how unequal groups are.

1. Counted for the people whom adjudication left, at the threshold of the report; without one there is none of it, and
   the report says so.
2. Columns are those that were tested; `undeclared` people are in no group of a column, and are counted.
3. Seeds come from the digests of what the report is about: nobody chooses them.
4. Nothing here certifies or refutes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher.calibration.comparisons import ComparisonRates, comparison_rates
from matcher.calibration.differentials import (
    PERMUTATIONS,
    ColumnOutcomes,
    Differentials,
    column_outcomes,
    differentials,
)
from matcher.calibration.group_tests import GroupTests, compare_groups
from matcher.calibration.groups import label_in
from matcher.calibration.pair_cells import compared
from matcher.calibration.pairs import MOST_PAIRS, more_than
from matcher.calibration.permutation import permutation_seed
from matcher.calibration.ratios import RateRatio, widest_ratio
from matcher.calibration.selectivity import Selectivity, selectivity
from matcher.calibration.trials import Outcomes
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, Millionths, Scores

NO_THRESHOLD = "no threshold"
NO_TEMPLATES = "the people's templates were not given"
TOO_MANY = f"more than {MOST_PAIRS:,} comparisons reach the threshold: it tells nobody apart"


@dataclass(frozen=True, slots=True, eq=False)
class CohortTemplates:
    """Unit float32 rows (n, d), the number of each row's person in the plan, int32 (n,), and what a search returns.

    `candidates` gives, at a threshold, how many subjects each completed search returns, in the order of the plan.
    """

    rows: Floats = field(repr=False)
    owner: Scores = field(repr=False)
    candidates: Callable[[Millionths], npt.NDArray[np.integer]]


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """Whom and what is counted: outcomes, labels (people,), columns with required labels, templates or None."""

    outcomes: Outcomes
    labels: Sequence[Pairs]
    columns: Mapping[str, Sequence[str]]
    templates: CohortTemplates | None
    digests: tuple[str, ...]
    permutations: int = PERMUTATIONS


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The counts. What is None is named in `missing` with the reason."""

    comparisons: ComparisonRates | None
    selectivity: Selectivity | None
    differentials: tuple[Differentials, ...] | None
    ratios: tuple[RateRatio, ...] | None
    group_tests: GroupTests | None
    missing: Mapping[str, str]


def at_threshold(tested: Tested, tau: Millionths | None, subjects: int) -> AtThreshold:
    """Everything at `tau` of a list of so many `subjects`. Raises BadInput for counts that cannot be."""
    if tau is None:
        names = ("comparisons", "selectivity", "differentials", "ratios", "group_tests")
        return AtThreshold(None, None, None, None, None, dict.fromkeys(names, NO_THRESHOLD))
    comparisons, why_not = _comparisons(tested, tau)
    missing = {} if why_not is None else {"comparisons": why_not}
    work = None
    if tested.templates is None:
        missing["selectivity"] = NO_TEMPLATES
    else:
        work = selectivity(tested.templates.candidates(tau), subjects)
    columns = [_column(tested, column, tau) for column in sorted(tested.columns)]
    unequal = tuple(
        differentials(one, permutation_seed(*tested.digests, one.column), tested.permutations) for one in columns
    )
    return AtThreshold(comparisons, work, unequal, ratios_of(unequal), tests_of(unequal), missing)


def ratios_of(found: Sequence[Differentials]) -> tuple[RateRatio, ...]:
    """The widest ratio of each column, of false alarms and of misses, where two groups were searched."""
    pairs = (widest_ratio(counts) for one in found for counts in (one.false_alarms, one.misses))
    return tuple(pair for pair in pairs if pair is not None)


def tests_of(found: Sequence[Differentials]) -> GroupTests:
    """Each group against the others of its column, one family over all columns and both errors."""
    alarms = [count for one in found for count in one.false_alarms]
    misses = [count for one in found for count in one.misses]
    return compare_groups(alarms, misses)


def _column(tested: Tested, column: str, tau: Millionths) -> ColumnOutcomes:
    labels = [label_in(dict(person), column) for person in tested.labels]
    return column_outcomes(column, labels, tested.outcomes, tau, required=tested.columns[column])


def _comparisons(tested: Tested, tau: Millionths) -> tuple[ComparisonRates | None, str | None]:
    templates = tested.templates
    if templates is None:
        return None, NO_TEMPLATES
    if more_than(MOST_PAIRS, templates.rows, templates.owner, tau):
        return None, TOO_MANY
    found = compared(templates.rows, templates.owner, len(tested.labels), tau)
    seed = permutation_seed(*tested.digests, "comparisons")
    return comparison_rates(found, tested.outcomes, tested.labels, sorted(tested.columns), seed), None
