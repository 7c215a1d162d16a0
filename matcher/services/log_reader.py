"""The log for one signed-in person; implements `ports.LogReader`.

1. No entry holds a face, an identifier or a name, and reading them needs no key: every role may.
2. A reviewer who may still have to judge an alert blind reads nothing of it: case, list and what others did with it
   would sway them. Such an entry keeps its number, time and hash; a filter sees no more of it than the eye.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable

from matcher.domain.desk import LogLine, LogPage
from matcher.domain.events import LogEntry, Verified
from matcher.domain.people import Role
from matcher.domain.ports import UnitOfWork
from matcher.services.audit import verify
from matcher.services.workplace import Session

CLOSED = "an alert that you may still have to judge blind"


class Reader:
    """Reads the log for one person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def newest(self, most: int) -> LogPage:
        """The newest entries."""
        with self._session.place.work(write=False) as work:
            total, blind = work.log.head().sequence, self._blind(work)
            lines = [_line(entry, blind) for entry in work.log.entries(after=max(0, total - most))]
        return LogPage(tuple(reversed(lines)), total, total)

    def search(self, wanted: str, most: int, progress: Callable[[int, int], None]) -> LogPage:
        """The newest entries with every word of `wanted`, from the whole log; what `progress` raises ends it."""
        words, kept, fitting = wanted.lower().split(), deque[LogLine](maxlen=most), 0
        with self._session.place.work(write=False) as work:
            total, blind = work.log.head().sequence, self._blind(work)
            for entry in work.log.entries():
                progress(entry.sequence, total)
                line = _line(entry, blind)
                if _holds(line, words):
                    fitting += 1
                    kept.appendleft(line)
        return LogPage(tuple(kept), fitting, total)

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        """Checks log and tables. Raises IntegrityError naming the first thing that is wrong."""
        return verify(self._session.place, progress)

    def _blind(self, work: UnitOfWork) -> frozenset[str]:
        """Alerts that this person may still have to judge (rule 2)."""
        if Role.REVIEWER not in self._session.user.roles:
            return frozenset()
        seen = {
            step.alert_id
            for step in work.alerts.progress_of(self._session.user.name)
            if step.disclosed_at is not None or step.recused_at is not None
        }
        lines = work.alerts.lines()
        return frozenset(
            line.alert_id
            for line in lines
            if line.closed_reason is None and line.concluded_at is None and line.alert_id not in seen
        )


def _line(entry: LogEntry, blind: frozenset[str]) -> LogLine:
    closed = bool(blind) and any(value in blind for value in _texts(json.loads(entry.details)))
    if closed:
        return LogLine(entry.sequence, entry.time, "", "", "", "closed", CLOSED, entry.hash, True)
    return LogLine(
        sequence=entry.sequence,
        time=entry.time,
        actor=entry.actor,
        account=entry.account,
        terminal=entry.terminal,
        action=entry.action,
        details=entry.details,
        hash=entry.hash,
        closed=False,
    )


def _texts(details: dict[str, object]) -> Iterable[str]:
    return (value for value in details.values() if isinstance(value, str))


def _holds(line: LogLine, words: list[str]) -> bool:
    text = f"{line.sequence} {line.time.astimezone():%Y-%m-%d %H:%M:%S} {line.actor} {line.action} {line.details}"
    return all(word in text.lower() for word in words)
