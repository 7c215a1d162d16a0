"""An older home brought to this program's version.

An admin does it, signed in on the tables as they are. First comes a backup, whole and synced; whatever goes wrong after
it says where it is.
"""

from collections.abc import Callable
from pathlib import Path

from matcher.domain.people import Role
from matcher.domain.ports import Archive
from matcher.domain.records import Upgraded
from matcher.domain.tables import Upgrading
from matcher.errors import MatcherError
from matcher.services.backup import back_up
from matcher.services.bring_up import bring_up
from matcher.services.workplace import Session, refusals_logged


def upgrade(
    session: Session, archive: Archive, upgrading: Upgrading, out: Path, progress: Callable[[int, int], None]
) -> Upgraded:
    """Backs up to a new file, then brings the tables up.

    Raises MissingRole, BadInput where something is at `out`, Refused, IntegrityError, StorageFailed.
    """
    with refusals_logged(session, "upgrade", ""):
        session.user.require(Role.ADMIN)
    head, size = back_up(session, archive, out, progress)
    try:
        with refusals_logged(session, "upgrade", ""):
            came_from = bring_up(session, upgrading, head.backup_id)
    except MatcherError as error:
        raise type(error)(f"{error}; the home as it was is in {out}") from None
    return Upgraded(head.backup_id, head.sequence, size, came_from)
