"""The log for one signed-in person; implements `rooms.LogReader`.

1. No entry holds a face, an identifier or a name, and reading them needs no key: every role may.
2. What each person sees of an entry is what `log_view.py` says; a filter sees no more of it than the eye. A closed
   entry keeps its number, time and hash.
3. Whoever was suspended or removed since they signed in reads nothing more as the person that they were.
"""

import json
from collections import deque
from collections.abc import Callable

from matcher.domain.desk import LogLine, LogPage
from matcher.domain.events import LogEntry, Verified
from matcher.domain.people import User
from matcher.services.audit import verify
from matcher.services.log_view import CLOSED, closed_to, shown_details
from matcher.services.workplace import Session, still_here


class Reader:
    """Reads the log for one person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def newest(self, most: int) -> LogPage:
        """The newest entries."""
        with self._session.place.work(write=False) as work:
            still_here(self._session, work)
            total = work.log.head().sequence
            lines = [_line(entry, self._session.user) for entry in work.log.entries(after=max(0, total - most))]
        return LogPage(tuple(reversed(lines)), total, total)

    def search(self, wanted: str, most: int, progress: Callable[[int, int], None]) -> LogPage:
        """The newest entries with every word of `wanted`, from the whole log; what `progress` raises ends it."""
        words, kept, fitting = wanted.lower().split(), deque[LogLine](maxlen=most), 0
        with self._session.place.work(write=False) as work:
            still_here(self._session, work)
            total = work.log.head().sequence
            for entry in work.log.entries():
                progress(entry.sequence, total)
                line = _line(entry, self._session.user)
                if _holds(line, words):
                    fitting += 1
                    kept.appendleft(line)
        return LogPage(tuple(kept), fitting, total)

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        """Checks log and tables. Raises IntegrityError naming the first thing that is wrong."""
        return verify(self._session.place, progress)


def _line(entry: LogEntry, user: User) -> LogLine:
    if closed_to(entry, user):
        return LogLine(entry.sequence, entry.time, "", "", "", "closed", CLOSED, entry.hash, True)
    return LogLine(
        sequence=entry.sequence,
        time=entry.time,
        actor=entry.actor,
        account=entry.account,
        terminal=entry.terminal,
        action=entry.action,
        details=json.dumps(shown_details(entry, user), separators=(",", ":")),
        hash=entry.hash,
        closed=False,
    )


def _holds(line: LogLine, words: list[str]) -> bool:
    text = f"{line.sequence} {line.time.astimezone():%Y-%m-%d %H:%M:%S} {line.actor} {line.action} {line.details}"
    return all(word in text.lower() for word in words)
