"""The database file: private, of the right version, on a SQLite that does not lose it."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.errors import IntegrityError, MatcherError, Refused, StorageFailed
from matcher.store import engine
from matcher.store.engine import DATABASE, begin, create_database, open_database, require_sqlite
from matcher.store.schema import SCHEMA_VERSION, metadata
from tests.store.world import World

pytestmark = pytest.mark.sqlite_only


def test_a_new_database_is_private_and_opens_again(world: World) -> None:
    path = world.home / DATABASE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with world.work(write=False) as work:
        assert work.users.count() == 0
        assert work.log.head().sequence == 0


def test_the_files_beside_it_are_private_too(world: World) -> None:
    with world.store() as store, store.unit_of_work() as work:
        work.users.count()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in world.home.iterdir()}
    assert f"{DATABASE}-wal" in modes
    assert set(modes.values()) == {0o600}


def test_connections_are_set_up_for_safety(world: World) -> None:
    opened = open_database(world.home)
    wanted = {"foreign_keys": 1, "synchronous": 2, "trusted_schema": 0, "secure_delete": 1, "journal_mode": "wal"}
    with begin(opened, write=False) as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    assert found == wanted


def test_every_table_is_strict(world: World) -> None:
    tables = {row[1]: row[5] for row in world.raw("PRAGMA table_list") if not row[1].startswith("sqlite_")}
    assert tables == dict.fromkeys(metadata.tables, 1)


def test_a_second_home_in_the_same_place_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="already"):
        create_database(world.home)


def test_making_goes_on_where_an_earlier_attempt_ended(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch(mode=0o600)
    with pytest.raises(Refused, match="never finished"):
        open_database(tmp_path)
    create_database(tmp_path).dispose()
    open_database(tmp_path).dispose()


def test_a_newer_database_is_not_touched(world: World) -> None:
    world.raw(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (world.home / DATABASE).read_bytes()
    with pytest.raises(Refused, match="newer"):
        open_database(world.home)
    assert (world.home / DATABASE).read_bytes() == before


def test_another_programs_database_is_not_taken_for_ours(world: World) -> None:
    world.raw("PRAGMA application_id = 7")
    with pytest.raises(IntegrityError, match="not a database of this program"):
        open_database(world.home)


def _rubbish(path: Path) -> None:
    path.write_bytes(b"this is no database at all. " * 500)


def _open_to_others(path: Path) -> None:
    path.chmod(0o644)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(path.with_suffix(".elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (Path.unlink, Refused, "matcher init"),
        (_rubbish, IntegrityError, "damaged"),
        (_open_to_others, Refused, "chmod 600"),
        (_folder, IntegrityError, "regular file"),
        (_link, IntegrityError, "regular file"),
    ],
)
def test_a_spoilt_file_is_a_clear_error(
    world: World, spoil: Callable[[Path], None], kind: type[MatcherError], words: str
) -> None:
    spoil(world.home / DATABASE)
    with pytest.raises(kind, match=words):
        open_database(world.home)


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
def test_an_old_sqlite_is_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(StorageFailed, match=r"3\.51\.3 is needed"):
        require_sqlite(version)


def test_a_new_sqlite_is_taken() -> None:
    require_sqlite((3, 51, 3))
    require_sqlite((4, 0))


def test_a_busy_database_is_one_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    with world.store() as store, store.unit_of_work(), pytest.raises(StorageFailed, match="try again"):
        store.unit_of_work().__enter__()
    with world.work() as work:  # the failed attempt left nothing locked
        assert work.users.count() == 0
