"""What PostgreSQL and its driver can go wrong with, in the words of the product.

The driver's own text is passed on in one case, the sentence of a rule of ours: any other may hold a value of a row, or
a part of the address.
"""

from sqlalchemy import exc

from matcher.errors import BadInput, IntegrityError, MatcherError, Refused, StorageFailed

RULE = "23000"
_LOST = "the connection to the database server was lost"
_BY_STATE: dict[str, MatcherError] = {
    "22003": BadInput("a number is too large to be stored"),
    "22021": BadInput("a text holds a NUL byte: it cannot be stored"),
    "25006": StorageFailed("the database can only be read: is the server a standby?"),
    "25P02": StorageFailed("an earlier step of this operation failed: nothing of it was stored"),
    "40001": StorageFailed("another session of the database was in the way: nothing was stored, try again"),
    "40P01": StorageFailed("another session of the database was in the way: nothing was stored, try again"),
    "42501": Refused(
        "the database does not let its user do this: it lacks rights in docs/several-terminals.md (privileges), "
        "or this is for its owner (erasing, another home key, an upgrade)"
    ),
    "55P03": StorageFailed("another matcher is writing to this home: try again in a moment"),
}
_DAMAGE = ("42P01", "42703", "42883", "XX001", "XX002")
_KEYS = {  # PostgreSQL names the constraint, SQLite and `failures` its first column
    "users_pkey": "users.name",
    "watchlists_name_key": "watchlists.name",
    "cohorts_name_key": "cohorts.name",
    "revisions_collection_id_number_key": "revisions.collection_id",
    "home_pkey": "home.id",
}
_CLASSES: dict[str, str] = {
    "08": _LOST,
    "53": "the database server has no disk, memory or connection left",
    "57": "the database server stopped what this program asked, or is shutting down",
    "58": "the database server cannot read or write its files",
}


def of_postgres(error: exc.DBAPIError, saving: bool) -> MatcherError:
    """Our error for the driver's; `saving`: it came while the transaction was made durable."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if saving and (error.connection_invalidated or not state or state[:2] in ("08", "57")):
        return StorageFailed(
            "the connection to the database server was lost while saving: it may or may not be stored; "
            "look before you do it again"
        )
    if error.connection_invalidated:
        return StorageFailed(f"{_LOST}: nothing of this step was stored, try again")
    if state in _BY_STATE:
        return _BY_STATE[state]
    if state in _DAMAGE:
        return IntegrityError(f"the database is damaged (SQLSTATE {state}): restore a backup")
    if isinstance(error, exc.DataError) and not state:  # the driver itself refuses NUL in a text
        return BadInput("a text holds a NUL byte: it cannot be stored")
    reason = _CLASSES.get(state[:2], "the database cannot be read or written")
    return StorageFailed(f"{reason} (SQLSTATE {state or 'none'}): nothing of this step was stored")


def refusal_of(error: exc.DBAPIError) -> str:
    """The words by which `failures` knows a constraint, or a rule's own sentence (SQLSTATE 23000)."""
    diagnosis = getattr(error.orig, "diag", None)
    state = getattr(error.orig, "sqlstate", None)
    if diagnosis is None or state is None:
        return "constraint failed"
    if state == RULE:
        return str(diagnosis.message_primary)
    if state == "23503":
        return "FOREIGN KEY constraint failed"
    name = str(diagnosis.constraint_name or diagnosis.column_name)
    return f"constraint failed: {_KEYS.get(name, name)}"
