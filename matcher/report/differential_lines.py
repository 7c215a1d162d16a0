"""Differentials in the terminal: each measure beside what shuffled labels alone would show."""

from collections.abc import Iterator

from matcher.calibration.differentials import Differentials, Measure
from matcher.report.wording import measured

HEADS = ("value", "null median", "null 95 %", "p")


def differential_rows(found: Differentials) -> Iterator[tuple[str, ...]]:
    """Name and HEADS of every measure that has a value."""
    for one in found.measures:
        if one.value is not None:
            null = one.null
            figures = (None,) * 3 if null is None else (null.median, null.limit95, null.p)
            yield f"{one.statistic} of {one.rates}", *(measured(figure) for figure in (one.value, *figures))


def undefined_lines(found: Differentials) -> list[str]:
    """Which measures have no value, by reason."""
    by_reason: dict[str | None, list[Measure]] = {}
    for one in found.measures:
        if one.value is None:
            by_reason.setdefault(one.reason, []).append(one)
    return [
        f"undefined for {found.column}: {', '.join(f'{one.statistic} of {one.rates}' for one in ones)} ({reason})"
        for reason, ones in by_reason.items()
    ]
