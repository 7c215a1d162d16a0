"""Comparisons between different people, counted within and across declared groups.

1. A comparison is an unordered pair of templates of two people (scores are symmetric); every one is counted once.
2. Identical templates of one person are one template: a picture loaded twice adds nothing.
3. Within a label: pairs of its people. Across two labels: one person of each. `undeclared` is a label: nobody is
   dropped.
4. What was compared follows from how many templates each person has; only pairs of people with a comparison at or above
   the threshold are listed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher.calibration.groups import EVERYONE, label_in
from matcher.calibration.pair_intervals import PairSums
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import BadInput
from matcher.kernels.pairs import ScoredPairs, pairs_reaching

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Who was compared, and what reached `tau`: int64 arrays, read-only.

    `templates` (people,) of each person, 0 for none; persons `first` < `second` (pairs,), each pair once and in order,
    and how many of their comparisons are at or above `tau`, `reaching` (pairs,). Raises BadInput otherwise.
    """

    tau: Millionths
    templates: Numbers = field(repr=False)
    first: Numbers = field(repr=False)
    second: Numbers = field(repr=False)
    reaching: Numbers = field(repr=False)

    def __post_init__(self) -> None:
        if (self.templates < 0).any() or not len(self.first) == len(self.second) == len(self.reaching):
            raise BadInput("comparisons: a number of templates below 0, or lists of different lengths")
        if len(self.first) and not (self.first.min() >= 0 and self.second.max() < len(self.templates)):
            raise BadInput("comparisons: a pair of people who are not in the cohort")
        if (self.first >= self.second).any() or (np.diff(self.first * len(self.templates) + self.second) <= 0).any():
            raise BadInput("comparisons: pairs of people must be in order, each once")
        made = self.templates[self.first] * self.templates[self.second]
        if (self.reaching < 1).any() or (self.reaching > made).any():
            raise BadInput("comparisons: more of a pair's comparisons reach the threshold than were made, or none")


@dataclass(frozen=True, slots=True)
class PairCell:
    """Comparisons within one label (twice the same) or between two; people and templates of each side.

    `person_rate` is the mean over pairs of people of the share of their comparisons that reaches; None without a pair.
    """

    labels: tuple[str, str]
    people: tuple[int, int]
    templates: tuple[int, int]
    sums: PairSums
    person_rate: float | None

    @property
    def within(self) -> bool:
        """True for comparisons among the people of one label."""
        return self.labels[0] == self.labels[1]

    @property
    def independent(self) -> int:
        """How many pairs of people can be formed that share nobody: m of the guaranteed bound."""
        return self.people[0] // 2 if self.within else min(self.people)


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A column: its labels in order, and the number of the label of each person, int64 (people,)."""

    column: str | None
    labels: tuple[str, ...]
    of_person: Numbers = field(repr=False)

    def cells(self) -> Iterator[tuple[int, int]]:
        """Label numbers (a, b), a <= b, in the order of `cell_of`."""
        return ((a, b) for b in range(len(self.labels)) for a in range(b + 1))

    def cell_of(self, found: Comparisons) -> Numbers:
        """The number of the cell of each listed pair of people."""
        one, other = self.of_person[found.first], self.of_person[found.second]
        high = np.maximum(one, other)
        numbers: Numbers = high * (high + 1) // 2 + np.minimum(one, other)
        return numbers


def compared(rows: Floats, owner: Scores, people: int, tau: Millionths, *, threads: int | None = None) -> Comparisons:
    """All comparisons of unit float32 rows (n, d) at `tau`; `owner` int32 (n,) is each row's person, below `people`.

    `threads` None takes as many as there are processors. Raises BadInput for other arrays.
    """
    keep = _distinct(rows, owner)
    rows, owner = rows[keep], owner[keep]
    return listed(pairs_reaching(rows, owner, tau, threads=threads), owner, people, tau)


def listed(pairs: ScoredPairs, owner: Scores, people: int, tau: Millionths) -> Comparisons:
    """The comparisons of templates whose persons are `owner`, of which `pairs` holds all at or above `tau`."""
    if len(owner) and not 0 <= int(owner.min()) <= int(owner.max()) < people:
        raise BadInput("comparisons: a template of somebody who is not in the cohort")
    reach = pairs.score >= tau
    one, other = owner[pairs.first[reach]].astype(np.int64), owner[pairs.second[reach]].astype(np.int64)
    met, reaching = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_counts=True)
    arrays = (np.bincount(owner, minlength=people), met // max(1, people), met % max(1, people), reaching)
    frozen = [array.astype(np.int64) for array in arrays]
    for array in frozen:
        array.flags.writeable = False
    return Comparisons(tau, *frozen)


def partitions(labels: Sequence[Pairs], columns: Sequence[str]) -> tuple[Partition, ...]:
    """Everyone, then each column in order of its name."""
    declared = [dict(pairs) for pairs in labels]
    everyone = Partition(None, (EVERYONE,), np.zeros(len(labels), np.int64))
    named = (_partition(column, [label_in(person, column) for person in declared]) for column in sorted(set(columns)))
    return (everyone, *named)


def cells_of(found: Comparisons, partition: Partition) -> tuple[PairCell, ...]:
    """Every cell of a column, empty ones included, in the order of `Partition.cells`."""
    sides = [_side(found.templates[partition.of_person == number]) for number in range(len(partition.labels))]
    places = list(partition.cells())
    cell = partition.cell_of(found)
    order = np.argsort(cell, kind="stable")
    edges = np.searchsorted(cell[order], np.arange(len(places) + 1))
    # The person of the cell's first label comes first.
    swapped = partition.of_person[found.first] > partition.of_person[found.second]
    one, other = np.where(swapped, (found.second, found.first), (found.first, found.second))
    cells = []
    for at, (a, b) in enumerate(places):
        here = order[edges[at] : edges[at + 1]]
        i, j = one[here], other[here]
        met = _Met(i, j, found.templates[i], found.templates[j], found.reaching[here])
        cells.append(_cell((partition.labels[a], partition.labels[b]), (sides[a], sides[b]), met))
    return tuple(cells)


@dataclass(frozen=True, slots=True)
class _Side:
    """People with a template, and the sums of powers 1 to 4 of their numbers of templates."""

    people: int
    powers: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """The listed pairs of people of a cell: who, their numbers of templates, and how many comparisons reach."""

    one: Numbers
    other: Numbers
    made_by_one: Numbers
    made_by_other: Numbers
    reaching: Numbers


def _side(templates: Numbers) -> _Side:
    some = templates[templates > 0].tolist()
    one, two, three, four = (sum(count**power for count in some) for power in (1, 2, 3, 4))
    return _Side(len(some), (one, two, three, four))


def _cell(labels: tuple[str, str], sides: tuple[_Side, _Side], met: _Met) -> PairCell:
    one, other = sides
    people, templates = (one.people, other.people), (one.powers[0], other.powers[0])
    within = labels[0] == labels[1]
    pairs = one.people * (one.people - 1) // 2 if within else one.people * other.people
    shares = met.reaching / (met.made_by_one * met.made_by_other)
    person_rate = math.fsum(shares.tolist()) / pairs if pairs else None
    return PairCell(
        labels, people, templates, _sums_within(one, met) if within else _sums_across(sides, met), person_rate
    )


def _sums_within(side: _Side, met: _Met) -> PairSums:
    all_, squared, cubed, fourth = side.powers
    made = all_ * all_ * squared - 2 * all_ * cubed + fourth - (squared * squared - fourth) // 2
    rows = zip(met.made_by_one.tolist(), met.made_by_other.tolist(), met.reaching.tolist(), strict=True)
    crossed = sum(k * (i * (all_ - i) + j * (all_ - j) - i * j) for i, j, k in rows)
    return PairSums(int(met.reaching.sum()), (all_ * all_ - squared) // 2, _squares(met), crossed, made)


def _sums_across(sides: tuple[_Side, _Side], met: _Met) -> PairSums:
    (one, one_squared, _, _), (other, other_squared, _, _) = sides[0].powers, sides[1].powers
    made = other * other * one_squared + one * one * other_squared - one_squared * other_squared
    rows = zip(met.made_by_one.tolist(), met.made_by_other.tolist(), met.reaching.tolist(), strict=True)
    crossed = sum(k * (i * other + j * one - i * j) for i, j, k in rows)
    return PairSums(int(met.reaching.sum()), one * other, _squares(met), crossed, made)


def _squares(met: _Met) -> int:
    """Over people, the square of how many of their comparisons reach; less the same over pairs of people."""
    by_person = np.bincount(np.concatenate((met.one, met.other)), np.tile(met.reaching, 2)).astype(np.int64)
    each: list[int] = by_person[by_person > 0].tolist()
    pairs: list[int] = met.reaching.tolist()
    return sum(k * k for k in each) - sum(k * k for k in pairs)


def _partition(column: str | None, labels: Sequence[str]) -> Partition:
    names = tuple(sorted(set(labels)))
    number = {name: place for place, name in enumerate(names)}
    return Partition(column, names, np.array([number[label] for label in labels], np.int64))


def _distinct(rows: Floats, owner: Scores) -> Numbers:
    """Row numbers, in order, of the first of identical rows of one person."""
    whole = np.concatenate((owner[:, np.newaxis].view(np.uint8), np.ascontiguousarray(rows).view(np.uint8)), axis=1)
    _, first = np.unique(whole.view(f"V{whole.shape[1]}").ravel(), return_index=True)
    return np.sort(first)
