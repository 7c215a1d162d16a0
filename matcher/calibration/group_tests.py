"""Which groups are raised, missed or lost more often than the others: families of tests, each with one error rate.

1. Each group against the others of its column by Fisher's exact test (1922), two-sided: the probabilities of all tables
   with the same margins that are no likelier than the one seen. Whole-number arithmetic, so nothing is rounded.
2. Holm's step-down adjustment (1979) over the groups of all columns and all events of a family: the chance that any
   such sentence is wrong is at most delta, however the tests depend on each other. A report has two families: false
   alarms with misses, which need a threshold, and failures to acquire with failures to enrol, which need none.
3. Where a column has two groups that were searched, "one against the other" is the same test twice and counts once.
4. A sentence names the group that has the higher rate and an adjusted p of at most delta. That there is none is not
   evidence that groups are equal.
5. Not for the gate: the certificate needs no adjustment (`threshold.py`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import comb

from matcher.calibration.group_count import GroupCount, counts_text, others_of
from matcher.calibration.intervals import steady
from matcher.errors import BadInput


class Event(StrEnum):
    """What was counted: false alarms, misses; people whose probe gave no template, and none of whose pictures did."""

    RAISED = "raised"
    MISSED = "missed"
    NOT_ACQUIRED = "without a usable probe"
    NOT_ENROLLED = "without any usable picture"


Counted = tuple[Event, Sequence[GroupCount]]


_Pair = tuple[Event, GroupCount, GroupCount]


@dataclass(frozen=True, slots=True)
class GroupTest:
    """One group against the others of its column. `p` and `adjusted` are None for the `reason`.

    `more_often`: the group's rate is the higher one and `adjusted` is at most delta.
    """

    event: Event
    group: GroupCount
    others: GroupCount
    p: float | None
    adjusted: float | None
    more_often: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class GroupTests:
    """A family of `tests` different tests, and what it allows to be said."""

    delta: float
    tests: int
    entries: tuple[GroupTest, ...]
    sentences: tuple[str, ...]


def compare_groups(false_alarms: Sequence[GroupCount], misses: Sequence[GroupCount], delta: float = 0.05) -> GroupTests:
    """Who is raised or missed more often than the others of the same column: one family."""
    return compare_events(((Event.RAISED, false_alarms), (Event.MISSED, misses)), delta)


def compare_events(counted: Sequence[Counted], delta: float = 0.05) -> GroupTests:
    """One family: the groups of all columns, each with the others of its own column, in each of these events."""
    pairs = [(event, group, others_of(group, groups)) for event, groups in counted for group in groups]
    named = list(zip(_hypotheses(pairs), pairs, strict=True))
    p_values = {name: fisher_two_sided(group, others) for name, (_, group, others) in named if name is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    entries = tuple(
        _untested(pair) if name is None else _tested(pair, p_values[name], adjusted[name], delta)
        for name, pair in named
    )
    said = _sentences(entries, len(p_values)) or (_nothing(counted, len(p_values), delta),)
    return GroupTests(delta, len(p_values), entries, said)


def fisher_two_sided(one: GroupCount, other: GroupCount) -> float:
    """The two-sided p of Fisher's exact test that both rates are equal; 1 where either was not searched."""
    events, seen = one.k + other.k, comb(one.n, one.k) * comb(other.n, other.k)
    first = max(0, events - other.n)
    weight, as_unlikely = comb(one.n, first) * comb(other.n, events - first), 0
    for k in range(first, min(events, one.n) + 1):
        as_unlikely += weight if weight <= seen else 0
        weight = weight * (one.n - k) * (events - k) // ((k + 1) * (other.n - events + k + 1))
    return steady(float(Fraction(as_unlikely, comb(one.n + other.n, events))))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values, in the order given. Raises BadInput for a p outside [0, 1]."""
    if not all(0 <= p <= 1 for p in p_values):
        raise BadInput("a p-value lies between 0 and 1")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = steady(highest)
    return tuple(adjusted)


def _hypotheses(pairs: Sequence[_Pair]) -> list[tuple[Event, str, str] | None]:
    """What each pair tests: the same name for the same test, None where a side was not searched."""
    searched = Counter((event, group.column) for event, group, _ in pairs if group.n)
    return [
        (event, group.column, "" if searched[event, group.column] == 2 else group.label)
        if group.n and others.n
        else None
        for event, group, others in pairs
    ]


def _tested(pair: _Pair, p: float, adjusted: float, delta: float) -> GroupTest:
    event, group, others = pair
    higher = group.k * others.n > others.k * group.n
    return GroupTest(event, group, others, p, adjusted, higher and adjusted <= delta, None)


def _untested(pair: _Pair) -> GroupTest:
    event, group, others = pair
    reason = counts_text([side for side in (group, others) if side.n == 0])
    return GroupTest(event, group, others, None, None, False, reason)


def _sentences(entries: Sequence[GroupTest], tests: int) -> tuple[str, ...]:
    return tuple(_sentence(entry, entry.p, entry.adjusted, tests) for entry in entries if entry.more_often)


def _nothing(counted: Sequence[Counted], tests: int, delta: float) -> str:
    if tests == 0:
        return "No group could be compared with others: nobody else was searched."
    return (
        f"No group is shown to be {' or '.join(event.value for event, _ in counted)} more often than the others "
        f"({_number(tests)} at {100 * delta:g} %, adjusted by Holm); this is not evidence that groups are equal."
    )


def _sentence(entry: GroupTest, p: float | None, adjusted: float | None, tests: int) -> str:
    group, others = entry.group, entry.others
    return (
        f"{group.name[0].upper()}{group.name[1:]} is {entry.event.value} more often than the others: "
        f"{group.k} of {group.n} against {others.k} of {others.n} "
        f"(Fisher's exact test, {_p_text(p)}; adjusted by Holm for {_number(tests)}, {_p_text(adjusted)})."
    )


def _number(tests: int) -> str:
    return "1 comparison" if tests == 1 else f"{tests:,} comparisons"


def _p_text(p: float | None) -> str:
    if p is None:
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
