"""A home's database on a PostgreSQL server, for several terminals: one database for one home, in its schema `matcher`.

1. Whoever writes locks the head of the log first, at READ COMMITTED: writers queue up as they do on SQLite, and each
   statement sees all that the writer before committed. At REPEATABLE READ a transaction that waited for the lock would
   hold a state from before it waited, and could only fail; SERIALIZABLE would turn waiting into failures at the end,
   and a failure means doing an operation again with its signatures and files. So there is nothing to retry: what a
   session from outside still brings about, a deadlock, ends in an error with nothing stored (`postgres_failures.py`).
2. Whoever reads sees one snapshot (REPEATABLE READ READ ONLY).
3. A lock is waited for ten seconds, as on SQLite. A session that stands still inside a transaction that writes loses
   its lock in five minutes, one whose machine is gone in one.
4. Answers come over a socket of this machine, its loopback, or TLS that checked who answers (`address.py`).
"""

from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, insert

from matcher.domain.ids import utc_text
from matcher.errors import BadInput, IntegrityError, Refused, StorageFailed
from matcher.store import schema
from matcher.store.address import DRIVER, Address, is_loopback
from matcher.store.engine import BUSY_SECONDS, require_version, require_way
from matcher.store.failures import translated
from matcher.store.log import EMPTY
from matcher.store.postgres_rules import MARK, SCHEMA, make_tables, mark

LEAST_SERVER = 140_000  # 14, the oldest that is still maintained
_CONNECT_SECONDS = 10
_STANDING_SECONDS = 300
_LOOK_SECONDS = 0.1
_SETTINGS = (
    f"search_path={SCHEMA},pg_temp",
    f"lock_timeout={round(BUSY_SECONDS * 1000)}",
    "synchronous_commit=on",  # a server may be set to acknowledge what a power cut can still lose
    "row_security=off",  # a policy somebody added is an error, not rows left out
    "tcp_keepalives_idle=30",
    "tcp_keepalives_interval=10",
    "tcp_keepalives_count=3",
)
_ELSEWHERE = (
    "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'matcher') AND NOT EXISTS "
    "(SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')"
)
_WITHIN = (
    f"SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace) "  # noqa: S608
    f"+ (SELECT count(*) FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace)"
)
_FACTS = (
    "SELECT current_setting('server_version') AS version, current_database() AS database, current_user AS person, "
    "inet_server_addr() IS NULL AS local, (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls, "
    "current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages, "
    "pg_has_role(relowner, 'USAGE') AS owner FROM pg_class WHERE oid = 'log'::regclass"
)


# How many hold a state open that is older than a transaction: sessions of this database, standbys and what else may.
_OLDER = (
    "SELECT count(*) FROM (SELECT unnest(ARRAY[backend_xmin, backend_xid]) AS held FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND (datname = current_database() AND backend_type <> 'autovacuum worker' "
    "OR backend_type = 'walsender') UNION ALL SELECT xmin FROM pg_replication_slots "
    "UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()) AS holders "
    "WHERE age(held) > age(%s::xid)"
)


def create_database(address: Address) -> Engine:
    """The tables in an empty database, or in one where an earlier attempt ended before anything was entered.

    Raises Refused for a database with anything else in it, BadInput, StorageFailed.
    """
    engine = _engine(address)
    with translated(), engine.connect() as connection:
        _require_utf8(connection)
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('watchlist matcher'))")  # one init at a time
        version = _version(connection)
        if version is None:
            _make(connection)
        else:
            require_version(version)
            if _entered(connection):
                raise Refused("this database holds a home already: name an empty database")
        connection.commit()
    return engine


def open_database(address: Address, older: bool = False) -> Engine:
    """The database of a home; `older`: also one that `database.bring_up` brings to this version, by its owner.

    Raises Refused where there is none or it is another version's, IntegrityError where it is another program's.
    """
    version = version_of(address)
    (require_way if older else require_version)(version)
    engine = _engine(address)
    if version < schema.SCHEMA_VERSION:
        _require_owner(engine)
    return engine


def version_of(address: Address) -> int:
    """The version of the home's database, whichever it is. Raises otherwise as `open_database` does."""
    with translated(), _engine(address).connect() as connection:
        version = _version(connection)
    if version is None:
        raise Refused("this database holds no home: make one with matcher init")
    return version


def discard_database(engine: Engine) -> None:
    """Takes away the tables of a home that nobody is in yet. Raises Refused where somebody is, StorageFailed."""
    with translated(), engine.connect() as connection:
        if connection.exec_driver_sql("SELECT count(*) FROM users").scalar_one():
            raise Refused("this database holds a home with people in it")
        connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA} CASCADE")
        connection.commit()


def begin(engine: Engine, write: bool) -> Connection:
    """A connection with a transaction begun: with the head of the log locked, or for reading one unchanging state."""
    if write:
        return _writing(engine, "SELECT 1 FROM log_head FOR UPDATE")
    with ExitStack() as undo:
        connection = undo.enter_context(engine.connect())
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.exec_driver_sql("SELECT 1")  # a snapshot is taken by the first statement
        undo.pop_all()
    return connection


def begin_alone(engine: Engine) -> Connection:
    """As `begin` to write, with nobody else near the head of the log, whose rules are to be dropped.

    Who only waits for its lock is in the way of that, and would wait for ever.
    """
    return _writing(engine, "LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE")


def scrub(engine: Engine) -> None:
    """Writes the tables of sealed values and keys anew, so that no dead row of theirs is in the database's files.

    The server's own log (WAL), its copies and its backups are its owner's business. Raises Refused for who does not own
    the tables, whom the server would only warn; StorageFailed while somebody holds an older state open, since what
    they see is kept.
    """
    with translated(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.exec_driver_sql(_FACTS).one().owner:
            raise Refused("only the owner of the tables overwrites what was erased: name the owner in MATCHER_DATABASE")
        _await_older(connection)
        for table in ("alerts", "candidates", "known_items", "home", "users"):
            connection.exec_driver_sql(f"VACUUM (FULL) {SCHEMA}.{table}")


def describe(engine: Engine) -> str:
    """The server's version, who asks how, and what there is to warn of."""
    with translated(), engine.connect() as connection:
        row = connection.exec_driver_sql(_FACTS).one()
    way = "socket" if row.local else row.tls or "loopback without TLS"
    warnings = []
    if (row.fsync, row.pages) != ("on", "on"):
        warnings.append("a power cut can damage it (fsync, full_page_writes)")
    if row.owner:
        warnings.append("this user may change its rules (see docs/several-terminals.md, privileges)")
    known = f"PostgreSQL {row.version.split()[0]}, database {row.database}, user {row.person}, {way}"
    return "; WARNING: ".join([known, *warnings])


def _engine(address: Address) -> Engine:
    try:
        import psycopg
    except ImportError:
        raise BadInput("PostgreSQL needs the driver psycopg: pip install 'watchlist-matcher[postgres]'") from None

    def connect() -> Any:
        try:
            connection = psycopg.connect(**_parameters(address))
        except psycopg.Error as error:
            raise _no_connection(str(error)) from None
        try:
            _check_server(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine(
        f"{DRIVER}://", creator=connect, poolclass=NullPool, hide_parameters=True, use_native_hstore=False
    )


def _parameters(address: Address) -> dict[str, Any]:
    """Everything that libpq would else take from its environment and its service files is said."""
    return {
        "host": address.host,
        "hostaddr": "",
        "port": address.port,
        "user": address.user,
        "password": address.password,
        "dbname": address.database,
        "sslmode": "prefer",
        **dict(address.tls),
        "gssencmode": "disable",
        "target_session_attrs": "any",
        "client_encoding": "utf8",
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "matcher",
        "options": " ".join(f"-c {setting}" for setting in _SETTINGS),
    }


def _check_server(connection: Any, address: Address) -> None:
    there = connection.info
    if not address.host.startswith("/") and not is_loopback(there.hostaddr) and not connection.pgconn.ssl_in_use:
        raise Refused("the database server is another machine and does not speak TLS: the connection was ended")
    if there.server_version < LEAST_SERVER:
        least = LEAST_SERVER // 10_000
        raise StorageFailed(f"PostgreSQL {there.server_version // 10_000} is too old: {least} or later is needed")


def _no_connection(said: str) -> Refused | StorageFailed:
    """The driver's words may repeat the address: only their kind is passed on. Refused is what the server refuses."""
    if "no encryption" in said:
        return Refused("the database server lets nobody in without TLS: see sslmode and sslrootcert")
    if any(word in said for word in ("password", "authentication", "pg_hba.conf", "role ")):
        return Refused("the database server does not let this user in: see ~/.pgpass")
    if "does not exist" in said:
        return Refused("the database server has no such database: see docs/several-terminals.md (setting up)")
    kinds = (
        (("SSL", "TLS", "certificate"), "TLS with it did not come about: see sslmode and sslrootcert"),
        (("translate host", "resolve"), "its name is not known"),
        (("timeout", "timed out"), "it does not answer"),
        (("refused", "No such file"), "nobody answers there: is it running?"),
        (("too many", "remaining connection"), "it has no connection left"),
    )
    found = next((kind for words, kind in kinds if any(word in said for word in words)), "no connection came about")
    return StorageFailed(f"the database server cannot be used: {found}")


def _writing(engine: Engine, lock: str) -> Connection:
    with ExitStack() as undo:
        connection = undo.enter_context(engine.connect())
        connection.execution_options(isolation_level="READ COMMITTED")
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_STANDING_SECONDS}s'")
        connection.exec_driver_sql(lock)
        undo.pop_all()
    return connection


def _require_owner(engine: Engine) -> None:
    with translated(), engine.connect() as connection:
        if not connection.exec_driver_sql(_FACTS).one().owner:
            raise Refused("only the owner of the tables upgrades them: name the owner in MATCHER_DATABASE")


def _await_older(connection: Connection) -> None:
    now = connection.exec_driver_sql("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text").scalar_one()
    until = monotonic() + BUSY_SECONDS
    while connection.exec_driver_sql(_OLDER, (now,)).scalar_one():
        if monotonic() > until:
            raise StorageFailed("another matcher is reading this home: what was erased is overwritten when it is done")
        sleep(_LOOK_SECONDS)


def _require_utf8(connection: Connection) -> None:
    if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
        raise BadInput("this database does not keep Unicode: make one with ENCODING 'UTF8'")


def _version(connection: Connection) -> int | None:
    """The version in the mark; None where nothing was made yet. Raises Refused, IntegrityError for what is not ours."""
    found = connection.exec_driver_sql(
        f"SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = '{SCHEMA}'"  # noqa: S608
    ).one_or_none()
    if found is not None and found[0] is not None:
        kind, _, version = str(found[0]).rpartition(" ")
        if f"{kind} " != MARK or not version.isdecimal():
            raise IntegrityError("this database is not one of this program")
        return int(version)
    if connection.exec_driver_sql(_ELSEWHERE).scalar_one() or (
        found is not None and connection.exec_driver_sql(_WITHIN).scalar_one()
    ):
        raise Refused("this database holds something else already: name an empty database")
    return None


def _make(connection: Connection) -> None:
    there = connection.exec_driver_sql(f"SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'").one_or_none()  # noqa: S608
    if there is None:
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    make_tables(connection)
    connection.execute(insert(schema.log_head).values(id=1, sequence=0, time=utc_text(EMPTY.time), hash=EMPTY.hash))
    mark(connection)


def _entered(connection: Connection) -> bool:
    """Whether the home was begun: a log with an entry, or the home's own row."""
    return bool(
        connection.exec_driver_sql(
            "SELECT EXISTS (SELECT 1 FROM home) OR EXISTS (SELECT 1 FROM log_head WHERE sequence > 0)"
        ).scalar_one()
    )
