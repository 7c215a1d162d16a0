"""Tables brought to this program's version, and the log entry of it: one transaction.

Whoever comes second finds it done, and enters nothing.
"""

from matcher.domain.events import Action, event
from matcher.domain.tables import Upgrading
from matcher.services.workplace import Session, still_here


def bring_up(session: Session, upgrading: Upgrading, backup_id: str) -> int:
    """Which version the tables were of; the backup holds the home as it was before.

    Raises Refused where no way leads up, IntegrityError for rules that somebody changed, StorageFailed.
    """
    with upgrading() as (version, work):
        still_here(session, work)
        now = work.version()
        if version != now:
            name = session.user.name
            work.log.append(event(Action.HOME_UPGRADED, name, backup=backup_id, from_version=version, to_version=now))
            work.commit()
    return version
