"""Which calibrations count as attempts of a list: its own, and those of every list it shares a reference with.

1. Two lists are of one lineage when a calibrated revision of one holds an item (by digest) that the other holds now:
   copying a list to another name would otherwise buy a fresh error probability.
2. What happened comes in the order of the log, where entries follow each other even at equal times.
3. Every calibration with other inputs is an attempt, the certified ones too: of many certified reports the one with the
   lowest threshold would otherwise be wrong far more often than delta says. Only an approver's activation begins anew,
   and only for limits that are no stricter than what was activated: a pilot's does not for the strict tier.
4. Contents are compared by digest in memory; nothing of another list is shown.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.report import VERSION, parse_report, version_of
from matcher.domain.events import Action
from matcher.domain.records import StoredReport
from matcher.domain.revision import RevisionContent
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.services.workplace import Session


@dataclass(frozen=True, slots=True)
class Step:
    """A calibration, or (`activated`) an approver's signature under its report."""

    report: StoredReport
    activated: bool


def lineage_of(session: Session, watchlist: Watchlist, content: RevisionContent) -> Sequence[Step]:
    """What happened to the list and its relatives, oldest first; `content` is what the list holds."""
    held = frozenset(item.digest for item in content.items if item.row is not None)
    with session.place.work(write=False) as work:
        others = (one for one in work.lists.all() if one.list_id != watchlist.list_id)
        return steps_of(work, [watchlist, *(one for one in others if _shares(session, work, one, held))])


def _shares(session: Session, work: UnitOfWork, other: Watchlist, held: frozenset[str]) -> bool:
    """Whether something that was ever tested under the other list is among these items."""
    for revision_id in {stored.revision_id for stored in work.reports.of_list(other.list_id)}:
        revision = work.revisions.get(revision_id)
        if revision is None or not session.place.revisions.present(revision):
            continue
        # Of what was erased as a whole nobody can tell any more; who is left after an erasure still tells.
        items = session.place.revisions.left(session.vault, revision).items
        if not held.isdisjoint(item.digest for item in items if item.row is not None):
            return True
    return False


def steps_of(work: UnitOfWork, lists: Sequence[Watchlist]) -> Sequence[Step]:
    """What the log says of these lists' reports, each calibration once."""
    names = {one.name for one in lists}
    stored = {report.digest: report for one in lists for report in work.reports.of_list(one.list_id)}
    steps: dict[Step, None] = {}
    for entry in work.log.entries():
        if entry.action not in (Action.CALIBRATED, Action.ACTIVATED):
            continue
        details = json.loads(entry.details)
        if details["list"] in names and details["report"] in stored:
            steps.setdefault(Step(stored[details["report"]], entry.action == Action.ACTIVATED))
    return list(steps)


def next_attempt(past: Sequence[Step], alpha: float) -> int:
    """The number of the next calibration with new inputs at this limit (rule 3)."""
    number = 1
    for step in past:
        if not step.activated:
            number += 1
        elif _alpha_of(step.report) <= alpha:
            number = 1
    return number


def _alpha_of(stored: StoredReport) -> float:
    """The limit of a report; that of another release is not known, and begins nothing anew."""
    return parse_report(stored.body).verdict.alpha if version_of(stored.body) == VERSION else 1.0
