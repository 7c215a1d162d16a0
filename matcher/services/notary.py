"""Who signs checkpoints of the log, and when.

1. A checkpoint is made where an entry activates, derives, raises or renews, where the log passes a multiple of 100
   entries, and at the end of a program that wrote. It commits with what it is about.
2. It goes on from the peaks of the newest one, after these were compared with what was signed. Where they differ,
   nothing more is written: IntegrityError.
3. The first one by a key is preceded by an entry that names the key.
4. Only a committed checkpoint is anchored (handed to the folder or command of the settings): one that was never
   committed would look like a log that was cut.
5. An anchor that fails undoes nothing, because what it is about is done; the next checkpoint covers it. It is told of
   at the end of the program, as a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from matcher.domain.checkpoint import Checkpoint, Note, grow, origin_of, parse_note, signed
from matcher.domain.events import Action, event
from matcher.domain.merkle import Frontier
from matcher.domain.records import StoredCheckpoint
from matcher.domain.tables import UnitOfWork, UnitsOfWork
from matcher.errors import BadInput, IntegrityError, StorageFailed

EVERY = 100  # entries
_SIGNED_ACTS = frozenset({Action.ACTIVATED, Action.DERIVED, Action.RAISED, Action.RENEWED})


class Signer(Protocol):
    """The key of the log."""

    @property
    def public(self) -> bytes:
        """Raw Ed25519 (32 bytes)."""

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032)."""


Anchor = Callable[[Note], None]  # takes a checkpoint out of the machine; raises StorageFailed


class LogNotary:
    """Implements `tables.Notary`."""

    def __init__(self, key: Signer, account: str, anchor: Anchor | None) -> None:
        self._key = key
        self._account = account
        self._anchor = anchor
        self._open_end = False  # something was written that no checkpoint is of yet
        self._failure: StorageFailed | None = None

    def before_commit(self, work: UnitOfWork) -> Note | None:
        """Rule 1, but for the end of a program. Raises IntegrityError (rule 2)."""
        newest = work.checkpoints.newest()
        before = 0 if newest is None else newest.size
        written = work.log.written
        acts = any(entry.action in _SIGNED_ACTS for entry in written)
        due = acts or written[-1].sequence // EVERY > before // EVERY
        self._open_end = not due
        return self._checkpoint(work, newest) if due else None

    def after_commit(self, note: Note) -> None:
        """Rules 4 and 5."""
        if self._anchor is None:
            return
        try:
            self._anchor(note)
            self._failure = None
        except StorageFailed as failure:
            self._failure = failure

    def checkpoint(self, begin: UnitsOfWork) -> Note:
        """A checkpoint of the log as it is now; the one that there is where nothing was written since."""
        with begin() as work:
            newest = work.checkpoints.newest()
            if newest is not None and newest.size == work.log.head().sequence:
                return parse_note(newest.note, "the newest checkpoint of the home")
            note = self._checkpoint(work, newest)
            work.commit()
        self._open_end = False
        self.after_commit(note)
        return note

    def finish(self, begin: UnitsOfWork) -> None:
        """At the end of a program. Raises StorageFailed for an anchor that failed since the last that did not."""
        if self._open_end:
            self.checkpoint(begin)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise StorageFailed(f"what was done is done and logged, but its checkpoint was not anchored: {failure}")

    def _checkpoint(self, work: UnitOfWork, newest: StoredCheckpoint | None) -> Note:
        """Adds a checkpoint of the whole log to this unit of work; `newest` is the last one so far."""
        if not work.checkpoints.signed_by(self._key.public):
            work.log.append(event(Action.LOG_KEYED, self._account, key=self._key.public.hex()))
        frontier = _from(newest)
        for entry in work.log.entries(after=frontier.size):
            grow(frontier, entry.hash)
        root = Checkpoint(origin_of(work.home.get().home_id), frontier.size, frontier.root())
        note = signed(root, self._key.public, self._key.sign)
        work.checkpoints.add(StoredCheckpoint(frontier.size, self._key.public, frontier.peaks, note.text()))
        return note


def _from(newest: StoredCheckpoint | None) -> Frontier:
    """Rule 2."""
    if newest is None:
        return Frontier()
    try:
        frontier = Frontier(newest.size, newest.peaks)
        held = parse_note(newest.note, "a checkpoint").checkpoint
    except (ValueError, BadInput):
        raise IntegrityError(
            f"the checkpoint of {newest.size} entries was altered: run `matcher audit verify`"
        ) from None
    if (held.size, held.root) != (frontier.size, frontier.root()):
        raise IntegrityError(f"the checkpoint of {newest.size} entries was altered: run `matcher audit verify`")
    return frontier
