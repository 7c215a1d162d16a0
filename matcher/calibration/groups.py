"""The cells of a report: everyone, every declared group, every two-way cell, and people who declare nothing.

1. Groups are declared metadata; nothing here infers one. Nobody is dropped: a missing label is `undeclared`.
2. A required value that nobody declares is a cell with nobody in it, which no count can certify.
3. Two-way cells join values of two different columns, empty ones included: what was not tested must be named.
4. `all` and every group gate; a two-way cell gates where it is large enough to be certified; `undeclared` does not
   gate, it blocks (REFUTED, or above 5 % of people).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product

import numpy as np

from matcher.calibration.intervals import k_star
from matcher.calibration.trials import Mask
from matcher.domain.revision import Pairs
from matcher.domain.template import Millionths

UNDECLARED = "undeclared"
EVERYONE = "all"
FEWEST = 10  # people whose counts may be told to whoever must not learn of one of them


class Level(StrEnum):
    """What kind of cell."""

    ALL = "all"
    GROUP = "group"
    INTERSECTION = "intersection"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its (column, label) pairs in order of column; none for everyone."""

    key: Pairs
    level: Level

    @property
    def name(self) -> str:
        """Unambiguous text for a file: `all`, or the key as JSON."""
        return json.dumps(dict(self.key), sort_keys=True) if self.key else EVERYONE

    @property
    def label(self) -> str:
        """For people: `gender female, site north`."""
        return ", ".join(f"{column} {label}" for column, label in self.key) if self.key else "everyone"


@dataclass(frozen=True, slots=True)
class CellEvidence:
    """What a verdict is made of: how many people a cell has, and the sorted non-mated maxima of completed searches."""

    cell: Cell
    people: int
    maxima: tuple[Millionths, ...]

    @property
    def n(self) -> int:
        """Completed searches."""
        return len(self.maxima)

    def gates(self, alpha: float, delta: float) -> bool:
        """Whether this cell must be certified."""
        if self.cell.level is Level.INTERSECTION:
            return k_star(self.n, alpha, delta) >= 0
        return self.cell.level is not Level.UNDECLARED


def cells_of(
    labels: Sequence[Pairs], columns: Sequence[str], required: Mapping[str, Sequence[str]]
) -> tuple[Cell, ...]:
    """The cells of people with these `labels` in `columns` and the required ones; everyone first."""
    declared = [dict(pairs) for pairs in labels]
    values: dict[str, list[str]] = {}
    undeclared: list[Cell] = []
    for column in sorted({*columns, *required}):
        found = {label_in(person, column) for person in declared} | set(required.get(column, ()))
        values[column] = sorted(found - {UNDECLARED})
        if UNDECLARED in found:
            undeclared.append(Cell(((column, UNDECLARED),), Level.UNDECLARED))
    groups = [Cell(((column, label),), Level.GROUP) for column in values for label in values[column]]
    pairs = [
        Cell(((one, first), (other, second)), Level.INTERSECTION)
        for one, other in combinations(values, 2)
        for first, second in product(values[one], values[other])
    ]
    return (Cell((), Level.ALL), *groups, *pairs, *undeclared)


def cells_with_people(
    labels: Sequence[Pairs], columns: Sequence[str], required: Mapping[str, Sequence[str]]
) -> list[tuple[Cell, Mask]]:
    """`cells_of` these people, and which of them (people,) are in each."""
    people = [dict(pairs) for pairs in labels]
    cells = cells_of(labels, columns, required)
    holds = {
        (column, label): np.array([label_in(person, column) == label for person in people], dtype=bool)
        for column, label in {pair for cell in cells for pair in cell.key}
    }
    everyone = np.ones(len(people), dtype=bool)
    return [(cell, np.logical_and.reduce([everyone, *(holds[pair] for pair in cell.key)])) for cell in cells]


def untold(cells: Sequence[tuple[Cell, int]]) -> frozenset[Cell]:
    """Of cells and their people those whose counts would be about somebody whom a reader knows, families included.

    A group of 1 to 9 people takes every cell of its column with it, so that nothing can be found by subtraction; a
    two-way cell of 1 to 9 takes all two-way cells of its two columns, whose margins alone stay.
    """
    small = [cell for cell, people in cells if cell.level is not Level.ALL and 0 < people < FEWEST]
    families = [{column for column, _ in cell.key} for cell in small]
    return frozenset(cell for cell, _ in cells if any(family <= {c for c, _ in cell.key} for family in families))


def label_in(person: Mapping[str, str], column: str) -> str:
    """The declared label, or `undeclared` for a missing or empty one."""
    label = person.get(column, "")
    return label if label else UNDECLARED
