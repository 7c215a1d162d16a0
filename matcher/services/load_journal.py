"""Going on with a load that was interrupted: what its pictures became is in a sealed journal, and stays there.

1. It is the same load while the collection, the admin, the origin (the manifest's or folder's path), the model, the
   quality limits, the machine's touchstone and the release of this program are the same; then a picture whose bytes
   are in the journal is not looked at again. Every picture is read and hashed again: one that changed is another one.
2. Only whoever began a load goes on with it. A template that another admin's run made would be in a revision that does
   not name them as a loader, and they could sign for it (four eyes).
3. The pictures are sealed anew from front to back, and what the interrupted run had sealed of them is removed first: a
   container is never written to by two runs.
4. A load that was committed, or that found nothing usable, removes its journal. Any other end leaves it, for as long as
   `uncommitted.UNFINISHED_FOR` says: counted from the last picture, swept by the next load of this home.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from matcher import __version__
from matcher.domain.ids import new_id
from matcher.domain.ports import LoadJournal
from matcher.domain.records import LoadBegun
from matcher.domain.rejection import NothingUsable
from matcher.services.sources import PictureSource, Resuming, Source, Unfinished
from matcher.services.uncommitted import discard_uncommitted, is_committed
from matcher.services.workplace import Session


@contextmanager
def journal_of(session: Session, collection_id: str, source: Source) -> Iterator[LoadJournal | None]:
    """The journal of this load, None for one that keeps none; removed on leaving without an exception.

    Raises Refused while the same load is under way in another process, StorageFailed.
    """
    if not isinstance(source, PictureSource) or source.resuming is None:
        yield None
        return
    begin = LoadBegun(new_id(session.place.random), session.place.clock())
    with session.vault.load_journal(_binding(session, collection_id, source, source.resuming), begin) as journal:
        _go_on(session, journal, begin, source.resuming.restart)
        if journal.known or journal.cut:
            source.resuming.told(Unfinished(journal.known, len(source.rows), journal.begun.at, journal.cut))
        try:
            yield journal
        except NothingUsable:
            journal.discard()
            raise
        journal.discard()


def _go_on(session: Session, journal: LoadJournal, begin: LoadBegun, restart: bool) -> None:
    if journal.begun == begin:
        return
    discard_uncommitted(session, journal.begun.revision_id)
    if restart or is_committed(session, journal.begun.revision_id):
        journal.restart(begin)


def _binding(session: Session, collection_id: str, source: PictureSource, resuming: Resuming) -> str:
    made_by = source.model.text(), source.quality_digest, hashlib.sha256(source.touchstone).hexdigest()
    return json.dumps([collection_id, session.user.name, resuming.origin, *made_by, __version__])
