"""Failures to acquire and to enrol in a report: whom the test, and the list, would lose before any comparison.

1. FTA: people whose probe gave no template. FTE: people none of whose pictures did (ISO/IEC 19795-1). Both are of all
   people of a cell, after adjudication; who is not enrolled was not acquired either, so FTE is never above FTA.
2. Reasons stand beside the counts. Each failure to acquire has one, that of the probe. A person who is not enrolled
   counts once for each different reason that any of their pictures was rejected for.
3. Groups are compared as in `group_tests.py`, failures to acquire and to enrol in one family of their own: it needs no
   threshold. What it says is a warning and never a gate: nobody is certified or refused for it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from matcher.calibration.group_count import GroupCount
from matcher.calibration.group_tests import Event, GroupTests, compare_events
from matcher.calibration.groups import Level
from matcher.calibration.intervals import Estimate, estimate
from matcher.calibration.trials import Mask, PersonTrial, reason_of

if TYPE_CHECKING:
    from matcher.calibration.report import GroupReport

Reasons = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failures:
    """FTA and FTE of one cell, and how many people failed for which reason."""

    fta: Estimate
    fta_reasons: Reasons
    fte: Estimate
    fte_reasons: Reasons


def failures_in(people: Sequence[PersonTrial], mask: Mask) -> Failures:
    """Of the people (people,) of the mask."""
    members = list(compress(people, mask.tolist()))
    lost = [person for person in members if person.probe.row is None]
    nowhere = [person for person in lost if not person.rows]
    return Failures(
        estimate(len(lost), len(members)),
        _counted(reason_of(person.probe) for person in lost),
        estimate(len(nowhere), len(members)),
        _counted(reason for person in nowhere for reason in person.lost or (reason_of(person.probe),)),
    )


def failure_tests(groups: Sequence["GroupReport"]) -> GroupTests:
    """Each group against the others of its column."""
    single = [group for group in groups if group.level is Level.GROUP]
    acquired = [GroupCount(*group.cell.key[0], group.fta.k or 0, group.fta.n) for group in single]
    enrolled = [GroupCount(*group.cell.key[0], group.fte.k or 0, group.fte.n) for group in single]
    return compare_events(((Event.NOT_ACQUIRED, acquired), (Event.NOT_ENROLLED, enrolled)))


def warned(tests: GroupTests) -> tuple[str, ...]:
    """The sentences that a reader must not overlook: none where no group is shown to be lost more often."""
    return tests.sentences if any(entry.more_often for entry in tests.entries) else ()


def _counted(reasons: Iterable[str]) -> Reasons:
    return dict(sorted(Counter(str(reason) for reason in reasons).items()))
