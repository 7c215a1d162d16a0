"""Backups of a home, and the first hour of a home that was made of one.

1. An admin backs up. The log entry is written first, so that it is in the backup; a backup that fails leaves an entry
   that says it was begun.
2. An admin of the moment of the backup restores it: the passphrase of that moment opens it. The restored home is
   brought to this program's version (`bring_up.py`), whose rules a verification looks for, and verified from the first
   entry to the last before it is used.
3. A restore is a log entry: who, of which backup, and after which entry the log goes on. What happened between the
   backup and the restore is not in that log, and whoever kept a later checkpoint can tell.
4. Whatever happened in between may have stopped a list, or concluded an alert. Every list that served is suspended
   until an approver signs again, and what waited is closed as inconclusive.
"""

from collections.abc import Callable
from pathlib import Path

from matcher.domain.backup import BackupHead
from matcher.domain.events import Action, event
from matcher.domain.ids import new_id, utc_text
from matcher.domain.people import Role
from matcher.domain.ports import Archive
from matcher.domain.records import Restored
from matcher.domain.tables import UnitOfWork, Upgrading
from matcher.domain.watchlist import ListState
from matcher.errors import IntegrityError
from matcher.services.audit import verify
from matcher.services.bring_up import bring_up
from matcher.services.finish_erasure import finish_all
from matcher.services.workplace import Session, Workplace, refusals_logged, sign_in, still_here

Progress = Callable[[int, int], None]


def back_up(session: Session, archive: Archive, out: Path, progress: Progress) -> tuple[BackupHead, int]:
    """Writes a sealed backup of the whole home to a new file; its head, and how many bytes are in it.

    Raises MissingRole, BadInput where something is at `out`, IntegrityError when a container is gone, StorageFailed.
    """
    place = session.place
    with refusals_logged(session, "backup", ""):
        session.user.require(Role.ADMIN)
        archive.require_free(out)
        finish_all(place)  # what an erasure still has to exchange is no file of a backup
        with place.work() as work:
            still_here(session, work)
            _require_whole(place, work)
            backup_id = new_id(place.random)
            entry = work.log.append(event(Action.HOME_BACKED_UP, session.user.name, backup=backup_id))
            facts, keys = work.home.get(), _admin_keys(work)
            work.commit()
    head = BackupHead(backup_id, facts.home_id, entry.sequence, entry.hash, utc_text(entry.time), keys)
    return head, archive.write(session.vault, out, head, progress)


def begin_restored(
    place: Workplace, upgrading: Upgrading, head: BackupHead, who: tuple[str, str], progress: Progress
) -> Restored:
    """Brings up and verifies a home just made of a backup, stops what served and logs it; `who`: name, passphrase.

    Raises IntegrityError, Refused.
    """
    session = sign_in(place, *who)
    session.user.require(Role.ADMIN)
    came_from = bring_up(session, upgrading, head.backup_id)
    verify(place, progress)
    name = session.user.name
    now = place.clock()
    with place.work() as work:
        still_here(session, work)
        _require_of(work, head)
        last = work.log.head()
        said = event(Action.HOME_RESTORED, name, backup=head.backup_id, made_at=head.sequence, goes_on_from=last.hash)
        work.log.append(said)
        stopped = []
        reason = f"restored from a backup of log entry {head.sequence}: an approver signs again"
        for one in work.lists.all():
            if one.state(now) in (ListState.ACTIVE, ListState.LAPSED):
                work.lists.save(one.suspended(name, reason, now))
                closed = work.alerts.close(one.list_id, f"list suspended: {reason}", now)
                entry = event(Action.LIST_SUSPENDED, name, list=one.name, reason=reason, alerts_closed=closed)
                work.log.append(entry)
                stopped.append(one.name)
        work.commit()
    return Restored(head.backup_id, head.made_at, last.sequence, tuple(stopped), came_from)


def _admin_keys(work: UnitOfWork) -> tuple[tuple[str, bytes], ...]:
    admins = [one for one in work.users.all() if Role.ADMIN in one.roles and not one.suspended and not one.removed]
    return tuple((one.name, work.users.keys(one.name)) for one in admins)


def _require_whole(place: Workplace, work: UnitOfWork) -> None:
    for one in work.revisions.all():
        if not place.revisions.present(one):
            raise IntegrityError(
                f"revision {one.number} of a list or cohort lacks sealed files: see matcher audit verify"
            )


def _require_of(work: UnitOfWork, head: BackupHead) -> None:
    found = next(iter(work.log.entries(head.sequence - 1, 1)), None)
    if work.home.get().home_id != head.home_id or found is None or found.hash != head.hash:
        raise IntegrityError("the backup holds another home than its head says: use another copy")
