"""Which database a home has: SQLite in its folder, or PostgreSQL where an address is set; the same tables and rules.

What only PostgreSQL needs is imported where it is used: a home in its folder starts as fast as ever.
"""

import hashlib
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from matcher.errors import IntegrityError
from matcher.store import engine as sqlite
from matcher.store.failures import translated
from matcher.store.schema import SCHEMA_VERSION
from matcher.store.steps import RULES, STEPS
from matcher.store.transaction import Transaction

_CHANGED = "a rule of the database was removed or changed: whoever did it could alter any table"


class _Rules(Protocol):
    """What `engine` and `postgres_rules` do with tables, rules and version, each in its own SQL."""

    def version_in(self, connection: Connection) -> int: ...
    def rule_texts(self, connection: Connection) -> list[str]: ...
    def drop_rules(self, connection: Connection) -> None: ...
    def make_rules(self, connection: Connection) -> None: ...
    def as_made(self, connection: Connection) -> bool: ...


def create_database(home: Path, address: str | None) -> Engine:
    """Empty tables, in the home's folder or at an address. Raises Refused when there is something, StorageFailed."""
    if address is None:
        return sqlite.create_database(home)
    from matcher.store import postgres
    from matcher.store.address import parse_address

    return postgres.create_database(parse_address(address))


def open_database(home: Path, address: str | None, older: bool = False) -> Engine:
    """The database of a home; `older`: also one that `bring_up` brings to this version, by a user who may.

    Raises Refused, IntegrityError, BadInput for a bad address.
    """
    if address is None:
        return sqlite.open_database(home, older)
    from matcher.store import postgres
    from matcher.store.address import parse_address

    return postgres.open_database(parse_address(address), older)


def begin(engine: Engine, write: bool) -> Connection:
    """A connection with a transaction begun: as the only one that writes, or for reading one unchanging state."""
    if is_sqlite(engine):
        return sqlite.begin(engine, write)
    from matcher.store import postgres

    return postgres.begin(engine, write)


def begin_alone(engine: Engine) -> Connection:
    """As `begin` to write, with nobody else in the tables that are to be altered."""
    if is_sqlite(engine):
        return sqlite.begin(engine, write=True)
    from matcher.store import postgres

    return postgres.begin_alone(engine)


def bring_up(connection: Connection) -> int:
    """Brings the tables to this program's version (`steps.py`), in a transaction begun alone; which they were of.

    Raises Refused where no step leads up, IntegrityError for rules or tables that somebody changed.
    """
    rules, version = _rules_of(connection), version_in(connection)
    sqlite.require_way(version)
    if version == SCHEMA_VERSION:
        return version
    _require_rules(connection)
    rules.drop_rules(connection)
    for number in range(version, SCHEMA_VERSION):
        STEPS[number](connection)
    rules.make_rules(connection)
    _require_whole(connection)
    return version


def rules_digest(connection: Connection) -> str:
    """sha256 of the rules as the engine holds them."""
    return hashlib.sha256("\n".join(sorted(_rules_of(connection).rule_texts(connection))).encode()).hexdigest()


def version_in(connection: Connection) -> int:
    """The version of the tables."""
    return _rules_of(connection).version_in(connection)


def check_schema(engine: Engine, transaction: Transaction) -> None:
    """Raises IntegrityError when a table, constraint or trigger is missing, was changed or was added."""
    if is_sqlite(engine):
        transaction.directly(_require_whole)
        return
    # What only reads makes no tables to compare with.
    with translated(), engine.connect() as connection:
        _require_whole(connection)


def scrub(engine: Engine) -> None:
    """Rewrites the database's files without what was deleted. Raises StorageFailed while somebody else reads."""
    if is_sqlite(engine):
        sqlite.scrub(engine)
        return
    from matcher.store import postgres

    postgres.scrub(engine)


def describe(engine: Engine) -> str:
    """The engine's name and version, for people. Raises StorageFailed."""
    if is_sqlite(engine):
        from sqlcipher3 import dbapi2

        return f"SQLite {dbapi2.sqlite_version}"
    from matcher.store import postgres

    return postgres.describe(engine)


def discard_database(engine: Engine) -> None:
    """Takes away what `create_database` made on a server. Raises Refused, StorageFailed."""
    if not is_sqlite(engine):
        from matcher.store import postgres

        postgres.discard_database(engine)


def is_sqlite(engine: Engine) -> bool:
    """Whether the database is the file in the home's folder."""
    return engine.dialect.name == "sqlite"


def snapshot(engine: Engine, path: Path) -> None:
    """The database as it is at one moment, as a new SQLite file, 0600. Raises StorageFailed, IntegrityError."""
    if is_sqlite(engine):
        sqlite.snapshot(engine, path)
        return
    from matcher.store import postgres_copy

    with translated(), engine.connect() as connection:
        _require_rules(connection)  # the file gets its rules from the program, whatever somebody did to the server's
    postgres_copy.copy(engine, path)


def _require_rules(connection: Connection) -> None:
    """Raises IntegrityError for rules that are not those of their version."""
    version = version_in(connection)
    if version == SCHEMA_VERSION:
        _require_whole(connection)
    elif rules_digest(connection) != RULES[version][connection.dialect.name]:
        raise IntegrityError(_CHANGED)


def _require_whole(connection: Connection) -> None:
    if not _rules_of(connection).as_made(connection):
        raise IntegrityError(_CHANGED)


def _rules_of(connection: Connection) -> _Rules:
    if connection.dialect.name == "sqlite":
        return sqlite
    from matcher.store import postgres_rules

    return postgres_rules
