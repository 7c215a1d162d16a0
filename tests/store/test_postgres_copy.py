"""What a backup holds of a home whose database is on a server; and an upgrade there, beside people who work."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.event import listens_for

from matcher.domain.events import Action, event
from matcher.errors import IntegrityError
from matcher.store import engine as sqlite
from matcher.store.address import parse_address
from matcher.store.database import begin, snapshot
from matcher.store.schema import metadata
from matcher.store.unit_of_work import Store, open_store
from tests.assets.older import older_home
from tests.cli.runner import Cli
from tests.databases import address_of, homes_on, raw, server, why_none
from tests.safeguards.town import Town
from tests.store.world import NOON, SEAT, World, empty_world


@pytest.fixture(autouse=True)
def _on_postgres() -> Iterator[None]:
    reason = why_none()
    if reason is not None:
        pytest.skip(reason)
    with homes_on("postgresql"):
        yield


@pytest.fixture
def empty(tmp_path: Path) -> World:
    return empty_world(tmp_path)


def test_every_row_of_every_table_is_copied_and_the_file_is_a_whole_database(tmp_path: Path) -> None:
    town = Town(tmp_path).lived()
    file = tmp_path / sqlite.DATABASE
    snapshot(town.store.engine, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(file.name)] == [file.name]
    filled = 0
    copied = sqlite.open_database(tmp_path)
    with begin(town.store.engine, write=False) as there, begin(copied, write=False) as here:
        for table in metadata.sorted_tables:
            rows = [sorted(map(repr, one.execute(select(table)))) for one in (there, here)]
            assert rows[0] == rows[1], table.name
            filled += bool(rows[0])
        assert sqlite.as_made(here)
    assert filled > len(metadata.tables) / 2


def test_a_copy_is_of_one_moment(tmp_path: Path) -> None:
    town = Town(tmp_path).lived()
    with town.place.work(write=False) as work:
        before = work.log.head().sequence
    begun = threading.Event()

    @listens_for(town.store.engine, "before_cursor_execute")
    def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT checkpoints.") and not begun.is_set():
            begun.set()
            thread = threading.Thread(target=town.submit, args=(town.templates[3], "boss", "2026/9"))
            thread.start()
            thread.join()

    snapshot(town.store.engine, tmp_path / sqlite.DATABASE)
    with town.place.work(write=False) as work:
        assert work.log.head().sequence > before
    with begin(sqlite.open_database(tmp_path), write=False) as here:
        newest = here.exec_driver_sql("SELECT MAX(sequence) FROM log").scalar_one()
        assert newest == here.exec_driver_sql("SELECT sequence FROM log_head").scalar_one() == before


def test_a_server_whose_rules_somebody_changed_is_not_copied(empty: World, tmp_path: Path) -> None:
    raw(empty.home, "DROP TRIGGER log_never_changed")
    with empty.store() as store, pytest.raises(IntegrityError, match="removed or changed"):
        snapshot(store.engine, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_an_upgrade_waits_for_who_writes_and_who_waits_too_is_not_in_its_way(tmp_path: Path) -> None:
    home = older_home(tmp_path)
    ends: list[str] = []

    def upgrade(store: Store) -> None:
        with store.upgrading() as (version, work):
            work.commit()
        ends.append(f"upgraded from {version}")

    def write(store: Store) -> None:
        with store.unit_of_work() as work:
            work.log.append(event(Action.REFUSED, "ana", attempt="x", subject="", refusal="Refused", times=1))
            work.commit()
        ends.append("written")

    with open_store(home, SEAT, lambda: NOON, address_of(home), older=True).unit_of_work() as holding:
        threads = [
            threading.Thread(target=do, args=(open_store(home, SEAT, lambda: NOON, address_of(home), older=True),))
            for do in (upgrade, write)
        ]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            until_waiting(home, number)
        assert holding.version() == 4
        assert ends == []
    for thread in threads:
        thread.join()
    assert ends == ["upgraded from 4", "written"]


def until_waiting(home: Path, number: int) -> None:
    database = parse_address(address_of(home) or "").database
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ends = time.monotonic() + 9
    while server().sql(database, waiting)[0][0] < number:
        assert time.monotonic() < ends, "nobody waits"
        time.sleep(0.02)


def test_only_the_owner_of_the_tables_alters_them(tmp_path: Path) -> None:
    cli, file = Cli(older_home(tmp_path)), tmp_path / "one.backup"
    database = parse_address(address_of(cli.home) or "").database
    rights = ("USAGE ON SCHEMA matcher", "SELECT, INSERT ON ALL TABLES IN SCHEMA matcher")
    server().sql(database, "CREATE ROLE program LOGIN", *(f"GRANT {right} TO program" for right in rights))
    try:
        refused = cli("upgrade", "--backup", file, user="boss", MATCHER_DATABASE=server().address(database, "program"))
    finally:
        server().sql(database, "DROP OWNED BY program", "DROP ROLE program")
    assert (refused.code, "only the owner" in refused.complaint, file.exists()) == (3, True, False)
