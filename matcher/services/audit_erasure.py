"""Erasures played again: what was erased, and what is left, is what the log says.

1. Every erasure, who began it, and that it is finished; their numbers have no gap.
2. What each left of revisions and which values it emptied or sealed anew, with the digests of what they were and are:
   the log holds a digest of all of it. So a value that somebody emptied or exchanged, or a revision that somebody
   shortened, without an erasure is found.
"""

from dataclasses import dataclass, field
from typing import Any

from matcher.domain.events import Action, LogEntry
from matcher.domain.tables import UnitOfWork
from matcher.errors import IntegrityError


@dataclass(slots=True)
class ErasureFacts:
    """Erasures as the log knows them: by number who, how many values, and the digest; and the finished ones."""

    begun: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)

    def play(self, entry: LogEntry, details: dict[str, Any]) -> None:
        """Plays the beginning or the end of an erasure."""
        number = details["erasure"]
        if entry.action == Action.ERASURE_FINISHED:
            self.finished.add(number)
            return
        if number != len(self.begun) + 1:
            raise IntegrityError(f"log entry {entry.sequence} tells of an erasure out of turn")
        values = "values_resealed" if entry.action == Action.HOME_ROTATED else "values_emptied"
        self.begun[number] = entry.actor, details[values], details["content"]


def check_erasures(work: UnitOfWork, facts: ErasureFacts) -> None:
    """Raises IntegrityError naming the first thing that is wrong."""
    found = work.erasures.all()
    tables = {
        one.number: (one.by, work.erasures.parts(one.number), work.erasures.fingerprint(one.number)) for one in found
    }
    if tables != facts.begun or {one.number for one in found if one.finished_at is not None} != facts.finished:
        raise IntegrityError("the erasures: the tables say something else than the log; the tables were altered")
