"""Which database a home has: SQLite in its folder, or PostgreSQL where an address is set; the same tables and rules.

What only PostgreSQL needs is imported where it is used: a home in its folder starts as fast as ever.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from matcher.errors import IntegrityError
from matcher.store import engine as sqlite
from matcher.store.failures import translated
from matcher.store.transaction import Transaction


def create_database(home: Path, address: str | None) -> Engine:
    """Empty tables, in the home's folder or at an address. Raises Refused when there is something, StorageFailed."""
    if address is None:
        return sqlite.create_database(home)
    from matcher.store import postgres
    from matcher.store.address import parse_address

    return postgres.create_database(parse_address(address))


def open_database(home: Path, address: str | None) -> Engine:
    """The database of a home. Raises Refused, IntegrityError, BadInput for a bad address."""
    if address is None:
        return sqlite.open_database(home)
    from matcher.store import postgres
    from matcher.store.address import parse_address

    return postgres.open_database(parse_address(address))


def version_of(home: Path, address: str | None) -> int:
    """The version of a home's database, whichever it is. Raises otherwise as `open_database` does."""
    if address is None:
        return sqlite.version_of(home)
    from matcher.store import postgres
    from matcher.store.address import parse_address

    return postgres.version_of(parse_address(address))


def begin(engine: Engine, write: bool) -> Connection:
    """A connection with a transaction begun: as the only one that writes, or for reading one unchanging state."""
    if is_sqlite(engine):
        return sqlite.begin(engine, write)
    from matcher.store import postgres

    return postgres.begin(engine, write)


def check_schema(engine: Engine, transaction: Transaction) -> None:
    """Raises IntegrityError when a table, constraint or trigger is missing, was changed or was added."""
    if is_sqlite(engine):
        rows = transaction.rows(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
        whole = {row.sql for row in rows} == set(sqlite.schema_statements())
    else:
        from matcher.store.postgres_rules import as_made

        with translated():
            whole = as_made(engine)
    if not whole:
        raise IntegrityError("a rule of the database was removed or changed: whoever did it could alter any table")


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
