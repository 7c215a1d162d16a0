"""What two reports say differently, for people."""

from collections.abc import Sequence

from matcher.calibration.changes import Difference, ReportChange
from matcher.domain.template import score_text

_SCORES = ("threshold",)


def change_lines(change: ReportChange) -> list[str]:
    """What changed in words and, group by group, for whom; one line that says so where nothing did."""
    lines = [f"list {change.list}: report {change.old[:16]} -> report {change.new[:16]}"]
    lines += [f"  {_line(one)}" for one in change.facts]
    for group in change.groups:
        lines.append(f"{group.group}: {group.change}")
        lines += [f"  {_line(one)}" for one in group.fields]
    return lines if change.facts or change.groups else [*lines, "nothing that is compared differs"]


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """One line for each field, with its dotted path."""
    return [f"{one.path}: {_value(one, one.old)} -> {_value(one, one.new)}" for one in found]


def _line(one: Difference) -> str:
    return f"{one.path.replace('_', ' ')}: {_value(one, one.old)} -> {_value(one, one.new)}"


def _value(one: Difference, value: object) -> str:
    if value is None:
        return "undefined"
    if one.path in _SCORES and isinstance(value, int):
        return score_text(value)
    return str(value)
