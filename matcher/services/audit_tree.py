"""The log against its own checkpoints, and against those that somebody kept elsewhere.

1. Every checkpoint of the home is of this log: its root is that of the first entries, its signature of a key that the
   log names by then, and none is of more entries than there are.
2. The same holds for every anchor. An anchor of more entries than there are means that the log was cut or rolled back;
   one with another root, that what it is about was rewritten; one that the home has no checkpoint of its own beside,
   that checkpoints were removed.
3. One pass: the tree is kept as its peaks, and roots are compared as the log grows past them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from matcher.domain.checkpoint import Note, grow, origin_of, parse_note
from matcher.domain.events import Action, LogEntry
from matcher.domain.merkle import Frontier
from matcher.domain.records import StoredCheckpoint
from matcher.domain.tables import UnitOfWork
from matcher.errors import BadInput, IntegrityError


@dataclass(slots=True)
class TreeCheck:
    """Takes the log entry by entry, the oldest first."""

    work: UnitOfWork
    anchors: Sequence[Note]
    frontier: Frontier = field(default_factory=Frontier)
    log_keys: set[bytes] = field(default_factory=set)
    checked: int = 0
    _origin: str = field(init=False)
    _kept: Iterator[StoredCheckpoint] = field(init=False)
    _next: StoredCheckpoint | None = field(init=False)
    _due: dict[int, list[Note]] = field(init=False)

    def __post_init__(self) -> None:
        self._origin = origin_of(self.work.home.get().home_id)
        self._kept = self.work.checkpoints.all()
        self._next = next(self._kept, None)
        self._due = defaultdict(list)
        for anchor in self.anchors:
            self._due[anchor.checkpoint.size].append(anchor)
        for empty in self._due.pop(0, ()):
            _compare(empty, self._origin, self.frontier, "anchored")

    def take(self, entry: LogEntry) -> None:
        """One more entry of a chain that holds. Raises IntegrityError for a checkpoint that is not of it."""
        grow(self.frontier, entry.hash)
        if entry.action == Action.LOG_KEYED:
            self.log_keys.add(_key(entry))
        here = self._next is not None and self._next.size == self.frontier.size
        if self._next is not None and here:
            self._stored(self._next)
            self._next = next(self._kept, None)
        for anchor in self._due.pop(self.frontier.size, ()):
            _compare(anchor, self._origin, self.frontier, "anchored")
            anchor.signer(self.log_keys)
            if not here:
                raise IntegrityError(f"the home lost its checkpoint of {self.frontier.size} entries: it was removed")

    def finish(self) -> None:
        """After the last entry. Raises IntegrityError for checkpoints of more entries than there are."""
        longest = max(self._due, default=0)
        if longest:
            raise IntegrityError(
                f"the log was cut or rolled back: it has {self.frontier.size} entries, an anchored checkpoint {longest}"
            )
        if self._next is not None:
            raise IntegrityError(
                f"the log was cut: it has {self.frontier.size} entries, a checkpoint of the home {self._next.size}"
            )

    def _stored(self, kept: StoredCheckpoint) -> None:
        try:
            note = parse_note(kept.note, "a checkpoint")
        except BadInput:
            raise IntegrityError(f"the checkpoint of {kept.size} entries was altered") from None
        if note.checkpoint.size != kept.size or kept.peaks != self.frontier.peaks:
            raise IntegrityError(f"the checkpoint of {kept.size} entries was altered")
        _compare(note, self._origin, self.frontier, "kept")
        if note.signer(self.log_keys) != kept.log_key:
            raise IntegrityError(f"the checkpoint of {kept.size} entries is not signed by the key it is kept with")
        self.checked += 1


def _compare(note: Note, origin: str, frontier: Frontier, how: str) -> None:
    found = note.checkpoint
    if found.origin != origin:
        raise IntegrityError(f"the {how} checkpoint is of the log {found.origin}, and this is {origin}")
    if found.root != frontier.root():
        raise IntegrityError(f"the log was rewritten: its first {found.size} entries are not those that were {how}")


def _key(entry: LogEntry) -> bytes:
    try:
        return bytes.fromhex(json.loads(entry.details)["key"])
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(f"log entry {entry.sequence} names no key: it was not written by this program") from None
