"""A calibration report in the terminal: the verdict in words first, then numbers, then what is still needed.

Words that come from data (names, labels, sources) are only ever `Text`, never console markup.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from matcher.calibration.comparisons import ComparisonRates
from matcher.calibration.consequence import group_label
from matcher.calibration.differentials import Differentials
from matcher.calibration.engine import EngineTrial
from matcher.calibration.plan import FALSE_ALARMS, PlanRow
from matcher.calibration.report import GroupReport, Report
from matcher.domain.template import score_text
from matcher.report.console import Fitted, plain_table, words
from matcher.report.cross_map import cross_maps, map_lines
from matcher.report.differential_lines import HEADS as HEADS_OF_DIFFERENTIALS
from matcher.report.differential_lines import differential_rows, undefined_lines
from matcher.report.engine_lines import CAPTION as ENGINE_CAPTION
from matcher.report.engine_lines import HEADS as ENGINE_HEADS
from matcher.report.engine_lines import MEANING, engine_rows, structure_line
from matcher.report.failure_lines import CAPTION, HEADS, failure_line, failure_rows, failure_warnings
from matcher.report.integrity_lines import integrity_lines
from matcher.report.interval_bars import chart_lines, false_alarm_chart, miss_chart
from matcher.report.threshold_lines import (
    comparison_lines,
    group_lines,
    same_session_lines,
    selectivity_line,
    share_rows,
)
from matcher.report.wording import counted, share, share_up
from matcher.review.safe_text import safe_display

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

T = TypeVar("T")

_STYLES = {"CERTIFIED": "green", "REFUTED": "bold red", "INSUFFICIENT": "yellow", "NOT TESTED": "dim"}


def report_table(report: Report) -> "Group":
    """The report for a console of 80 columns or more."""
    from rich.console import Group

    blocks: list[RenderableType] = [words(report.verdict.sentence, _STYLES[report.verdict.status])]
    blocks += [words(_worst_misses(report), "bold")]
    blocks += [words(line) for line in _facts(report)]
    blocks += [words(f"- {reason}") for reason in report.verdict.reasons]
    blocks.append(_groups(report.groups))
    blocks += [_drawn(chart_lines, chart) for chart in (false_alarm_chart(report), miss_chart(report))]
    blocks.append(words(""))
    blocks += [words(line, "yellow") for line in failure_warnings(report)]
    blocks.append(words(failure_line(report)))
    blocks += [_failures(report.groups)] if report.everyone.fta.k else []
    blocks += [] if report.engine is None else [_engine(report.engine), words(f"{MEANING}.")]
    blocks += [words(line) for line in (*_still_needed(report), *_passing(report), *_usefulness(report))]
    blocks += [words(line) for line in comparison_lines(report)]
    blocks += [] if report.comparisons is None else _maps(report.comparisons)
    blocks += [words(line) for line in _beside(report)]
    blocks += [block for found in report.differentials or () for block in _differentials(found)]
    blocks += [words(line) for line in integrity_lines(report)]
    blocks += [words(f"{name}: {why}", "dim") for name, why in sorted(report.not_computed.items())]
    return Group(*blocks)


def plan_table(rows: Iterable[PlanRow]) -> "Table":
    """People needed per group and tier."""
    table = plain_table("people needed in every group, with false alarms:")
    table.add_column("tier")
    table.add_column("limit", justify="right")
    for k in FALSE_ALARMS:
        table.add_column(str(k), justify="right")
    for row in rows:
        table.add_row(row.tier, f"{100 * row.alpha:g} %", *(f"{people:,}" for people in row.people))
    return table


def _facts(report: Report) -> list[str]:
    cohort, listed = report.cohort, report.list
    return [
        f"list {listed.name} ({report.binding.N:,} subjects), {listed.searches_per_day:,} searches a day",
        f"cohort {cohort.name} ({cohort.people:,} people), supplied by {cohort.source}",
        f"attempt {report.attempt.j}, delta {report.attempt.delta_j:g}",
        f"digests: list {report.binding.list[:16]}, cohort {report.binding.cohort[:16]}, "
        f"policy {report.binding.policy[:16]}, report {report.digest()[:16]}",
        f"model {report.binding.model}",
        f"run by {report.binding.provider}",
        *(() if report.engine is None else (structure_line(report.engine),)),
    ]


def _groups(groups: Iterable[GroupReport]) -> "Table":
    table = plain_table(
        "false alarms (FPIR), misses (FNIR) and failures to acquire (FTA), by group; * must be certified"
    )
    table.padding = (0, 1, 0, 0)  # nothing is cut at 75 cells, which the interface has at 80
    table.add_column("group", overflow="fold", min_width=12)
    for name in ("n", "k", "FPIR", "up to", "status", "FNIR", "FTA"):
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for group in groups:
        fpir, status = group.fpir, group.fpir.status.value
        table.add_row(
            words(f"{group.cell.label}{' *' if group.gating else ''}"),
            f"{fpir.n:,}",
            "-" if fpir.k is None else f"{fpir.k:,}",
            share(fpir.rate),
            share_up(fpir.upper95),
            words(status, _STYLES[status]),
            "-" if group.fnir is None else counted(group.fnir),
            counted(group.fta),
        )
    return table


def _drawn(lines: Callable[[T, int], Sequence[str]], what: T) -> Fitted:
    """A drawing with a blank line above it."""
    return Fitted(lambda width: ("", *lines(what, width)))


def _maps(rates: ComparisonRates) -> list["RenderableType"]:
    return [*(_drawn(map_lines, one) for one in cross_maps(rates)), words("")]


def _differentials(found: Differentials) -> Iterator["RenderableType"]:
    rows, undefined = list(differential_rows(found)), undefined_lines(found)
    if rows:
        table = plain_table(f"differentials of {safe_display(found.column, 40)}, beside shuffled labels; never a gate")
        table.add_column("measure")
        for name in HEADS_OF_DIFFERENTIALS:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(*row)
        yield table
    yield from (words(line) for line in undefined)


def _failures(groups: Iterable[GroupReport]) -> "Table":
    table = plain_table(CAPTION)
    for name in HEADS:
        table.add_column(name, justify="right" if name in ("FTA", "FTE") else "left", overflow="fold")
    for cells in failure_rows(groups):
        table.add_row(*(words(cell) for cell in cells))
    return table


def _engine(trial: EngineTrial) -> "Table":
    table = plain_table(ENGINE_CAPTION)
    for place, name in enumerate(ENGINE_HEADS):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for cells in engine_rows(trial):
        table.add_row(*(words(cell) for cell in cells))
    return table


def _worst_misses(report: Report) -> str:
    """What the list is good for, first and plainly."""
    worst, everyone = report.fnir_worst, report.everyone
    if worst is None:
        return f"Misses: not measured ({everyone.fnir_reason})."
    return f"Misses: {worst.k} of {worst.n} listed people of the worst group, {group_label(worst.key)}."


def _still_needed(report: Report) -> list[str]:
    short = [(g.cell.label, g.fpir.more_people_needed) for g in report.groups if g.fpir.more_people_needed]
    if not short:
        return []
    tier = f"{100 * report.verdict.alpha:g} % ({report.verdict.tier})"
    told = f"people still needed for {tier}, at the confidence that the next attempt may spend:"
    return [told, *(f"  {label}: {count:,} more" for label, count in short)]


def _passing(report: Report) -> list[str]:
    return [
        f"would pass at {100 * tier.alpha:g} % ({tier.tier}), threshold {score_text(tier.tau)}"
        for tier in report.verdict.would_pass
    ]


def _beside(report: Report) -> list[str]:
    """Work, and groups against each other."""
    work = [] if report.selectivity is None else [selectivity_line(report.selectivity)]
    shares = [f"of raised candidates {right} are right where {prior} of the probes is listed"
              for prior, right in share_rows(report.burden_shares)]  # fmt: skip
    return [*work, *group_lines(report), *shares]


def _usefulness(report: Report) -> list[str]:
    lines = []
    if report.burden is not None:
        lines.append(
            f"expected false alarms: up to {report.burden.expected_false_alarms_per_day:.3g} a day at "
            f"{report.list.searches_per_day:,} searches (worst group {group_label(report.burden.worst_group)})"
        )
    lines += same_session_lines(report)
    return lines
