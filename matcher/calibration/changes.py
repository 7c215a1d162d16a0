"""What two reports say differently: field by field, and for whom.

1. A field is named by its dotted path; groups by their labels, other entries of a list by number.
2. A list of numbers (maxima, mated scores) is one field: it is said how many entries it has and where it first differs.
3. Between two reports of one list the verdict, threshold, inputs and every group are compared; a group that one of them
   lacks is added or removed, never a change to zero.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matcher.calibration.groups import Cell, Level
from matcher.calibration.report import GroupReport, Report
from matcher.errors import BadInput

ABSENT = "absent"
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs. Values are as in the JSON; `absent` where one side has no such field."""

    path: str
    old: Plain
    new: Plain


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group that is `added`, `removed` or `changed`, and its fields that differ."""

    group: str
    change: str
    fields: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class ReportChange:
    """From the report of digest `old` to that of `new`, both about the list of this name."""

    list: str
    old: str
    new: str
    facts: tuple[Difference, ...]
    groups: tuple[GroupChange, ...]


def differences(old: Report, new: Report) -> tuple[Difference, ...]:
    """Every field that differs, in the order of paths; none for equal reports."""
    return tuple(_differing("", json.loads(old.canonical()), json.loads(new.canonical())))


def changes(old: Report, new: Report) -> ReportChange:
    """What changed, and for whom. Raises BadInput for reports of different lists."""
    if old.list.name != new.list.name:
        raise BadInput(f"one report is about list {old.list.name}, the other about {new.list.name}: compare one list")
    before, after = ({group.cell.label: group for group in report.groups} for report in (old, new))
    labels = [*before, *(label for label in after if label not in before)]
    groups = (_group(label, before.get(label), after.get(label)) for label in labels)
    facts = tuple(_differing("", _facts(old), _facts(new)))
    return ReportChange(old.list.name, old.digest(), new.digest(), facts, tuple(g for g in groups if g is not None))


def _group(label: str, old: GroupReport | None, new: GroupReport | None) -> GroupChange | None:
    found = tuple(_differing("", {} if old is None else _group_facts(old), {} if new is None else _group_facts(new)))
    if not found:
        return None
    change = "added" if old is None else "removed" if new is None else "changed"
    return GroupChange(label, change, found)


def _facts(report: Report) -> dict[str, Any]:
    verdict, binding = report.verdict, report.binding
    return {
        "verdict": verdict.status.value,
        "tier": verdict.tier,
        "alpha": verdict.alpha,
        "threshold": report.threshold.tau,
        "threshold_origin": report.threshold.origin.value,
        "group_that_set_the_threshold": None if verdict.binding_group is None else _label(verdict.binding_group),
        "attempt": report.attempt.j,
        "list_digest": binding.list,
        "subjects": binding.N,
        "searches_per_day": report.list.searches_per_day,
        "cohort": report.cohort.name,
        "cohort_digest": binding.cohort,
        "people": report.cohort.people,
        "policy_digest": binding.policy,
        "model": binding.model,
        "likeness": report.realism.probability,
        "people_set_aside": report.adjudication.joined,
        "look_alike_pairs": report.look_alikes.found,
        "magnets": len(report.look_alikes.magnets),
    }


def _group_facts(group: GroupReport) -> dict[str, Any]:
    fnir = group.fnir
    return {
        "status": group.fpir.status.value,
        "gating": group.gating,
        "n": group.fpir.n,
        "k": group.fpir.k,
        "upper95": group.fpir.upper95,
        "fnir_n": None if fnir is None else fnir.n,
        "fnir_k": None if fnir is None else fnir.k,
        "fnir": None if fnir is None else fnir.rate,
        "fta_k": group.fta.k,
        "fte_k": group.fte.k,
    }


def _differing(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            at = f"{path}.{name}" if path else name
            yield from _differing(at, old.get(name, ABSENT), new.get(name, ABSENT))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(path, old, new)
    elif old != new:
        yield Difference(path, _short(old), _short(new))


def _of_lists(path: str, old: list[Any], new: list[Any]) -> Iterator[Difference]:
    if all(isinstance(entry, int) for entry in (*old, *new)) and old != new:
        yield Difference(path, *_first_differing(old, new))
    elif _keyed(old) and _keyed(new):
        before, after = ({_label(entry["key"]): entry for entry in entries} for entries in (old, new))
        for label in [*before, *(label for label in after if label not in before)]:
            yield from _differing(f"{path}[{label}]", before.get(label, ABSENT), after.get(label, ABSENT))
    elif old != new:
        for place in range(max(len(old), len(new))):
            one, other = (entries[place] if place < len(entries) else ABSENT for entries in (old, new))
            yield from _differing(f"{path}[{place}]", one, other)


def _first_differing(old: Sequence[int], new: Sequence[int]) -> tuple[str, str]:
    place = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    one, other = (
        f"{len(numbers)} numbers" + (f", number {place + 1}: {numbers[place]}" if place < len(numbers) else "")
        for numbers in (old, new)
    )
    return one, other


def _keyed(entries: list[Any]) -> bool:
    return bool(entries) and all(isinstance(entry, dict) and isinstance(entry.get("key"), dict) for entry in entries)


def _label(key: Mapping[str, str]) -> str:
    return Cell(tuple(sorted(key.items())), Level.GROUP).label


def _short(value: Any) -> Plain:
    """A value as one cell: a whole branch that the other side lacks is written as JSON."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, sort_keys=True)
