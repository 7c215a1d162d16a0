"""Which cells a public copy of a report may show.

1. A cell with 1 to 9 people is suppressed: its numbers could be about somebody whom a reader knows.
2. So that it cannot be found by subtraction, the cells of a column (or of two columns) never hide just one: the next
   smallest goes too.
3. A sentence or a row that names a hidden cell would tell its number too: it is replaced.
4. Suppression is a way of showing: the report, its digest and its verdict stay what they are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.groups import Level
from matcher.calibration.report import GroupReport

FEWEST = 10
LEFT_OUT = "Left out: it is about a cell that a public copy does not show"


def suppressed(groups: Sequence[GroupReport]) -> frozenset[str]:
    """Names of the cells that a public copy leaves out."""
    families: dict[tuple[str, ...], list[GroupReport]] = defaultdict(list)
    for group in groups:
        if group.level is not Level.ALL and group.n_people:
            families[tuple(sorted(group.key))].append(group)
    hidden: set[str] = set()
    for cells in families.values():
        ordered = sorted(cells, key=lambda group: (group.n_people, group.cell.name))
        small = sum(group.n_people < FEWEST for group in ordered)
        taken = max(small, 2) if small else 0
        hidden.update(group.cell.name for group in ordered[:taken])
    return frozenset(hidden)


@dataclass(frozen=True, slots=True)
class Discretion:
    """What is told of a report, sentence by sentence; without hidden labels everything is."""

    labels: tuple[str, ...] = ()

    def told(self, text: str) -> str:
        """The text, or that it is about a cell that is left out."""
        return LEFT_OUT if self.hides(text) else text

    def hides(self, text: str) -> bool:
        """Whether the text names a hidden cell."""
        return any(label in text for label in self.labels)


def discretion(groups: Sequence[GroupReport], hidden: frozenset[str]) -> Discretion:
    """The discretion that these hidden cells ask for."""
    return Discretion(tuple(group.cell.label for group in groups if group.cell.name in hidden))
