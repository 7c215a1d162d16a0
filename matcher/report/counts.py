"""Counts of innocents and rehearsals in the terminal. Words that come from data are `Text`, never markup."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from matcher.calibration.consequence import group_label
from matcher.calibration.innocents import FlaggedGroup
from matcher.calibration.intervals import Estimate
from matcher.calibration.rehearsal import RehearsedTier
from matcher.domain.template import score_text
from matcher.report.console import plain_table, words
from matcher.report.wording import counted, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table


def flagged_table(groups: "Sequence[FlaggedGroup]") -> "Table":
    """How many of each group would be flagged."""
    table = _table("people who are not on the list and would be flagged, by group")
    for name in ("flagged", "rate", "exact 95 %", "Wilson 95 %", "rest", "p", "p (Holm)", "no template"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups:
        test = group.fisher
        table.add_row(
            words(group.cell.label),
            counted(group.flagged),
            share(group.flagged.rate),
            outwards(group.flagged.cp95),
            "-" if group.wilson95 is None else "{:.2f}-{:.2f} %".format(*(100 * bound for bound in group.wilson95)),
            "-" if test is None else f"{test.rest_k}/{test.rest_n}",
            "-" if test is None else f"{test.p:.2g}",
            "-" if test is None else f"{test.holm:.2g}",
            counted(group.fta),
        )
    return table


def rehearsal_table(tiers: "Sequence[RehearsedTier]") -> "Table":
    """The likely threshold of each tier and the group that set it."""
    table = _table("likely thresholds")
    for name in ("limit", "threshold", "set by", "flagged as another", "own picture missed"):
        table.add_column(name, justify="left" if name == "set by" else "right")
    for tier in tiers:
        everyone = tier.groups[0]
        table.add_row(
            words(tier.tier),
            f"{100 * tier.alpha:g} %",
            f"{'about ' if tier.rough else ''}{score_text(tier.tau)}",
            words(_set_by(tier)),
            _told(everyone.flagged),
            _told(everyone.missed),
        )
    return table


def rehearsed_groups_table(tiers: "Sequence[RehearsedTier]") -> "Table":
    """Every group at the threshold of each tier."""
    table = _table("by declared attribute, at those thresholds: flagged as another; own picture missed")
    table.add_column("people", justify="right")
    for tier in tiers:
        table.add_column(f"{tier.tier} {score_text(tier.tau)}", justify="right")
    for place, group in enumerate(tiers[0].groups):
        rows = [tier.groups[place] for tier in tiers]
        cells = [f"{_told(row.flagged)}; {_told(row.missed)}" for row in rows]
        table.add_row(words(group.cell.label), f"{group.n_people:,}", *cells)
    return table


def _set_by(tier: RehearsedTier) -> str:
    if tier.set_by is not None:
        return group_label(tier.set_by)
    return f"rough, a calibration's is likely higher: a group needs {tier.people_needed:,} people"


def outwards(bounds: tuple[float, float] | None) -> str:
    """An exact interval for people, rounded outwards: it is never narrower than what was computed."""
    if bounds is None:
        return "-"
    low, high = (100 * Decimal(repr(bound)) for bound in bounds)
    step = Decimal("0.01")
    return f"{low.quantize(step, ROUND_FLOOR)}-{high.quantize(step, ROUND_CEILING)} %"


def _table(title: str) -> "Table":
    """A table whose first column names the row."""
    table = plain_table(title)
    table.add_column("", overflow="fold", min_width=11)
    return table


def _told(rate: Estimate | None) -> str:
    return "-" if rate is None or rate.k is None else counted(rate)
