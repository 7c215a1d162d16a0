"""Making and opening a home's database file: `matcher.db`, SQLite in WAL mode, readable by its owner only.

All that is particular to SQLite is in here and in `triggers.py`; `database.py` chooses between it and PostgreSQL. The
driver is sqlcipher3 without a key: it brings its own SQLite, and the one that comes with Python may still corrupt a WAL
database with two connections (3.7.0 to 3.51.2).
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, insert, select

from matcher.domain.ids import utc_text
from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.store import schema
from matcher.store.failures import translated
from matcher.store.log import EMPTY
from matcher.store.steps import OLDEST
from matcher.store.triggers import trigger_statements

DATABASE = "matcher.db"
LEAST_SQLITE = (3, 51, 3)
BUSY_SECONDS = 10.0
_APPLICATION_ID = 0x776D6174  # "wmat" in the file's header, so that another program's database is not taken for ours
_SETTINGS = (
    "cipher_log_level = NONE",  # it would write over the terminal interface
    "foreign_keys = ON",
    "synchronous = FULL",  # with NORMAL a power cut loses acknowledged work
    "trusted_schema = OFF",
    "secure_delete = ON",
    "recursive_triggers = ON",
    "cell_size_check = ON",
)


def create_database(home: Path) -> Engine:
    """A new database with empty tables. Raises Refused when there is one already, StorageFailed."""
    path = home / DATABASE
    _make_file(path)
    engine = _engine(path)
    with translated(), begin(engine, write=True) as connection:
        if _header(connection) != (0, 0):
            raise Refused(f"there is a home already in {home}: choose another folder")
        schema.metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(schema.log_head).values(id=1, sequence=0, time=utc_text(EMPTY.time), hash=EMPTY.hash))
        make_rules(connection)
        connection.commit()
    return engine


@contextmanager
def filling(path: Path) -> Iterator[Connection]:
    """A new database file, 0600, whose rows are put in inside, and whose rules are made behind them.

    Nothing is written beside it. One that fails, or is killed, leaves a file to be removed. Raises StorageFailed.
    """
    from sqlcipher3 import dbapi2

    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    engine = _plain_engine(lambda: dbapi2.connect(str(path), isolation_level=None))
    with translated(), engine.connect() as connection:
        for setting in ("cipher_log_level = NONE", "foreign_keys = ON", "journal_mode = OFF", "synchronous = OFF"):
            connection.exec_driver_sql(f"PRAGMA {setting}")
        connection.exec_driver_sql("BEGIN")
        schema.metadata.create_all(connection, checkfirst=False)
        yield connection
        make_rules(connection)
        connection.commit()


@cache
def schema_statements() -> tuple[str, ...]:
    """Every CREATE statement as a new database holds it."""
    from sqlcipher3 import dbapi2

    with _plain_engine(lambda: dbapi2.connect(":memory:")).connect() as connection:
        schema.metadata.create_all(connection, checkfirst=False)
        make_rules(connection)
        return tuple(_texts(connection))


def make_rules(connection: Connection) -> None:
    """Every rule, behind the tables, and the mark of whose the database is and of which version."""
    for statement in trigger_statements():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")


def drop_rules(connection: Connection) -> None:
    """Takes every rule away, in a transaction that makes them anew."""
    found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    for name in found:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


def rule_texts(connection: Connection) -> list[str]:
    """Every rule that is in force."""
    return _texts(connection, "type = 'trigger'")


def as_made(connection: Connection) -> bool:
    """Whether tables and rules are those of a new database."""
    return set(_texts(connection)) == set(schema_statements())


def version_in(connection: Connection) -> int:
    """The version in the file's header."""
    return _header(connection)[1]


def open_database(home: Path, older: bool = False) -> Engine:
    """The home's database; `older`: also one that `database.bring_up` brings to this version.

    Raises Refused when there is none, when others can read it or when it is another version's; IntegrityError
    when the file is no database of this program.
    """
    (require_way if older else require_version)(version_of(home))
    return _engine(home / DATABASE)


def version_of(home: Path) -> int:
    """The version of the home's database, whichever it is. Raises otherwise as `open_database` does."""
    path = home / DATABASE
    _check_file(path)
    with translated(), begin(_engine(path), write=False) as connection:
        found, version = _header(connection)
    if (found, version) == (0, 0):
        raise Refused(f"the home in {home} was never finished: run matcher init again")
    if found != _APPLICATION_ID:
        raise IntegrityError(f"{path} is not a database of this program")
    return version


def snapshot(engine: Engine, path: Path) -> None:
    """Copies the database as it is at one moment to a new file, 0600. Raises StorageFailed."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with translated(), engine.connect() as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(path),))


def revisions_in(path: Path) -> frozenset[str]:
    """The ids of the revisions in a database file that nobody writes to."""
    engine = _engine(path)
    with translated(), begin(engine, write=False) as connection:
        return frozenset(connection.execute(select(schema.revisions.c.revision_id)).scalars())


def unfinished_in(path: Path) -> bool:
    """Whether files are still to be exchanged for an erasure that a database file knows, which nobody writes to."""
    engine = _engine(path)
    with translated(), begin(engine, write=False) as connection:
        unfinished = select(schema.erasures.c.number).where(schema.erasures.c.finished_at.is_(None))
        return connection.execute(unfinished).first() is not None


def begin(engine: Engine, write: bool) -> Connection:
    """A connection with a transaction begun: with the write lock, or for reading one unchanging state."""
    with ExitStack() as undo:
        connection = undo.enter_context(engine.connect())
        if not write:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
        undo.pop_all()
    return connection


def scrub(engine: Engine) -> None:
    """Writes the database anew and empties its WAL: no free page, gap or old frame holds what was deleted.

    `secure_delete` overwrites what is deleted, but not copies that balancing a tree left in the gaps of other pages.
    What is written anew goes through a file without a name in the home: this SQLite would hold all of it in memory.
    Raises StorageFailed while another connection holds an older state open.
    """
    with engine.connect() as connection:
        folder = Path(connection.exec_driver_sql("PRAGMA database_list").one()[2]).parent
        quoted = str(folder).replace("'", "''")
        connection.exec_driver_sql("PRAGMA temp_store = FILE")
        connection.exec_driver_sql(f"PRAGMA temp_store_directory = '{quoted}'")  # for the process, which has one home
        connection.exec_driver_sql("VACUUM")
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if busy:
        raise StorageFailed("another matcher is reading this home: what was erased is overwritten when it is done")


def require_version(version: int) -> None:
    """Raises Refused for a database that another version of the program made."""
    known = schema.SCHEMA_VERSION
    if version > known:
        raise Refused(
            f"this home is of version {version} and this program knows {known}: "
            f"install a newer matcher, one that knows version {version}"
        )
    if version < known:
        raise Refused(
            f"this home is of version {version}, made by an older matcher, and this one needs {known}: "
            "use that, or see matcher upgrade"
        )


def require_way(version: int) -> None:
    """Raises Refused for a database that is not of this program's version and that no step leads up from."""
    known = schema.SCHEMA_VERSION
    if version < OLDEST:
        raise Refused(
            f"this home is of version {version}, this program needs {known}, and no way leads there: nothing was "
            "changed; go on with the matcher that made it, or load its lists and cohorts into a new home (matcher init)"
        )
    if version > known:
        require_version(version)


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raises StorageFailed for a SQLite that may corrupt a WAL database."""
    if version < LEAST_SQLITE:
        found, least = (".".join(map(str, numbers)) for numbers in (version, LEAST_SQLITE))
        raise StorageFailed(
            f"SQLite {found} may damage the database, {least} is needed: install sqlcipher3 0.6.2 or later"
        )


def _engine(path: Path) -> Engine:
    from sqlcipher3 import dbapi2

    require_sqlite(dbapi2.sqlite_version_info)

    def connect() -> Any:
        # mode=rw: a database that vanished is an error, not a new empty one.
        address = f"{path.absolute().as_uri()}?mode=rw"
        connection = dbapi2.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StorageFailed(f"{path} is on a file system without shared memory: move the home to a local disk")
        return connection

    return _plain_engine(connect)


def _plain_engine(connect: Callable[[], Any]) -> Engine:
    from sqlcipher3 import dbapi2

    return create_engine("sqlite://", module=dbapi2, creator=connect, poolclass=NullPool, hide_parameters=True)


def _texts(connection: Connection, where: str = "sql IS NOT NULL") -> list[str]:
    found = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE {where}")  # noqa: S608 -- words from this file
    return [row[0] for row in found]


def _header(connection: Connection) -> tuple[int, int]:
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    return int(application), int(version)


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        _check_file(path)  # an earlier attempt may have ended before its tables were made
    except OSError as error:
        raise StorageFailed(f"{path} cannot be made: {error.strerror}") from None


def _check_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        raise Refused(f"there is no home in {path.parent}: make one with matcher init") from None
    except OSError as error:
        raise StorageFailed(f"{path} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise IntegrityError(f"{path} is not a regular file")
    if mode & 0o077:
        raise Refused(f"others can read {path}: run chmod 600 {path}")
