"""Which database is a home's, where it is not in the folder.

1. A home made on a server keeps `database.toml` with the id of the home; the home's own row in the database has the
   same id, or the database is another folder's and nothing is done with it.
2. A folder with `matcher.db` is served by that and by no server; one with `database.toml` by no SQLite.
3. Where the server is stands nowhere in the home: it is a setting, and may hold a password.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from matcher.errors import IntegrityError, MatcherError, Refused
from matcher.store.engine import DATABASE
from matcher.store.home import Home
from matcher.store.unit_of_work import Store

NOTE = "database.toml"
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Belonging:
    """The id that a home's database has; None for one in the folder, which no other folder can have."""

    home_id: str | None


def note_belonging(home: Home, store: Store) -> None:
    """Keeps the id of a home just begun; nothing for SQLite. Raises StorageFailed."""
    if store.in_folder:
        return
    with store.unit_of_work(write=False) as work:
        home_id = work.home.get().home_id
    home.write_file(NOTE, f'engine = "postgresql"\nhome = "{home_id}"\n'.encode())


@contextmanager
def undone(store: Store) -> Iterator[None]:
    """Whatever ends the making of a home takes its tables from the server again; a file goes with its folder."""
    try:
        yield
    except BaseException:
        with suppress(MatcherError):  # the first error is the one to tell
            store.discard()
        raise


def belonging_of(home: Home, address: str | None) -> Belonging:
    """What the folder says, before any database is opened.

    Raises Refused for a home whose server is not set, IntegrityError for an address beside a database in the folder.
    """
    note = home.read_file(NOTE)
    if note is None and address is None:
        return Belonging(None)
    if note is None:
        raise IntegrityError(f"the database of {home.path} is its own {DATABASE}: unset MATCHER_DATABASE")
    home_id = _noted(note)
    if home_id is None:
        raise IntegrityError(f"{home.path / NOTE} was altered: restore it from a backup")
    if address is None:
        raise Refused(f"the database of {home.path} is on a PostgreSQL server: set MATCHER_DATABASE to its address")
    return Belonging(home_id)


def require_belonging(belongs: Belonging, store: Store) -> None:
    """Raises IntegrityError for another home's database."""
    if belongs.home_id is None:
        return
    with store.unit_of_work(write=False) as work:
        found = work.home.get().home_id
    if found != belongs.home_id:
        raise IntegrityError("this database belongs to another home: see MATCHER_HOME and MATCHER_DATABASE")


def _noted(note: bytes) -> str | None:
    try:
        facts = tomllib.loads(note.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None
    home_id = facts.get("home")
    whole = set(facts) == {"engine", "home"} and facts["engine"] == "postgresql"
    return home_id if whole and isinstance(home_id, str) and _ID.fullmatch(home_id) else None
