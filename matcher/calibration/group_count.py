"""Errors counted in one declared group: the k of n that differentials, ratios and comparisons are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.errors import BadInput

OTHERS = "others"
_NAMED = 5  # groups named in a sentence; the table lists them all


@dataclass(frozen=True, slots=True)
class GroupCount:
    """k errors in n searches of the people of one group. Raises BadInput unless 0 <= k <= n."""

    column: str
    label: str
    k: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n:
            raise BadInput(f"{self.k} errors in {self.n} searches is impossible: count again")

    @property
    def name(self) -> str:
        """For people: `group gender female`."""
        return f"group {self.column} {self.label}"

    @property
    def text(self) -> str:
        """For a reason: `group gender female: 0/412`."""
        return f"{self.name}: {self.k}/{self.n}"


def others_of(group: GroupCount, groups: Sequence[GroupCount]) -> GroupCount:
    """Everybody of the same column who is in another group, pooled."""
    rest = [other for other in groups if other.column == group.column and other.label != group.label]
    return GroupCount(group.column, OTHERS, sum(other.k for other in rest), sum(other.n for other in rest))


def counts_text(groups: Sequence[GroupCount]) -> str:
    """The counts of the first few groups, and how many more there are."""
    named = "; ".join(group.text for group in groups[:_NAMED])
    return named if len(groups) <= _NAMED else f"{named}; and {len(groups) - _NAMED} more"
