"""A home of version 4, made by the program of version 4: brought up whole or left as it was, and worked in since."""

import hashlib
import random
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from matcher.domain.events import Action, event
from matcher.domain.records import Upgraded
from matcher.errors import BadInput, IntegrityError, MissingRole, StorageFailed
from matcher.services.audit import verify
from matcher.services.rotate import rotate_home_key
from matcher.services.upgrade import upgrade
from matcher.services.workplace import sign_in
from matcher.store.archive import HomeArchive
from matcher.store.schema import SCHEMA_VERSION
from matcher.store.unit_of_work import open_store
from tests.assets.older import older_home
from tests.databases import address_of, both_engines, chosen, raw
from tests.services.test_backup import at, restored
from tests.services.world import PASSPHRASE, Clock, World, vectors, workplace

pytestmark = both_engines
LATER = datetime(2026, 11, 26, 12, tzinfo=UTC)


def entered(home: Path) -> World:
    """Everybody of an older home, signed in on its tables as they are."""
    world = object.__new__(World)
    world.folder, world.clock, world.code, world.templates = home.parent, Clock(LATER), "", vectors(20, seed=1)
    world.place, world.store = workplace(home, world.clock, partial(open_store, older=True))
    world.sessions = {name: sign_in(world.place, name, PASSPHRASE) for name in ("boss", "vera", "ana", "ben", "audrey")}
    return world


def upgraded(world: World, out: Path, who: str = "boss") -> Upgraded:
    archive = HomeArchive(world.folder / "home", world.store.engine)
    return upgrade(world.sessions[who], archive, world.store.upgrading, out, lambda *_: None)


def version(world: World) -> int:
    with world.place.work(write=False) as work:
        return work.version()


def files(folder: Path) -> set[str]:
    """What lies in a folder but for the files of an open database."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm"))}


@pytest.fixture
def older(tmp_path: Path) -> World:
    return entered(older_home(tmp_path))


def test_an_older_home_is_brought_up_and_reviewing_goes_on(older: World, tmp_path: Path) -> None:
    before = older.log_actions()
    done = upgraded(older, tmp_path / "one.backup")
    assert (done.came_from, version(older)) == (4, SCHEMA_VERSION)
    assert older.log_actions() == [*before, "home.backed_up", "home.upgraded"]
    assert older.newest(Action.HOME_UPGRADED) == {
        "backup": done.backup_id, "from_version": 4, "to_version": SCHEMA_VERSION
    }  # fmt: skip
    assert verify(older.place, lambda *_: None).judgements == 3
    older.desk("ben").finish(older.judge("ben", Verdict.SAME))
    assert older.log_actions()[-1] == "alert.concluded"
    assert verify(older.place, lambda *_: None).judgements == 4
    older.store.close()
    again = workplace(tmp_path / "home", older.clock, open_store)  # as every other command opens it
    verify(again[0], lambda *_: None)


def test_the_backup_of_before_makes_a_home_of_this_version(older: World, tmp_path: Path) -> None:
    done = upgraded(older, tmp_path / "one.backup")
    found = restored(older, tmp_path / "one.backup", tmp_path / "again")
    there = at(older, tmp_path / "again")
    copied = chosen.engine == "postgresql"  # into the tables of this version
    assert found.came_from == (SCHEMA_VERSION if copied else 4)
    since = [] if copied else ["home.upgraded"]
    assert there.log_actions()[done.sequence - 1 :] == ["home.backed_up", *since, "home.restored", "list.suspended"]
    assert version(there) == SCHEMA_VERSION
    assert verify(there.place, lambda *_: None).judgements == 3


@pytest.mark.parametrize("who", ["vera", "ana", "audrey"])
def test_only_an_admin_upgrades_and_refusals_are_logged(older: World, tmp_path: Path, who: str) -> None:
    before = files(tmp_path)
    with pytest.raises(MissingRole):
        upgraded(older, tmp_path / "one.backup", who)
    assert older.newest(Action.REFUSED)["attempt"] == "upgrade"
    assert (version(older), files(tmp_path)) == (4, before)


def test_without_a_backup_nothing_is_changed(older: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tmp_path / "taken"
    taken.write_bytes(b"something")
    before = files(tmp_path)
    with pytest.raises(BadInput, match="is there already"):
        upgraded(older, taken)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matcher.store.containers.os.fsync", full)
    with pytest.raises(StorageFailed, match="No space left"):
        upgraded(older, tmp_path / "one.backup")
    monkeypatch.undo()
    assert (version(older), files(tmp_path), taken.read_bytes()) == (4, before, b"something")
    assert "home.upgraded" not in older.log_actions()
    upgraded(older, tmp_path / "one.backup")


def test_whoever_comes_second_finds_it_done(older: World, tmp_path: Path) -> None:
    other = entered(tmp_path / "home")
    upgraded(older, tmp_path / "one.backup")
    assert upgraded(other, tmp_path / "two.backup").came_from == SCHEMA_VERSION
    assert other.log_actions().count("home.upgraded") == 1
    verify(other.place, lambda *_: None)


def test_two_processes_at_once_upgrade_once(older: World, tmp_path: Path) -> None:
    words = [sys.executable, "-c", IN_A_PROCESS, str(tmp_path / "home"), address_of(tmp_path / "home") or ""]
    both = [subprocess.Popen([*words, str(tmp_path / f"{name}.backup"), "0"]) for name in "ab"]
    codes = sorted(one.wait(timeout=120) for one in both)
    assert codes in ([0, 0], [0, 3])  # 3: only one backup of a home is made at a time
    assert version(older) == SCHEMA_VERSION
    assert older.log_actions().count("home.upgraded") == 1
    verify(older.place, lambda *_: None)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER judgements_never_changed",
        "ALTER TABLE users ADD COLUMN more TEXT",
        "CREATE TABLE resealed_parts (more TEXT)",  # what the step makes
    ],
)
def test_tables_that_somebody_altered_are_left_so_and_the_backup_is_named(
    older: World, tmp_path: Path, statement: str
) -> None:
    raw(tmp_path / "home", statement)
    out = tmp_path / "one.backup"
    with pytest.raises((IntegrityError, StorageFailed)) as refused:
        upgraded(older, out)
    # Copying from a server looks at the rules before it writes anything, and at the rows that it can read.
    assert out.exists() == (chosen.engine == "sqlite" or "users" in statement)
    assert (str(out) in str(refused.value)) == out.exists()
    assert version(older) == 4
    assert "home.upgraded" not in older.log_actions()


def test_the_log_tells_of_no_version_out_of_turn(older: World, tmp_path: Path) -> None:
    done = upgraded(older, tmp_path / "one.backup")
    after = {"backup": done.backup_id, "from_version": SCHEMA_VERSION, "to_version": SCHEMA_VERSION + 1}
    older.plays(Action.HOME_UPGRADED, **after)
    for wrong in ({"backup": "another"}, {"from_version": 4}, {"to_version": SCHEMA_VERSION}, {"to_version": 3}):
        with pytest.raises(IntegrityError, match="log entry"):
            older.plays(Action.HOME_UPGRADED, **(after | wrong))
    with older.place.work() as work:
        work.log.append(event(Action.HOME_UPGRADED, "boss", **after))
        work.commit()
    with pytest.raises(IntegrityError, match="version of the tables"):
        verify(older.place, lambda *_: None)


# Ends itself at a statement, if a number is given; otherwise says how many there were.
IN_A_PROCESS = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, Pool, event
from matcher.errors import Refused
from tests.databases import chosen
from tests.services.test_upgrade import entered, upgraded
home, address, out, last = sys.argv[1:]
if address:
    chosen.addresses[Path(home)] = address
world, count = entered(Path(home)), 0
def step(*_):
    global count
    count += 1
    if count == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)
event.listen(Pool, "reset", step)
try:
    upgraded(world, Path(out))
except Refused:
    sys.exit(3)
print(count)
"""


def test_killed_at_any_moment_it_is_of_one_version_whole(tmp_path: Path) -> None:
    moments, found = [0], {}
    while moments:
        moment = moments.pop()
        folder = tmp_path / f"killed{moment}"
        folder.mkdir()
        home = older_home(folder)
        words = [sys.executable, "-c", IN_A_PROCESS, str(home), address_of(home) or "", str(folder / "one.backup")]
        done = subprocess.run([*words, str(moment)], capture_output=True, text=True, check=False, timeout=120)
        if moment == 0:
            count = int(done.stdout)
            # Of the backup and of the step, and each side of the commit, which comes last but one.
            moments = [*random.Random(4).sample(range(1, count - 1), 10), count - 1, count]  # noqa: S311 -- no secret
        else:
            assert done.returncode == -signal.SIGKILL, done.stderr
        world = entered(home)
        found[moment] = version(world)
        if found[moment] == 4:
            assert not {"home.upgraded"} & set(world.log_actions())
            assert upgraded(world, folder / "two.backup").came_from == 4
        assert verify(world.place, lambda *_: None).judgements == 3
        assert not (home / ".backup.db").exists()
        world.store.close()
        shutil.rmtree(folder)
    assert (found[0], found[count - 1], found[count]) == (SCHEMA_VERSION, 4, SCHEMA_VERSION)


def test_the_home_key_is_rotated_for_records_that_are_older_than_the_upgrade(older: World, tmp_path: Path) -> None:
    """They bear no voucher; the log tells since when they are there."""
    upgraded(older, tmp_path / "one.backup")
    done = rotate_home_key(older.sessions["boss"], lambda *_: None)
    assert set(done.people) == {"boss", "vera", "ana", "ben", "cleo"}  # audrey holds no key
    value = sign_in(older.place, "boss", PASSPHRASE).vault.seal("a value", b"said once")
    assert sign_in(older.place, "ana", PASSPHRASE).vault.open("a value", value) == b"said once"
    verify(older.place, lambda *_: None)


def test_a_record_without_a_voucher_that_came_after_the_upgrade_gets_no_home_key(older: World, tmp_path: Path) -> None:
    upgraded(older, tmp_path / "one.backup")
    with older.place.work() as work:
        record = work.users.keys("ana")  # as it was: only its log entry is new
        digest = hashlib.sha256(record).hexdigest()
        work.log.append(event(Action.USER_PASSPHRASE, "ana", user="ana", record=digest))
        work.commit()
    with pytest.raises(IntegrityError, match="vouches for the keys of ana"):
        rotate_home_key(older.sessions["boss"], lambda *_: None)
