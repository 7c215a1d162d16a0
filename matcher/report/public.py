"""Which cells a public copy of a report may show.

1. A cell with 1 to 9 people is suppressed: its numbers could be about somebody whom a reader knows.
2. Its whole family goes with it (`groups.untold`), so that it cannot be found by subtraction.
3. A sentence or a row that names a hidden cell would tell its number too: it is replaced. What may follow from rates
   of a hidden cell without naming it (reasons, burden, likelihood ratio) is left out too, where anything is hidden.
4. Suppression is a way of showing: the report, its digest and its verdict stay what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.groups import untold
from matcher.calibration.report import GroupReport

LEFT_OUT = "Left out: it is about a cell that a public copy does not show"


def suppressed(groups: Sequence[GroupReport]) -> frozenset[str]:
    """Names of the cells that a public copy leaves out."""
    return frozenset(cell.name for cell in untold([(group.cell, group.n_people) for group in groups]))


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
