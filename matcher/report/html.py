"""A calibration report as one self-contained HTML file: the verdict first, then what it rests on, then what to do.

The order: verdict, groups, an approximate engine, false alarms, comparisons, curves, scores, likelihood ratio,
differentials, people still needed, expected burden, attempts and adjudication, digests. Equal reports give equal bytes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from matcher.calibration.consequence import group_label
from matcher.calibration.engine import engine_line
from matcher.calibration.groups import FEWEST
from matcher.calibration.report import GroupReport, Report
from matcher.domain.template import score_text
from matcher.report.document import Figure, Section, Table, document
from matcher.report.engine_lines import CAPTION as ENGINE_CAPTION
from matcher.report.engine_lines import HEADS as ENGINE_HEADS
from matcher.report.engine_lines import MEANING, engine_rows
from matcher.report.failure_lines import CAPTION, HEADS, failure_line, failure_rows, failure_warnings
from matcher.report.integrity_lines import integrity_lines
from matcher.report.plots.curves import by_threshold, det
from matcher.report.plots.differential import differential
from matcher.report.plots.forest import forest
from matcher.report.plots.heat import heat
from matcher.report.plots.histogram import histogram
from matcher.report.plots.ratio import ratio_curve, reliability
from matcher.report.public import LEFT_OUT, Discretion, discretion, suppressed
from matcher.report.threshold_lines import (
    NEVER_A_GATE,
    comparison_lines,
    group_lines,
    same_session_lines,
    selectivity_line,
    share_rows,
)
from matcher.report.wording import counted, share, share_up, with_interval


def report_html(report: Report, *, public: bool = False) -> str:
    """The file's text. A `public` copy leaves out the numbers of cells with 1 to 9 people (see `public.py`)."""
    hidden = suppressed(report.groups) if public else frozenset[str]()
    shown = tuple(group for group in report.groups if group.cell.name not in hidden)
    careful = discretion(report.groups, hidden)
    sections = [*_head(report, shown, hidden), *_evidence(report, shown, hidden), *_tail(report, hidden)]
    verdict = report.verdict
    told = verdict.sentence
    if careful.hides(told):
        told = f"{verdict.status.value} at {100 * verdict.alpha:g} % ({verdict.tier}). {LEFT_OUT}."
    return document(f"Calibration of list {report.list.name}", told, [_careful(one, careful) for one in sections])


def _careful(section: Section, careful: Discretion) -> Section:
    paragraphs = tuple(dict.fromkeys(careful.told(text) for text in section.paragraphs))
    blocks = tuple(_without(block, careful) if isinstance(block, Table) else block for block in section.blocks)
    return replace(section, paragraphs=paragraphs, blocks=blocks)


def _without(table: Table, careful: Discretion) -> Table:
    return replace(table, rows=tuple(row for row in table.rows if not careful.hides(row[0])))


def _head(report: Report, shown: tuple[GroupReport, ...], hidden: frozenset[str]) -> Iterator[Section]:
    reasons = () if hidden else tuple(f"In the way: {reason}." for reason in report.verdict.reasons)
    yield Section("What was tested", (*_facts(report), *reasons))
    notes = [f"{len(hidden)} cells are left out: they, or one beside them, have fewer than {FEWEST} people."]
    sessions = [f"{line[0].upper()}{line[1:]}." for line in same_session_lines(report)]
    yield Section("Groups", (_misses(report), *sessions, *(notes if hidden else ())), (_groups(shown),))
    yield _failures(report, shown)
    if report.engine is not None:
        table = Table(ENGINE_CAPTION, ENGINE_HEADS, tuple(engine_rows(report.engine, hidden)))
        yield Section("The engine beside the exact one", (engine_line(report.engine), f"{MEANING}."), (table,))


def _failures(report: Report, shown: tuple[GroupReport, ...]) -> Section:
    rows = tuple(failure_rows(shown))
    told = (*failure_warnings(report), failure_line(report))
    if not failure_warnings(report):
        told += report.failure_tests.sentences
    table = (Table(CAPTION, HEADS, rows, frozenset({0, 2, 4})),) if rows else ()
    return Section("Whose pictures could not be used", tuple(_sentence(line.rstrip(".")) for line in told), table)


def _evidence(report: Report, shown: tuple[GroupReport, ...], hidden: frozenset[str]) -> Iterator[Section]:
    yield Section("False alarms, group by group", (), (forest(report, shown),))
    yield _comparisons(report, hidden)
    yield Section("Misses against false alarms", *_or_reason(det(report, shown), "nobody has mates: no curve"))
    yield Section("False alarms by threshold", *_or_reason(by_threshold(report, shown), "no search was completed"))
    yield Section("Where scores lie", *_or_reason(histogram(report), "no search was completed"))
    if not hidden:
        yield _likelihood(report)
    yield _differentials(report, hidden)


def _comparisons(report: Report, hidden: frozenset[str]) -> Section:
    rates, lines = report.comparisons, [*comparison_lines(report)]
    if report.selectivity is not None:
        lines.append(selectivity_line(report.selectivity))
    if rates is None:
        return Section("Who is taken for whom", tuple(_sentence(line) for line in lines))
    columns = sorted({rate.column for rate in rates.fmr if rate.column is not None})
    figures = (heat(rates, column, place, _labels_of(hidden, column)) for place, column in enumerate(columns))
    return Section(
        "Who is taken for whom",
        tuple(_sentence(line) for line in lines),
        tuple(figure for figure in figures if figure is not None),
    )


def _labels_of(hidden: frozenset[str], column: str) -> frozenset[str]:
    """Hidden labels of one column."""
    keys = (json.loads(name) for name in hidden)
    return frozenset(key[column] for key in keys if len(key) == 1 and column in key)


def _likelihood(report: Report) -> Section:
    found = report.likelihood
    notes = () if found.hidden is None else (f"Not shown to reviewers: {found.hidden}.",)
    if found.estimated is None:
        return Section("Likelihood ratio of a score", notes)
    return Section("Likelihood ratio of a score", notes, (ratio_curve(found.estimated), reliability(found.estimated)))


def _differentials(report: Report, hidden: frozenset[str]) -> Section:
    found = report.differentials or ()
    shown = [one for one in found if not _labels_of(hidden, one.column)]
    left_out = (f"{len(found) - len(shown)} columns are left out.",) if len(shown) < len(found) else ()
    return Section(
        "Groups against each other",
        (*group_lines(report), NEVER_A_GATE, *left_out),
        tuple(differential(one, place) for place, one in enumerate(shown)),
    )


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _tail(report: Report, hidden: frozenset[str]) -> Iterator[Section]:
    yield Section("People still needed", *_needed(report))
    if not hidden:
        heads = ("listed people among probes", "right")
        shares = Table("Searches that raise a candidate: how many are right", heads, share_rows(report.burden_shares))
        yield Section("What to expect a day", _burden(report), (shares,))
    attempt = report.attempt
    yield Section(
        "Attempts",
        (
            f"This was attempt {attempt.j} since an approver last activated one; it could spend {attempt.delta_j:g} of "
            "error probability: 6 delta / (pi^2 j^2) from the second attempt on, together at most 1.4 delta.",
        ),
    )
    yield Section("People looked at again", tuple(_sentence(line.strip()) for line in integrity_lines(report)))
    if report.not_computed:
        yield Section("Undefined", tuple(f"{name}: {why}." for name, why in sorted(report.not_computed.items())))
    yield Section("Digests", (), (_digests(report),), ("matcher report replay REPORT.json",))


def _or_reason(figure: Figure | None, reason: str) -> tuple[tuple[str, ...], tuple[Figure, ...]]:
    return ((f"Undefined: {reason}.",), ()) if figure is None else ((), (figure,))


def _facts(report: Report) -> Iterable[str]:
    cohort, listed = report.cohort, report.list
    yield (
        f"List {listed.name}: {report.binding.N:,} subjects, {listed.searches_per_day:,} searches a day expected. "
        f"Cohort {cohort.name}: {cohort.people:,} people, supplied by {cohort.source}."
    )
    if report.threshold.tau is not None:
        yield f"Threshold {score_text(report.threshold.tau)}: {report.threshold.rule}."
    untested = [group_label(key) for key in report.verdict.not_tested if "left out" not in key.values()]
    if untested:
        yield f"NOT TESTED: {'; '.join(untested)}."
    if cohort.left_out:
        yield f"Columns declared and not tested: {', '.join(cohort.left_out)}."


def _misses(report: Report) -> str:
    worst = report.fnir_worst
    if worst is None:
        return f"Misses: not measured ({report.everyone.fnir_reason})."
    return f"Misses: {worst.k} of {worst.n} listed people of the worst group, {group_label(worst.key)}."


def _groups(shown: tuple[GroupReport, ...]) -> Table:
    rows = tuple(
        (
            f"{group.cell.label}{' *' if group.gating else ''}",
            f"{group.n_people:,}",
            counted(group.fpir),
            share(group.fpir.rate) if group.fpir_reason is None else f"undefined: {group.fpir_reason}",
            share_up(group.fpir.upper95) if group.fpir_reason is None else "undefined",
            group.fpir.status.value,
            f"undefined: {group.fnir_reason}" if group.fnir is None else with_interval(group.fnir),
            counted(group.fta),
            counted(group.generalised_fpir),
            "-" if group.generalised_fnir is None else counted(group.generalised_fnir),
        )
        for group in shown
    )
    heads = (
        *("group (* must be certified)", "people", "false alarms", "FPIR", "upper 95 %", "status", "misses", "FTA"),
        *("alarms of all", "misses of all"),
    )
    caption = "False alarms, misses, failures to acquire; of all: a failure is no alarm, and a miss"
    return Table(caption, heads, rows, frozenset({0, 5}))


def _needed(report: Report) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    short = tuple(
        (group.cell.label, f"{group.fpir.more_people_needed:,}")
        for group in report.groups
        if group.fpir.more_people_needed
    )
    passing = tuple(
        f"This evidence would pass at {100 * tier.alpha:g} % ({tier.tier}), threshold {score_text(tier.tau)}."
        for tier in report.verdict.would_pass
    )
    if not short:
        return (*passing, "No cell lacks people."), ()
    return passing, (Table("At the confidence that the next attempt may spend", ("cell", "more people"), short),)


def _burden(report: Report) -> tuple[str, ...]:
    burden = report.burden
    if burden is None:
        return ("Undefined: there is no threshold.",)
    return (
        f"Up to {burden.expected_false_alarms_per_day:.3g} false alarms a day at "
        f"{report.list.searches_per_day:,} searches, by the upper bound of the worst group "
        f"({group_label(burden.worst_group)}: {burden.k} of {burden.n} people).",
    )


def _digests(report: Report) -> Table:
    binding = report.binding
    rows = (
        ("report", report.digest()),
        ("list", binding.list),
        ("cohort", binding.cohort),
        ("policy", binding.policy),
        ("model", binding.model),
        ("run by", binding.provider),
        *(() if report.engine is None else ((f"engine {report.engine.factory}", report.engine.structure),)),
    )
    return Table("sha256 of what was used", ("what", "digest"), rows, frozenset({0, 1}))
