"""Which calibrations count as attempts of a list: its own, and those of every list it shares a reference with.

1. Two lists are of one lineage when a calibrated revision of one holds an item (by digest) that the other holds now:
   copying a list to another name would otherwise buy a fresh error probability.
2. Reports come in the order of the log, where entries follow each other even at equal times.
3. Contents are compared by digest in memory; nothing of another list is shown.
"""

import json
from collections.abc import Sequence

from matcher.domain.events import Action
from matcher.domain.ports import UnitOfWork
from matcher.domain.records import StoredReport
from matcher.domain.revision import RevisionContent
from matcher.domain.watchlist import Watchlist
from matcher.services.workplace import Session


def reports_of_lineage(session: Session, watchlist: Watchlist, content: RevisionContent) -> Sequence[StoredReport]:
    """The reports of the list and of its relatives, oldest first; `content` is what the list holds."""
    held = frozenset(item.digest for item in content.items if item.row is not None)
    with session.place.work(write=False) as work:
        others = (one for one in work.lists.all() if one.list_id != watchlist.list_id)
        return _in_order(work, [watchlist, *(one for one in others if _shares(session, work, one, held))])


def _shares(session: Session, work: UnitOfWork, other: Watchlist, held: frozenset[str]) -> bool:
    """Whether something that was ever tested under the other list is among these items."""
    for revision_id in {stored.revision_id for stored in work.reports.of_list(other.list_id)}:
        revision = work.revisions.get(revision_id)
        if revision is None or not session.place.revisions.present(revision_id):
            continue  # erased: nobody can tell any more
        items = session.place.revisions.read(session.vault, revision).items
        if not held.isdisjoint(item.digest for item in items if item.row is not None):
            return True
    return False


def _in_order(work: UnitOfWork, lists: Sequence[Watchlist]) -> Sequence[StoredReport]:
    names = {one.name for one in lists}
    stored = {report.digest: report for one in lists for report in work.reports.of_list(one.list_id)}
    logged = (json.loads(entry.details) for entry in work.log.entries() if entry.action == Action.CALIBRATED)
    order = dict.fromkeys(details["report"] for details in logged if details["list"] in names)
    return [stored[digest] for digest in order if digest in stored]
