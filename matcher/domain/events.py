"""What the log records. An event carries no template, face, identifier or name: only handles, digests and counts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Detail = str | int | bool | None


class Action(StrEnum):
    """Every kind of log entry."""

    HOME_CREATED = "home.created"
    HOME_BACKED_UP = "home.backed_up"  # begun: the entry is in the backup
    HOME_RESTORED = "home.restored"
    HOME_ROTATED = "home.rotated"  # another home key: everything sealed is sealed anew under it
    USER_ADDED = "user.added"
    USER_SUSPENDED = "user.suspended"
    USER_RESTORED = "user.restored"
    USER_PASSPHRASE = "user.passphrase"  # noqa: S105 -- the name of an entry
    USER_REWRAPPED = "user.rewrapped"  # their record holds the home key of the rotation before it
    USER_REMOVED = "user.removed"
    USER_RECOVERED = "user.recovered"  # an admin made with the recovery code, which is used up
    LIST_CREATED = "list.created"
    LIST_LOADED = "list.loaded"
    LIST_REDUCED = "list.reduced"
    LIST_SUSPENDED = "list.suspended"
    LIST_RETIRED = "list.retired"
    COHORT_CREATED = "cohort.created"
    COHORT_LOADED = "cohort.loaded"
    CALIBRATED = "list.calibrated"
    REHEARSED = "list.rehearsed"
    INNOCENTS_COUNTED = "list.innocents_counted"
    ACTIVATED = "list.activated"
    DERIVED = "list.derived"
    RAISED = "list.raised"
    RENEWED = "list.renewed"
    SEARCHED = "list.searched"
    LIST_REFUTED = "list.refuted"  # the actor is whose search or judgement completed the count
    CLAIMED = "alert.claimed"
    RELEASED = "alert.released"
    JUDGED = "alert.judged"
    DISCLOSED = "alert.disclosed"
    CORRECTED = "alert.corrected"
    RECUSED = "alert.recused"
    FINISHED = "alert.finished"
    CONCLUDED = "alert.concluded"
    UNSEALED = "alert.unsealed"
    KNOWN_JUDGED = "known.judged"
    REVIEWER_SUSPENDED = "reviewer.suspended"  # by the count: the actor is the reviewer whose judgement completed it
    REVIEWER_RESTORED = "reviewer.restored"
    HANDLES_READ = "handles.read"
    LISTED_ASKED = "listed.asked"
    LIST_ERASED = "list.erased"
    COHORT_ERASED = "cohort.erased"
    ERASURE_FINISHED = "erasure.finished"  # the actor is who erased, whoever's program came to finish it
    LOG_KEYED = "log.keyed"  # the public key that signs checkpoints from here on; the actor is the account
    LOG_EXPORTED = "log.exported"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused to whom; `subject` is a list, cohort, user or alert of the home, else empty."""

    actor: str
    attempt: str
    subject: str
    refusal: str

    def due(self, times: int) -> bool:
        """Whether the so-many-th of a day is written to the log: the first eight, then every doubling.

        Whoever is refused a million times a day fills 25 entries, not a disk; every entry tells how many there were.
        """
        return times <= FIRST_REFUSALS or times & (times - 1) == 0


FIRST_REFUSALS = 8


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, before it has a place in the log."""

    action: Action
    actor: str
    details: tuple[tuple[str, Detail], ...]


def event(action: Action, actor: str, **details: Detail) -> Event:
    """An event with its details in the order of their names."""
    return Event(action, actor, tuple(sorted(details.items())))


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log. `hash` = sha256 over the canonical JSON of everything else, `previous` included."""

    sequence: int
    time: datetime
    actor: str
    account: str
    terminal: str
    action: str
    details: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How much of a home a verification checked, all of it good; `entries` and `head` are of its log."""

    entries: int
    head: str
    certificates: int
    judgements: int
    revisions: int
    searches: int
    refutations: int
    checkpoints: int = 0  # signed ones in the home
    log_keys: int = 0  # that the log names
    anchors: int = 0  # checkpoints from elsewhere that it was compared with
    anchored: int = 0  # entries under the newest of them


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest entry: what the next one must build on. `sequence` 0 is the empty log."""

    sequence: int
    time: datetime
    hash: str
