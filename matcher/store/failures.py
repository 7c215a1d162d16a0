"""What SQLAlchemy, a database and stored rows can go wrong with, in the product's words. No message holds a value."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, MatcherError, Refused, StorageFailed
from matcher.store.postgres_failures import of_postgres, refusal_of

_CONSTRAINTS: tuple[tuple[str, MatcherError], ...] = (
    ("users.name", BadInput("a user of this name exists already: choose another name")),
    ("users: a name and a key", BadInput("a user of this name exists already: choose another name")),
    ("watchlists.name", BadInput("a list of this name exists already: choose another name")),
    ("cohorts.name", BadInput("a cohort of this name exists already: choose another name")),
    ("revisions.collection_id", Refused("somebody else loaded a revision meanwhile: load again")),
    ("home.id", Refused("this home was set up already")),
    ("known_role", BadInput("a role is admin, approver, reviewer or auditor")),
    ("approver_is_not_loader", AnotherPersonNeeded("the person who loaded a revision cannot approve it")),
    ("serves_only_with_certificate", Refused("a list serves only what a certificate was signed for")),
    ("FOREIGN KEY", Refused("the database refuses a row that refers to something that is not there")),
)
_DAMAGE = ("malformed", "Could not decode", "not a database", "no such table", "no such column", "corrupt")


@contextmanager
def translated(saving: bool = False) -> Iterator[None]:
    """Raises our errors for the driver's: Refused, BadInput, IntegrityError or StorageFailed.

    `saving`: while a transaction is made durable, when a server that is lost leaves it open whether it was.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _ours(error, saving) from None
    except UnicodeDecodeError:
        raise IntegrityError("the database holds a text that is none: restore a backup") from None
    except UnicodeEncodeError:
        raise BadInput("a text holds bytes that are not valid Unicode: it cannot be stored") from None
    except OverflowError:
        raise BadInput("a number is too large to be stored") from None


@contextmanager
def well_formed(what: str) -> Iterator[None]:
    """Raises IntegrityError when a stored row cannot be turned back into the value it was."""
    try:
        yield
    except (ValueError, KeyError, TypeError, BadInput):
        raise IntegrityError(f"the database holds {what} that cannot be read: restore a backup") from None


def _ours(error: exc.DBAPIError, saving: bool) -> MatcherError:
    postgres = type(error.orig).__module__.startswith("psycopg")
    text = refusal_of(error) if postgres else str(error.orig)
    if isinstance(error, exc.IntegrityError):
        return _constraint(text)
    if postgres:
        return of_postgres(error, saving)
    if any(word in text for word in _DAMAGE):
        # SQLite says "malformed" of a page that the disk did not give, too (SQLITE_IOERR_CORRUPTFS).
        return IntegrityError(
            f"the database is damaged or the disk cannot be read ({text}): try again, then restore a backup"
        )
    if "locked" in text or "busy" in text:
        return StorageFailed("another matcher is writing to this home: try again in a moment")
    return StorageFailed(f"the database cannot be read or written: {text}")


def _constraint(text: str) -> MatcherError:
    for words, ours in _CONSTRAINTS:
        if words in text:
            return ours
    if "constraint failed" not in text and "cannot store" not in text:
        return Refused(text)  # a trigger's own sentence
    return Refused(f"the database refuses this change: {text}")
