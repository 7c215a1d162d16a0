"""What every use case is handed: the store, the clock, the random source, and who is asking."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from matcher.domain.events import Action, Refusal, event
from matcher.domain.ids import Clock, RandomBytes
from matcher.domain.people import Role, Seat, SignedIn, User
from matcher.domain.ports import (
    ApproximateEngine,
    IndexBuilder,
    IndexOpener,
    Keyring,
    Revisions,
    Screener,
    UnlockedKeys,
    Vault,
)
from matcher.domain.tables import UnitOfWork, UnitsOfWork
from matcher.errors import (
    AnotherPersonNeeded,
    InsufficientEvidence,
    IntegrityError,
    MissingRole,
    NotSearchable,
    Refused,
)
from matcher.services.finish_erasure import finish_all


@dataclass(frozen=True, slots=True)
class Workplace:
    """One opened home."""

    work: UnitsOfWork
    revisions: Revisions
    keyring: Keyring
    build_index: IndexBuilder
    open_index: IndexOpener
    screen_of: Screener
    clock: Clock
    random: RandomBytes
    seat: Seat
    approximate: ApproximateEngine | None = None
    shards: int | None = None  # among how many a cluster divides a list; None: one machine searches


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A signed-in user in a home, and the keys that their passphrase opened."""

    place: Workplace
    who: SignedIn
    keys: UnlockedKeys
    record: bytes = field(repr=False)  # the key record that was opened

    @property
    def user(self) -> User:
        """The user."""
        return self.who.user

    @property
    def vault(self) -> Vault:
        """Raises MissingRole for an auditor, who holds no home key."""
        vault = self.keys.vault
        if vault is None:
            raise MissingRole(f"user {self.user.name} holds no home key: auditors read the log and the reports only")
        return vault


def sign_in(place: Workplace, name: str, passphrase: str) -> Session:
    """Opens a user's keys. Raises Refused for an unknown or suspended user, WrongPassphrase, StorageFailed."""
    with place.work(write=False) as work:
        user = work.users.get(name)
        record = b"" if user is None else work.users.keys(name)
    # Of somebody unknown only the operating-system account is written down: what they typed may be anything.
    with refusals_of(place, place.seat.account if user is None else name, "sign in", name):
        if user is None:
            raise Refused(f"there is no user {name} in this home: an admin adds one with matcher user add")
        user.require(*Role)
        keys = place.keyring.unlock(record, passphrase)
        if keys.public_key != user.public_key:
            raise IntegrityError(f"the keys of user {name} are another person's: the database was altered")
    finish_all(place)  # a rotation that ended before its files were exchanged left them under the key of before
    return Session(place, SignedIn(user, place.seat, keys.sign), keys, record)


def still_here(session: Session, work: UnitOfWork) -> None:
    """Asked inside every transaction that changes something: a session may be older than a suspension.

    Raises Refused for somebody who was suspended or removed since they signed in, or whose keys were renewed: what an
    older home key seals from then on would open for nobody.
    """
    user = work.users.get(session.user.name)
    if user is None:
        raise Refused(f"user {session.user.name} is not in this home any more")
    user.require(*Role)
    if work.users.keys(user.name) != session.record:
        raise Refused(f"the keys of {user.name} were renewed since they signed in: sign in again")


@contextmanager
def refusals_logged(session: Session, attempt: str, subject: str) -> Iterator[None]:
    """`refusals_of` for somebody who is signed in; what their older home key does not open is called that."""
    with refusals_of(session.place, session.user.name, attempt, subject):
        try:
            yield
        except IntegrityError:
            with session.place.work(write=False) as work:
                still_here(session, work)
            raise


@contextmanager
def refusals_of(place: Workplace, actor: str, attempt: str, subject: str) -> Iterator[None]:
    """Counts every refused attempt, writes those that are due to the log, then lets the refusal go on.

    Somebody who is refused over and over fills no disk (`Refusal.due`). `subject` is written down where it is the name
    of something in this home: anything else was typed by somebody, and may be the name of a subject.
    """
    try:
        yield
    except (Refused, NotSearchable, AnotherPersonNeeded, InsufficientEvidence, IntegrityError) as refused:
        with place.work() as work:
            known, kind = subject if work.log.knows(subject) else "", type(refused).__name__
            refusal = Refusal(actor, attempt, known, kind)
            times = work.log.count_refusal(refusal, place.clock())
            if refusal.due(times):
                work.log.append(event(Action.REFUSED, actor, attempt=attempt, subject=known, refusal=kind, times=times))
            work.commit()
        raise
