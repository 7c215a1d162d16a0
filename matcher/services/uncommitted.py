"""What a load or a removal has sealed before it is committed, and who takes it away when it never is."""

from datetime import timedelta

from matcher.services.finish_erasure import finish_all
from matcher.services.workplace import Session

SILENCE = timedelta(hours=1)
UNFINISHED_FOR = timedelta(days=7)  # how long a load that was interrupted can be gone on with


def pictures_of(revision_id: str) -> str:
    """The container of a revision's pictures."""
    return f"{revision_id}-pictures"


def is_committed(session: Session, revision_id: str) -> bool:
    """Whether the revision is in the database."""
    with session.place.work(write=False) as work:
        return work.revisions.get(revision_id) is not None


def discard_uncommitted(session: Session, revision_id: str) -> None:
    """Removes what a load or a removal that failed has sealed. After a Ctrl-C it may be committed: then it stays."""
    if not is_committed(session, revision_id):
        session.place.revisions.discard(session.vault, revision_id)
        session.vault.remove(pictures_of(revision_id))


def sweep(session: Session) -> None:
    """Removes what killed loads left behind: containers after an hour's silence, journals after seven days'.

    What a killed erasure left to be exchanged is exchanged first.
    """
    finish_all(session.place)
    with session.place.work(write=False) as work:
        known = work.revisions.ids()
    now = session.place.clock()
    session.vault.sweep(known, now - SILENCE)
    session.vault.sweep_journals(now - UNFINISHED_FOR)
