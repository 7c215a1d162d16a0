"""Differentials: how unequal the error rates of one declared column's groups are, beside what chance alone would show.

1. The measures of `measures.py`, FPIR and FNIR apart and, where their definition joins them, together.
2. Groups weigh alike whatever their size, so small groups make every measure large by chance. Beside each value stands
   its permutation null (`permutation.py`): the median, what 95 % of permutations do not exceed (`limit95`; for FDR what
   they do not fall below), and p = (1 + permutations at least as unequal) / (1 + permutations).
3. A permutation in which the measure is undefined counts as at least as unequal, and how many were is said.
4. Never a gate: no value here certifies or refutes.
5. People who declare no label of the column are in no group: left out and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.calibration.group_count import GroupCount
from matcher.calibration.groups import UNDECLARED
from matcher.calibration.intervals import steady
from matcher.calibration.measures import (
    OF_BOTH,
    OF_ONE_RATE,
    WEIGHT,
    RateArray,
    Rates,
    Statistic,
    inequality,
    reason_undefined,
    shown,
)
from matcher.calibration.permutation import (
    KINDS,
    NOT_TESTED,
    RIGHT,
    WRONG,
    Counts,
    in_canonical_order,
    permuted_errors,
)
from matcher.calibration.trials import Mask, Outcomes
from matcher.domain.template import Millionths
from matcher.errors import BadInput

PERMUTATIONS = 9_999
# Sums of the same rates in another order differ by less (a share of the value, and absolutely), and ties must count.
_SAME, _SAME_NEAR_ZERO = 1e-9, 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class ColumnOutcomes:
    """The people of one column, all arrays (people,): `group` is the place in `labels`, -1 for undeclared.

    `false_alarm` holds where `tested`, `missed` where `mated`. Raises BadInput for arrays of different lengths.
    """

    column: str
    labels: tuple[str, ...]
    group: npt.NDArray[np.int64]
    tested: Mask
    false_alarm: Mask
    mated: Mask
    missed: Mask

    def __post_init__(self) -> None:
        masks = (self.tested, self.false_alarm, self.mated, self.missed)
        if any(mask.shape != self.group.shape for mask in masks):
            raise BadInput("one label and one outcome are needed for each person: count again")

    def table(self) -> Counts:
        """How many people of each kind (`permutation.py`) each group has, (kinds, groups)."""
        alarms = _state(self.tested, self.false_alarm)
        misses = _state(self.mated, self.missed)
        declared = self.group >= 0
        places = (3 * alarms + misses) * len(self.labels) + self.group
        return np.bincount(places[declared], minlength=KINDS * len(self.labels)).reshape(KINDS, len(self.labels))

    def false_alarms(self) -> tuple[GroupCount, ...]:
        """False alarms in completed searches, by group."""
        return self._counts(self.false_alarm & self.tested, self.tested)

    def misses(self) -> tuple[GroupCount, ...]:
        """Misses in mated searches, by group."""
        return self._counts(self.missed & self.mated, self.mated)

    def _counts(self, errors: Mask, searched: Mask) -> tuple[GroupCount, ...]:
        members = [(label, self.group == place) for place, label in enumerate(self.labels)]
        return tuple(
            GroupCount(self.column, label, int((errors & inside).sum()), int((searched & inside).sum()))
            for label, inside in members
        )


@dataclass(frozen=True, slots=True)
class PermutationNull:
    """The same measure under permuted labels, `undefined` times without a value.

    `median` and `limit95` are None where an undefined value stands in their place, `p` where the measure itself is.
    """

    permutations: int
    undefined: int
    median: float | None
    limit95: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure; `value` is None for the `reason`.

    `null` is None with fewer than two groups, or a group without a search: permuting labels changes neither.
    """

    statistic: Statistic
    rates: Rates
    value: float | None
    reason: str | None
    null: PermutationNull | None


@dataclass(frozen=True, slots=True)
class Differentials:
    """All measures of one column. `undeclared` people are in none of them."""

    column: str
    weight: float
    seed: int
    undeclared: int
    false_alarms: tuple[GroupCount, ...]
    misses: tuple[GroupCount, ...]
    measures: tuple[Measure, ...]


def column_outcomes(
    column: str, labels: Sequence[str], outcomes: Outcomes, tau: Millionths, *, required: Sequence[str] = ()
) -> ColumnOutcomes:
    """The outcomes of a column at a threshold; `labels` are the people's (`groups.label_in`), in order."""
    names = tuple(sorted({*labels, *required} - {UNDECLARED}))
    places = {name: place for place, name in enumerate(names)}
    return ColumnOutcomes(
        column,
        names,
        np.array([places.get(label, -1) for label in labels], dtype=np.int64),
        outcomes.completed,
        outcomes.completed & (outcomes.maxima >= tau),
        outcomes.mated,
        outcomes.mated & (outcomes.mates < tau),
    )


def differentials(people: ColumnOutcomes, seed: int, permutations: int = PERMUTATIONS) -> Differentials:
    """Every measure of one column. `seed` comes from digests (`permutation_seed`)."""
    counts = {Rates.FPIR: people.false_alarms(), Rates.FNIR: people.misses()}
    comparable = len(people.labels) > 1
    usable = {rate: comparable and all(group.n for group in groups) for rate, groups in counts.items()}
    permuted = _permuted_rates(in_canonical_order(people.table()), usable, permutations, seed)
    return Differentials(
        people.column,
        WEIGHT,
        seed,
        int((people.group < 0).sum()),
        counts[Rates.FPIR],
        counts[Rates.FNIR],
        (
            *(_measure(stat, rate, counts, permuted) for rate in counts for stat in OF_ONE_RATE),
            *(_measure(stat, Rates.BOTH, counts, permuted) for stat in OF_BOTH),
        ),
    )


def _state(searched: Mask, wrong: Mask) -> npt.NDArray[np.int64]:
    return np.where(searched, np.where(wrong, WRONG, RIGHT), NOT_TESTED)


def _permuted_rates(table: Counts, usable: dict[Rates, bool], permutations: int, seed: int) -> dict[Rates, RateArray]:
    """The rates (groups, permutations) of each usable kind."""
    if not any(usable.values()):
        return {}
    cube = table.reshape(3, 3, -1)
    searches = {Rates.FPIR: cube[RIGHT:].sum(axis=(0, 1)), Rates.FNIR: cube[:, RIGHT:].sum(axis=(0, 1))}
    errors = zip(usable, permuted_errors(table, permutations, seed), strict=True)
    return {rate: counted / searches[rate][:, None] for rate, counted in errors if usable[rate]}


def _measure(
    statistic: Statistic, rates: Rates, counts: dict[Rates, tuple[GroupCount, ...]], permuted: dict[Rates, RateArray]
) -> Measure:
    parts = (Rates.FPIR, Rates.FNIR) if rates is Rates.BOTH else (rates,)
    reason = _reason(statistic, parts, counts)
    if any(part not in permuted for part in parts):
        return Measure(statistic, rates, None, reason, None)
    observed = [np.array([[group.k / group.n] for group in counts[part]]) for part in parts]
    value = None if reason is not None else float(inequality(statistic, observed)[0])
    null = _null(inequality(statistic, [permuted[part] for part in parts]), value, statistic)
    return Measure(statistic, rates, None if value is None else shown(value, statistic), reason, null)


def _null(permuted: RateArray, observed: float | None, statistic: Statistic) -> PermutationNull:
    ordered = np.sort(permuted)
    permutations = len(ordered)

    def at(percent: int) -> float | None:
        value = float(ordered[-(-percent * permutations // 100) - 1])
        return shown(value, statistic) if np.isfinite(value) else None

    p = None
    if observed is not None:
        limit = observed * (1 - _SAME) - _SAME_NEAR_ZERO
        p = steady((1 + int((permuted >= limit).sum())) / (1 + permutations))
    return PermutationNull(permutations, int(np.isinf(permuted).sum()), at(50), at(95), p)


def _reason(statistic: Statistic, parts: Sequence[Rates], counts: dict[Rates, tuple[GroupCount, ...]]) -> str | None:
    reasons = [(part, reason_undefined(statistic, counts[part])) for part in parts]
    found = [reason if len(parts) == 1 else f"{part}: {reason}" for part, reason in reasons if reason is not None]
    return "; ".join(found) if found else None
