"""One line of the table: how often a statement was false.

1. `allowed` is the share of repeats in which it may be false. A line holds unless the share seen is above that by more
   than three standard errors of the simulation.
2. A line for contrast is of a rule that the product does not use, and must break what is allowed: otherwise the
   simulation could not have seen a failure.
3. A line without `allowed` measures an approximation outside what it promises.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Line:
    """`what` was false in `wrong` of `repeats`; `truth` says in what world."""

    what: str
    truth: str
    repeats: int
    wrong: int
    allowed: float | None
    contrast: bool = False

    @property
    def share(self) -> float:
        """The share of repeats in which it was false."""
        return self.wrong / self.repeats

    @property
    def error(self) -> float:
        """One standard error of the simulation, at what is allowed, else at what was seen."""
        share = self.share if self.allowed is None or self.contrast else self.allowed
        return sqrt(share * (1 - share) / self.repeats)

    @property
    def holds(self) -> bool:
        """Rules 1 to 3."""
        if self.allowed is None:
            return True
        if self.contrast:
            return self.share > self.allowed
        return self.share <= self.allowed + 3 * self.error


def table(lines: Iterable[Line]) -> str:
    """One Markdown table."""
    head = "| what, and how often it was false | truth | repeats | measured | allowed | Monte-Carlo error |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(_row, lines)])


def _row(line: Line) -> str:
    allowed = "no promise" if line.allowed is None else f"{100 * line.allowed:.2f} %"
    if line.contrast:
        allowed = f"broken, as it must be: {allowed}"
    mark = "" if line.holds else " **FAILS**"
    return (
        f"| {line.what} | {line.truth} | {line.repeats:,} | {100 * line.share:.2f} %{mark} | {allowed} | "
        f"{100 * line.error:.2f} % |"
    )
