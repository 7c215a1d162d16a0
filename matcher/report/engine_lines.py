"""How an approximate engine decided beside the exact one: the rows that terminal and page share."""

from collections.abc import Container, Iterator

from matcher.calibration.engine import Differing, EngineTrial
from matcher.report.wording import share_up

CAPTION = (
    "decisions that differ from the exact engine's, by group, in searches for people who are not on the list / are"
)
HEADS = ("group", "not listed", "named", "up to", "listed", "named", "up to")
MEANING = (
    "An approximate engine only leaves people out: only searches in which the exact engine names somebody can differ. "
    "No difference on these people bounds how often decisions differ, and does not say that they never do"
)


def engine_rows(trial: EngineTrial, hidden: Container[str] = frozenset()) -> Iterator[tuple[str, ...]]:
    """One row a cell, those that are hidden left out."""
    for one in trial.cells:
        if one.cell.name not in hidden:
            yield (one.cell.label, *_cells(one.non_mated), *_cells(one.mated))


def structure_line(trial: EngineTrial) -> str:
    """Which index it was."""
    return f"engine {trial.factory}, structure {trial.structure[:16]}"


def _cells(rate: Differing) -> tuple[str, str, str]:
    if rate.k is None:
        return f"-/{rate.n:,}", "-", "-"
    return f"{rate.k:,}/{rate.n:,}", f"{rate.named:,}", "undefined" if rate.upper95 is None else share_up(rate.upper95)
