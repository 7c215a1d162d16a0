"""The append-only log: a chain of hashes in which every entry builds on the one before.

1. An entry commits with the change it describes; its time is never before that of the entry it follows.
2. hash = sha256 (hex) over the canonical JSON of all other fields (sorted keys, no spaces, ASCII), `previous` included.
3. The first entry follows 64 zeros.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from matcher.domain.events import Event, LogEntry, LogHead, Refusal
from matcher.domain.ids import Clock, utc_text, utc_time
from matcher.domain.people import Seat
from matcher.errors import IntegrityError
from matcher.store.failures import well_formed
from matcher.store.schema import alerts, cohorts, log, log_head, refusals, users, watchlists
from matcher.store.transaction import Transaction

EMPTY = LogHead(0, datetime(1970, 1, 1, tzinfo=UTC), "0" * 64)
_BATCH = 1000
_KIND = ("actor", "attempt", "subject", "refusal")
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False
)  # json.dumps would make one per call


class SqlLog:
    """The log of a home; implements `tables.Log`."""

    def __init__(self, transaction: Transaction, seat: Seat, clock: Clock) -> None:
        self._transaction = transaction
        self._seat = seat
        self._clock = clock
        self.written: list[LogEntry] = []

    def append(self, event: Event) -> LogEntry:
        """Writes the next entry and moves the head to it, in this transaction."""
        head = self._head(lock=True)
        entry = LogEntry(
            sequence=head.sequence + 1,
            time=max(self._clock(), head.time),
            actor=event.actor,
            account=self._seat.account,
            terminal=self._seat.terminal,
            action=event.action.value,
            details=canonical_json(dict(sorted(event.details))),
            previous=head.hash,
            hash="",
        )
        entry = replace(entry, hash=entry_hash(entry))
        row = {column.name: getattr(entry, column.name) for column in log.columns} | {"time": utc_text(entry.time)}
        self._transaction.run(insert(log), row)
        moved = {key: row[key] for key in ("sequence", "time", "hash")}
        self._transaction.run(update(log_head).where(log_head.c.id == 1), moved)
        self.written.append(entry)
        return entry

    def head(self) -> LogHead:
        """The newest entry's sequence, time and hash. Raises IntegrityError when the head is gone."""
        return self._head(lock=False)

    def entries(self, after: int = 0, limit: int | None = None) -> Iterator[LogEntry]:
        """Entries with a sequence above `after`, oldest first, at most `limit`; read in batches."""
        left = limit
        while left is None or left > 0:
            batch = _BATCH if left is None else min(_BATCH, left)
            found = self._transaction.rows(
                select(log).where(log.c.sequence > after).order_by(log.c.sequence).limit(batch)
            )
            for row in found:
                yield _entry(row)
            if len(found) < batch:
                return
            after = found[-1].sequence
            left = None if left is None else left - batch

    def knows(self, word: str) -> bool:
        """Whether a list, cohort, user or alert of this home is called so; nothing of it is read."""
        names = (watchlists.c.name, cohorts.c.name, users.c.name, alerts.c.alert_id)
        return any(self._transaction.row(select(name).where(name == word)) is not None for name in names)

    def count_refusal(self, refusal: Refusal, now: datetime) -> int:
        """Counts a refusal; which of its kind it is on its day (UTC). A clock that went back goes on with its day."""
        same = [refusals.c[name] == getattr(refusal, name) for name in _KIND]
        row = self._transaction.row(select(refusals.c.day, refusals.c.times).where(*same))
        today = utc_text(now)[:10]
        if row is None:
            kind = {name: getattr(refusal, name) for name in _KIND}
            self._transaction.run(insert(refusals), kind | {"day": today, "times": 1})
            return 1
        day = max(today, row.day)
        times = row.times + 1 if day == row.day else 1
        self._transaction.run(update(refusals).where(*same), {"day": day, "times": times})
        return times

    def refusals(self) -> Mapping[Refusal, tuple[str, int]]:
        """Every kind of refusal there was: the last day of it, and how many there were on that day."""
        rows = self._transaction.rows(select(refusals))
        return {Refusal(*(getattr(row, name) for name in _KIND)): (row.day, row.times) for row in rows}

    def verify(self, each: Callable[[LogEntry], None] | None = None) -> LogHead:
        """Recomputes the whole chain and returns its head; `each` is handed every entry as soon as it holds.

        Raises IntegrityError naming the first bad entry.
        """
        head = self.head()
        verify_chain(self.entries(), head, each)
        return head

    def _head(self, lock: bool) -> LogHead:
        # FOR UPDATE is nothing to SQLite, whose transaction holds the write lock already.
        query = select(log_head.c.sequence, log_head.c.time, log_head.c.hash)
        row = self._transaction.row(query.with_for_update() if lock else query)
        if row is None:
            raise IntegrityError("the head of the log is gone: restore a backup")
        with well_formed("a log head"):
            return LogHead(row.sequence, utc_time(row.time), row.hash)


def canonical_json(value: object) -> str:
    """Sorted keys, no spaces, ASCII; no NaN."""
    return _ENCODER.encode(value)


def entry_hash(entry: LogEntry) -> str:
    """Rule 2."""
    fields = {
        "sequence": entry.sequence,
        "time": utc_text(entry.time),
        "actor": entry.actor,
        "account": entry.account,
        "terminal": entry.terminal,
        "action": entry.action,
        "details": entry.details,
        "previous": entry.previous,
    }
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


def verify_chain(entries: Iterable[LogEntry], head: LogHead, each: Callable[[LogEntry], None] | None = None) -> int:
    """Checks every entry from the first on against the one before it, and the last against `head`.

    Returns how many entries there are. Raises IntegrityError naming the first sequence at which the log is not what was
    written.
    """
    last = EMPTY
    for entry in entries:
        wrong = _fault(entry, last)
        if wrong is not None:
            raise IntegrityError(f"the log is broken at entry {last.sequence + 1}: {wrong}")
        last = LogHead(entry.sequence, entry.time, entry.hash)
        if each is not None:
            each(entry)
    if last != head:
        raise IntegrityError(f"the log is broken at entry {last.sequence + 1}: its head stands at {head.sequence}")
    return last.sequence


def _fault(entry: LogEntry, last: LogHead) -> str | None:
    if entry.sequence != last.sequence + 1:
        return f"entry {entry.sequence} is in its place"
    if entry.previous != last.hash:
        return "it does not follow the entry before it"
    if entry.time < last.time:
        return "its time is before that of the entry before it"
    if entry.hash != entry_hash(entry):
        return "its hash is not that of its content"
    if not _canonical(entry.details):
        return "its details are not canonical"
    return None


def _canonical(details: str) -> bool:
    """Decoders take duplicate keys; only text that decodes and encodes to itself says one thing."""
    try:
        return canonical_json(json.loads(details)) == details
    except ValueError:
        return False


def _entry(row: Row[Any]) -> LogEntry:
    sequence, time, *rest = tuple(row)  # in the order of the table, which is that of the fields
    with well_formed("a log entry"):
        # A million entries are read to verify them: this takes a quarter of `utc_time`, and no second spelling.
        moment = datetime.fromisoformat(time)
        "".join(rest)  # damage may turn text into bytes, whatever the table says
        if utc_text(moment) != time:
            raise ValueError("not how times are stored")
        return LogEntry(sequence, moment, *rest)
