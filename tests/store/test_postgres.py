"""PostgreSQL: whose database, reached how, written by one at a time, and its rules found whole or not."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.events import Action, event
from matcher.errors import BadInput, IntegrityError, MatcherError, Refused, StorageFailed
from matcher.store import postgres
from matcher.store.address import Address, parse_address
from matcher.store.postgres import create_database, open_database
from matcher.store.postgres_rules import column_of
from matcher.store.rule import resolved
from matcher.store.schema import SCHEMA_VERSION, metadata
from matcher.store.triggers import rules
from matcher.store.unit_of_work import create_store, open_store
from tests.databases import OWNER, RAW_REFUSED, address_of, homes_on, server, why_none
from tests.store.world import NOON, ROLES, SEAT, World, add_people, alerted_world, empty_world, signed_in, user

PASSWORD = "pa55-of-nobody"


@pytest.fixture(autouse=True)
def _on_postgres() -> Iterator[None]:
    reason = why_none()
    if reason is not None:
        pytest.skip(reason)
    with homes_on("postgresql"):
        yield


@pytest.fixture
def database() -> str:
    """The name of an empty database."""
    return server().new_database()


@pytest.fixture
def world(tmp_path: Path, _on_postgres: None) -> World:
    return empty_world(tmp_path)


def name_of(world: World) -> str:
    return parse_address(address_of(world.home) or "").database


@contextmanager
def session(world: World) -> Iterator[Any]:
    """Somebody with a database client in the middle of a transaction."""
    import psycopg

    with psycopg.connect(host=str(server().socket), user=OWNER, dbname=name_of(world)) as connection:
        connection.execute("SET search_path = matcher")
        yield connection
        connection.rollback()


def test_a_new_database_holds_every_table_and_opens_again(database: str) -> None:
    address = parse_address(server().address(database))
    create_database(address).dispose()
    open_database(address).dispose()
    tables = server().sql(
        database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'matcher'::regnamespace"
    )
    assert {row[0] for row in tables} == set(metadata.tables)


def test_a_second_home_in_the_same_database_is_refused(tmp_path: Path, database: str) -> None:
    address = server().address(database)
    store = create_store(tmp_path, SEAT, lambda: NOON, address)
    create_store(tmp_path, SEAT, lambda: NOON, address).close()  # the first was never begun
    with store.unit_of_work() as work:
        work.home.create("home1", NOON, False, b"public")
        work.commit()
    store.close()
    with pytest.raises(Refused, match="holds a home already"):
        create_store(tmp_path, SEAT, lambda: NOON, address)


@pytest.mark.parametrize(
    "thing",
    [
        "CREATE TABLE public.theirs (x int)",
        "CREATE SCHEMA matcher CREATE TABLE log (x int)",
        "CREATE VIEW public.v AS SELECT 1 AS x",
    ],
)
def test_a_database_with_something_else_in_it_is_refused(database: str, thing: str) -> None:
    server().sql(database, thing)
    with pytest.raises(Refused, match="something else"):
        create_database(parse_address(server().address(database)))
    assert not server().sql(database, "SELECT 1 FROM pg_proc WHERE proname = 'one_writer'")


def test_a_schema_made_for_the_home_beforehand_is_taken(database: str) -> None:
    server().sql(database, "CREATE SCHEMA matcher")
    create_database(parse_address(server().address(database))).dispose()


@pytest.mark.parametrize(
    ("mark", "kind", "words"),
    [
        (f"watchlist matcher, version {SCHEMA_VERSION + 1}", Refused, "newer"),
        (f"watchlist matcher, version {SCHEMA_VERSION - 1}", Refused, "older"),
        ("another program's", IntegrityError, "not one of this program"),
    ],
)
def test_another_version_and_another_program_are_refused(
    world: World, mark: str, kind: type[MatcherError], words: str
) -> None:
    server().sql(name_of(world), "COMMENT ON SCHEMA matcher IS '{}'".format(mark.replace("'", "''")))
    with pytest.raises(kind, match=words), world.store():
        pass


def test_an_empty_database_is_no_home(tmp_path: Path, database: str) -> None:
    with pytest.raises(Refused, match="matcher init"):
        open_store(tmp_path, SEAT, lambda: NOON, server().address(database))


def test_a_database_without_unicode_is_refused(database: str) -> None:
    server().sql("postgres", f"CREATE DATABASE {database}_latin TEMPLATE template0 ENCODING 'LATIN1'")
    with pytest.raises(BadInput, match="UTF8"):
        create_database(parse_address(server().address(f"{database}_latin")))


# --- one writer, many readers -----------------------------------------------------------------------------------------


def test_a_writer_waits_for_another_and_then_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tuple("lock_timeout=100" if one.startswith("lock_timeout") else one for one in postgres._SETTINGS)
    monkeypatch.setattr(postgres, "_SETTINGS", short)
    with world.store() as store, store.unit_of_work(), pytest.raises(StorageFailed, match="try again"):
        store.unit_of_work().__enter__()
    with world.work() as work:
        assert work.users.count() == 0


def test_raw_sql_waits_for_who_writes(world: World) -> None:
    """The rules count rows: a client that writes beside the program would be counted by nobody."""
    with world.store() as store, store.unit_of_work() as work:
        work.users.add(user("ada"), b"keys")
        with session(world) as client:
            client.execute("SET lock_timeout = '100ms'")
            with pytest.raises(Exception, match="lock timeout"):
                client.execute("UPDATE home SET demo = 1")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_raw_sql_that_would_not_see_what_it_waited_for_is_refused(world: World, level: str) -> None:
    with session(world) as client:
        client.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        with pytest.raises(RAW_REFUSED, match="READ COMMITTED"):
            client.execute("UPDATE home SET demo = 1")


def test_a_deadlock_with_a_client_ends_in_one_sentence_and_nothing_stored(tmp_path: Path) -> None:
    world = alerted_world(tmp_path)
    server().sql(name_of(world), f"ALTER DATABASE {name_of(world)} SET deadlock_timeout = '50ms'")
    held, done = threading.Event(), threading.Event()

    def client() -> None:
        with session(world) as other:
            other.execute("SET deadlock_timeout = '60s'")  # the program's side finds out, and loses
            other.execute("SELECT 1 FROM alerts FOR UPDATE")
            held.set()
            other.execute("UPDATE home SET demo = 1")
            done.set()

    thread = threading.Thread(target=client)
    with world.store() as store, store.unit_of_work() as work:
        thread.start()
        held.wait()
        time.sleep(0.3)  # so that the client waits first: a session looks for a deadlock once
        work.log.append(event(Action.SEARCHED, "ada"))
        with pytest.raises(StorageFailed, match="nothing was stored, try again"):
            work.alerts.close("list1", "a reason", NOON)
        work._begun().end()
    thread.join()
    assert done.is_set()
    with world.work(write=False) as work:
        assert work.log.head().sequence == 0
        assert work.alerts.waiting("list1") == 1


def test_an_alert_that_a_client_holds_counts_as_taken_and_nobody_waits(tmp_path: Path) -> None:
    world = alerted_world(tmp_path)
    with session(world) as client:
        client.execute("SELECT 1 FROM alerts FOR UPDATE")
        with world.work() as work:
            assert not work.alerts.claim("alert1", signed_in("cai"), ("AAAA",), NOON, NOON)


def test_a_refused_statement_leaves_the_rest_of_the_transaction(world: World) -> None:
    with world.work() as work:
        add_people(work)
        with pytest.raises(BadInput, match="name exists"):
            work.users.add(user("ada"), b"keys")
        work.log.append(event(Action.SEARCHED, "ada"))
    with world.work(write=False) as work:
        assert (work.users.count(), work.log.verify().sequence) == (len(ROLES), 1)


def test_a_connection_cut_by_the_server_is_an_error_and_nothing_is_stored(world: World) -> None:
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"  # noqa: S608
    with world.store() as store:
        with store.unit_of_work() as work:
            work.users.add(user("ada"), b"keys")
            server().sql(name_of(world), cut)
            with pytest.raises(StorageFailed, match="nothing of this step was stored"):
                work.users.count()
        with store.unit_of_work() as work:
            work.users.add(user("ada"), b"keys")
            server().sql(name_of(world), cut)
            with pytest.raises(StorageFailed, match="may or may not be stored"):
                work.commit()
    with world.work(write=False) as work:
        assert work.users.count() == 0


def test_a_reader_cannot_write(world: World) -> None:
    with world.work(write=False) as work, pytest.raises(StorageFailed, match="only be read"):
        work.users.add(user("ada"), b"keys")


def test_a_text_with_nul_is_bad_input(world: World) -> None:
    with world.work() as work, pytest.raises(BadInput, match="NUL"):
        work.home.create("home\0", NOON, False, b"public")


# --- its rules --------------------------------------------------------------------------------------------------------


def checked(world: World) -> None:
    with world.work(write=False) as work:
        work.check_schema()


def test_a_new_home_is_as_it_was_made_and_checking_leaves_nothing(world: World) -> None:
    checked(world)
    checked(world)
    assert not server().sql(name_of(world), "SELECT 1 FROM pg_class WHERE relpersistence = 't'")


TAMPERED = {
    "a rule dropped": "DROP TRIGGER log_never_changed ON log",
    "a rule off": "ALTER TABLE log DISABLE TRIGGER log_never_changed",
    "all rules of a table off": "ALTER TABLE judgements DISABLE TRIGGER ALL",
    "references off": "ALTER TABLE judgements DISABLE TRIGGER ALL; ALTER TABLE judgements ENABLE TRIGGER USER",
    "one writer off": "ALTER TABLE leads DISABLE TRIGGER leads_one_writer",
    "a rule emptied": "CREATE OR REPLACE FUNCTION log_never_changed() RETURNS trigger LANGUAGE plpgsql "
    "SET search_path = matcher, pg_temp AS $$BEGIN RETURN NEW; END$$",
    "a rule that looks elsewhere": "ALTER FUNCTION leads_need_two_people() SET search_path = elsewhere, matcher",
    "a rule that sees an old state": "ALTER FUNCTION leads_need_two_people() STABLE",
    "a check dropped": "ALTER TABLE users DROP CONSTRAINT users_suspended_check",
    "a check loosened": "ALTER TABLE watchlists DROP CONSTRAINT serves_only_with_certificate, "
    "ADD CONSTRAINT serves_only_with_certificate CHECK (true)",
    "a key dropped": "ALTER TABLE user_roles DROP CONSTRAINT user_roles_pkey",
    "a reference dropped": "ALTER TABLE leads DROP CONSTRAINT leads_alert_id_candidate_id_fkey",
    "a column that may be empty": "ALTER TABLE log ALTER COLUMN actor DROP NOT NULL",
    "a default": "ALTER TABLE users ALTER COLUMN suspended SET DEFAULT 0",
    "a column more": "ALTER TABLE users ADD COLUMN more text",
    "a table more": "CREATE TABLE matcher.more (x int)",
    "a trigger more": "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; "
    "CREATE TRIGGER aaa BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION public.f()",
    "a rewriting": "CREATE RULE quiet AS ON INSERT TO judgements DO INSTEAD NOTHING",
    "a child with rows of its own": "CREATE TABLE public.child () INHERITS (matcher.leads)",
    "rows hidden": "ALTER TABLE alerts ENABLE ROW LEVEL SECURITY",
    "another order of texts": 'ALTER TABLE progress ALTER COLUMN claimed_until TYPE text COLLATE "default"',
    "an index dropped": "DROP INDEX alerts_open",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_every_change_of_tables_and_rules_is_found(world: World, what: str) -> None:
    server().sql(name_of(world), *TAMPERED[what].split("; ") if "$$" not in TAMPERED[what] else [TAMPERED[what]])
    with pytest.raises(IntegrityError, match="rule of the database"):
        checked(world)


def test_every_rule_stands_behind_a_trigger(world: World) -> None:
    found = server().sql(name_of(world), "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    single = {rule.name for rule in rules()}
    assert {row[0] for row in found} == single | {
        f"{table}_{what}" for table in metadata.tables for what in ("one_writer", "never_cleared")
    }


def test_every_condition_is_one_that_the_server_understands(world: World) -> None:
    """A function's body is read when a row first comes: what only SQLite knows would be found by a refused reviewer."""
    rows = {"INSERT": "{0} AS new", "UPDATE": "{0} AS old, {0} AS new", "DELETE": "{0} AS old"}
    for rule in rules():
        condition = resolved(rule.condition, column_of)
        question = f"EXPLAIN SELECT 1 FROM {rows[rule.moment].format(rule.table)} WHERE {condition}"  # noqa: S608
        server().sql(name_of(world), question)


@pytest.mark.parametrize("table", ["log", "judgements", "users"])
def test_no_table_is_cleared(world: World, table: str) -> None:
    with pytest.raises(RAW_REFUSED, match="never cleared"):
        world.raw(f"TRUNCATE {table} CASCADE")


def test_a_temporary_table_cannot_stand_in_for_a_real_one(tmp_path: Path) -> None:
    """Rules look at the home's tables, whatever the client's search path is."""
    world = alerted_world(tmp_path)
    with session(world) as client:
        client.execute(
            "CREATE TEMPORARY TABLE judgements AS SELECT 'alert1' AS alert_id, 'AAAA' AS candidate_id, "
            "'same' AS verdict, unnest(ARRAY['x', 'y']) AS reviewer, 1 AS number"
        )
        client.execute("SET search_path = pg_temp, matcher")
        with pytest.raises(RAW_REFUSED, match="two different people"):
            client.execute("INSERT INTO leads VALUES ('alert1', 'AAAA', '2030')")


# --- the address ------------------------------------------------------------------------------------------------------


def test_an_address_is_taken_apart() -> None:
    found = parse_address(
        f"postgresql+psycopg://ana:{PASSWORD}@db.example.org:5433/faces?sslmode=verify-full&sslrootcert=/ca.pem"
    )
    tls = (("sslmode", "verify-full"), ("sslrootcert", "/ca.pem"))
    assert found == Address("ana", "db.example.org", 5433, "faces", PASSWORD, tls)
    assert PASSWORD not in repr(found)
    assert parse_address("postgresql+psycopg://ana@/faces?host=/run/postgresql") == Address(
        "ana", "/run/postgresql", 5432, "faces"
    )


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ana:{PASSWORD}@localhost/faces",
        f"postgresql+psycopg2://ana:{PASSWORD}@localhost/faces",
        f"sqlite:///{PASSWORD}",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost:{PASSWORD}/faces",
        f"postgresql+psycopg://ana:{PASSWORD}@/faces",
        f"postgresql+psycopg://:{PASSWORD}@localhost/faces",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost/",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost/faces?options=-c%20role=postgres",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost/faces?service={PASSWORD}",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost/faces?hostaddr=10.0.0.1",
        f"postgresql+psycopg://ana:{PASSWORD}@localhost/faces?host=db.example.org",
        f"postgresql+psycopg://ana:{PASSWORD}@/faces?host=localhost,db.example.org",
        f"postgresql+psycopg://ana:{PASSWORD}@/faces?host=localhost&host=db.example.org",
        f"postgresql+psycopg://ana:{PASSWORD}@/faces?host=localhost&port=0",
        PASSWORD,
    ],
)
def test_a_bad_address_is_bad_input_that_repeats_none_of_it(address: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_address(address)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("host", ["db.example.org", "10.1.2.3", "localhost.example.org", "192.0.2.7", "[fe80::1]"])
@pytest.mark.parametrize("options", ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require"])
def test_another_machine_without_checked_tls_is_refused(host: str, options: str) -> None:
    with pytest.raises(Refused, match="verify-full") as caught:
        parse_address(f"postgresql+psycopg://ana:{PASSWORD}@{host}/faces{options}")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_the_loopback_needs_none(host: str) -> None:
    assert parse_address(f"postgresql+psycopg://ana@{host}/faces").local


def test_a_name_of_the_loopback_that_leads_elsewhere_is_found_when_connected() -> None:
    class Connection:
        class info:  # noqa: N801
            hostaddr, server_version = "10.1.2.3", 150_000

        class pgconn:  # noqa: N801
            ssl_in_use = False

    address = Address("ana", "localhost", 5432, "faces")
    with pytest.raises(Refused, match="does not speak TLS"):
        postgres._check_server(Connection, address)
    Connection.pgconn.ssl_in_use = True
    postgres._check_server(Connection, address)
    Connection.info.server_version = 130_000
    with pytest.raises(StorageFailed, match="14 or later"):
        postgres._check_server(Connection, address)


def test_nothing_of_libpqs_environment_leads_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = tmp_path / "service"
    service.write_text("[elsewhere]\nhostaddr=192.0.2.1\nport=1\nsslmode=disable\n")
    elsewhere = {
        "PGHOSTADDR": "192.0.2.1",
        "PGHOST": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "x",
        "PGDATABASE": "x",
        "PGSERVICE": "elsewhere",
        "PGSERVICEFILE": str(service),
        "PGOPTIONS": "-c search_path=public",
        "PGTARGETSESSIONATTRS": "standby",
    }
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    with world.work(write=False) as work:
        assert work.users.count() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": PASSWORD}, "no such database"),
        ({"user": PASSWORD}, "does not let this user in"),
        ({"port": 5999}, "is it running"),
        ({"host": f"/{PASSWORD}"}, "is it running"),
        ({"host": "127.0.0.1", "port": 1}, "is it running"),
        ({"host": f"{PASSWORD}.invalid", "tls": (("sslmode", "verify-full"),)}, "not known"),
        ({"tls": (("sslmode", "verify-full"), ("sslrootcert", f"/{PASSWORD}"))}, ""),
    ],
)
def test_a_server_that_does_not_answer_is_one_sentence_without_the_address(
    world: World, change: dict[str, Any], words: str
) -> None:
    from dataclasses import replace

    address = replace(parse_address(address_of(world.home) or ""), password=PASSWORD)
    if not words:
        open_database(replace(address, **change)).dispose()  # a socket has no TLS to ask for
        return
    kind = Refused if set(change) & {"database", "user"} else StorageFailed
    with pytest.raises(kind, match=words) as caught:
        open_database(replace(address, **change))
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_wrong_password_is_refused_in_one_sentence_without_it(world: World, password: str | None) -> None:
    from dataclasses import replace

    rules_of_entry = server().folder / "data" / "pg_hba.conf"
    before = rules_of_entry.read_text()
    server().sql("postgres", "CREATE ROLE locked LOGIN PASSWORD 'another'")
    rules_of_entry.write_text(f"local all locked scram-sha-256\n{before}")
    server().control("reload")
    try:
        address = replace(parse_address(address_of(world.home) or ""), user="locked", password=password)
        with pytest.raises(Refused, match="does not let this user in") as caught:
            open_database(address)
        assert PASSWORD not in str(caught.value)
        open_database(replace(address, password="another")).dispose()
    finally:
        rules_of_entry.write_text(before)
        server().control("reload")
        server().sql("postgres", "DROP ROLE locked")


def test_without_the_driver_the_extra_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match=r"pip install .*\[postgres\]"), world.store():
        pass
