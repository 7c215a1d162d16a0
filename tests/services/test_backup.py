"""Backups are sealed and whole or nothing; a restore is verified, logged, and starts no list again by itself."""

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.backup import BackupHead
from matcher.domain.case import Verdict
from matcher.domain.events import Action
from matcher.domain.people import Role
from matcher.domain.records import Restored
from matcher.errors import BadInput, IntegrityError, MissingRole, NotSearchable, Refused, StorageFailed, WrongPassphrase
from matcher.services.audit import verify
from matcher.services.backup import back_up, begin_restored
from matcher.services.collections import suspend_list
from matcher.services.people import add_user, change_passphrase, remove_user
from matcher.services.workplace import sign_in
from matcher.store.archive import HomeArchive, restoring, unpack
from matcher.store.backup_file import read_backup
from matcher.store.container_format import SEALED_CHUNK
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.schema import SCHEMA_VERSION
from matcher.store.unit_of_work import open_store
from tests.databases import both_engines
from tests.services.homes import bytes_of
from tests.services.test_sealed_at_rest import everything_planted, in_clear
from tests.services.world import PASSPHRASE, World

NEW = "another correct horse"
LIGHT = KeyCost(passes=1, memory_kib=64, lanes=1)


def backed_up(world: World, out: Path, who: str = "boss") -> BackupHead:
    archive = HomeArchive(world.folder / "home", world.store.engine)
    return back_up(world.sessions[who], archive, out, lambda *_: None)[0]


def restored(world: World, file: Path, to: Path, name: str = "boss", passphrase: str = PASSPHRASE) -> Restored:
    """As `bootstrap.restore_program` does it."""
    backup = read_backup(file)
    with HomeKeyring(to, LIGHT).open_backup(backup, name, passphrase) as opened, restoring(to) as folder:
        unpack(opened, folder, lambda *_: None)
        there = at(world, folder)
        upgrading = there.store.upgrading
        found = begin_restored(there.place, upgrading, backup.head, (name, passphrase), lambda *_: None)
        there.store.close()
    return found


def at(world: World, folder: Path) -> World:
    """The same world with another home."""
    store = open_store(folder, world.place.seat, world.clock, older=True)
    other = object.__new__(World)
    other.folder, other.clock, other.code, other.templates = folder.parent, world.clock, world.code, world.templates
    other.store = store
    sealed = folder / "sealed"
    other.place = replace(
        world.place, work=store.unit_of_work, revisions=SealedRevisions(sealed), keyring=HomeKeyring(sealed, LIGHT)
    )
    other.sessions = {}
    return other


def home_of(folder: Path) -> dict[str, str]:
    """Every file of a home but what belongs to an open database."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


@both_engines
def test_a_restored_home_is_the_one_that_was_backed_up(active: World, tmp_path: Path) -> None:
    active.submit(active.templates[7])
    active.conclude(Verdict.SAME)
    sealed = active.sessions["ana"].vault.seal("a column", b"Planted Name")
    head = backed_up(active, tmp_path / "one.backup")
    found = restored(active, tmp_path / "one.backup", tmp_path / "again")
    before, after = home_of(active.folder / "home"), home_of(tmp_path / "again")
    database = {"matcher.db", "database.toml"}  # of a server only the second is here, and a restored home has its own
    assert {name: said for name, said in before.items() if name not in database} == {
        name: said for name, said in after.items() if name not in database
    }
    there = at(active, tmp_path / "again")
    for name in ("boss", "vera", "ana", "ben", "audrey"):
        there.sessions[name] = sign_in(there.place, name, PASSPHRASE)
    assert there.sessions["ana"].vault.open("a column", sealed) == b"Planted Name"
    assert found == Restored(head.backup_id, head.made_at, head.sequence, ("missing",), SCHEMA_VERSION)
    assert there.log_actions()[: head.sequence] == active.log_actions()
    assert there.log_actions()[head.sequence :] == ["home.restored", "list.suspended"]
    assert verify(there.place, lambda *_: None).judgements == 2
    assert sorted(path.name for path in tmp_path.iterdir() if "again" in path.name or "backup" in path.name) == [
        "again",
        "one.backup",
    ]


@both_engines
def test_a_list_that_served_is_searched_again_once_an_approver_has_signed(active: World, tmp_path: Path) -> None:
    active.submit(active.templates[7])
    backed_up(active, tmp_path / "one.backup")
    suspend_list(active.sessions["vera"], "missing", "the source withdrew")  # which the backup knows nothing of
    restored(active, tmp_path / "one.backup", tmp_path / "again")
    there = at(active, tmp_path / "again")
    for name in ("boss", "vera", "ana"):
        there.sessions[name] = sign_in(there.place, name, PASSPHRASE)
    assert there.desk("ana").queue().entries == ()
    with pytest.raises(NotSearchable, match="an approver signs again"):
        there.submit(there.templates[7])
    there.activate()
    there.submit(there.templates[7])
    assert len(there.desk("ana").queue().entries) == 1
    verify(there.place, lambda *_: None)


@both_engines
def test_nothing_sealed_lies_in_clear_in_a_backup(active: World, tmp_path: Path) -> None:
    active.submit(active.templates[7])
    (tmp_path / "only").mkdir()
    head = backed_up(active, tmp_path / "only" / "one.backup")
    planted = everything_planted(active)
    assert in_clear(bytes_of(tmp_path / "only"), planted) == []
    assert in_clear(bytes_of(tmp_path / "only"), [b"missing", b"2026/1", head.hash.encode()]) == [head.hash.encode()]
    restored(active, tmp_path / "only" / "one.backup", tmp_path / "only" / "again")
    assert in_clear(bytes_of(tmp_path / "only"), planted) == []


@pytest.fixture
def whole(world: World, tmp_path: Path) -> tuple[World, Path, bytes]:
    world.create()
    world.load()
    file = tmp_path / "one.backup"
    backed_up(world, file)
    return world, file, file.read_bytes()


def refused(world: World, file: Path) -> None:
    """That nothing comes of a backup, and nothing stays."""
    there = sorted(file.parent.iterdir())
    with pytest.raises(IntegrityError, match=r"one\.backup"):
        restored(world, file, file.parent / "again")
    assert sorted(file.parent.iterdir()) == there


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_a_cut_and_an_addition_are_refused(whole: tuple[World, Path, bytes], data: st.DataObject) -> None:
    world, file, content = whole
    start = len(read_of(content))
    place = st.one_of(st.integers(0, len(content) - 1), st.integers(0, start + 80))
    match data.draw(st.sampled_from(("flip", "cut", "add"))):
        case "flip":
            at = data.draw(place)
            file.write_bytes(
                content[:at] + bytes([content[at] ^ 1 << data.draw(st.integers(0, 7))]) + content[at + 1 :]
            )
        case "cut":
            file.write_bytes(content[: data.draw(place)])
        case _:
            file.write_bytes(content + data.draw(st.binary(min_size=1, max_size=40)))
    try:
        refused(world, file)
    finally:
        file.write_bytes(content)


def read_of(content: bytes) -> bytes:
    """The head of a backup, digest included."""
    return content[: 14 + int.from_bytes(content[10:14], "little") + 32]


def test_chunks_swapped_repeated_left_out_or_of_another_backup_are_refused(
    whole: tuple[World, Path, bytes], tmp_path: Path
) -> None:
    world, file, content = whole
    start = len(read_of(content)) + 44 + len("backup")
    chunks = [content[at : at + SEALED_CHUNK] for at in range(start, len(content), SEALED_CHUNK)]
    assert len(chunks) >= 4
    backed_up(world, tmp_path / "other.backup")
    other = (tmp_path / "other.backup").read_bytes()
    theirs = other[len(read_of(other)) + 44 + len("backup") :]
    for altered in (
        content[:start] + b"".join([chunks[1], chunks[0], *chunks[2:]]),
        content[:start] + b"".join([chunks[0], chunks[0], *chunks[2:]]),
        content[:start] + b"".join([chunks[0], *chunks[2:]]),
        content[:start] + b"".join(chunks[:-1]),
        content[:start] + theirs[:SEALED_CHUNK] + b"".join(chunks[1:]),
        read_of(other) + content[len(read_of(content)) :],
        read_of(content) + other[len(read_of(other)) :],
    ):
        file.write_bytes(altered)
        refused(world, file)
    file.write_bytes(content)
    restored(world, file, tmp_path / "again")


def test_a_head_that_somebody_wrote_anew_opens_nothing(whole: tuple[World, Path, bytes]) -> None:
    world, file, content = whole
    head = read_of(content)
    said = head[:-32].replace(b'"sequence":', b'"sequence": ')
    said = said[:10] + (len(said) - 14).to_bytes(4, "little") + said[14:]
    file.write_bytes(said + hashlib.sha256(said).digest() + content[len(head) :])
    refused(world, file)


def test_the_wrong_passphrase_and_people_without_a_key_restore_nothing(
    whole: tuple[World, Path, bytes], tmp_path: Path
) -> None:
    world, file, _ = whole
    there = sorted(tmp_path.iterdir())
    with pytest.raises(WrongPassphrase):
        restored(world, file, tmp_path / "again", passphrase=NEW)
    for name in ("ana", "audrey", "nobody"):
        with pytest.raises(Refused, match="it opens for boss"):
            restored(world, file, tmp_path / "again", name)
    assert sorted(tmp_path.iterdir()) == there


def test_a_backup_opens_with_the_passphrase_of_its_moment(whole: tuple[World, Path, bytes], tmp_path: Path) -> None:
    world, file, _ = whole
    add_user(world.place, world.sessions["boss"], "chief", frozenset({Role.ADMIN}), PASSPHRASE)
    change_passphrase(world.sessions["boss"], NEW)
    chief = sign_in(world.place, "chief", PASSPHRASE)
    remove_user(chief, "boss")
    world.sessions["chief"] = chief
    with pytest.raises(WrongPassphrase):
        restored(world, file, tmp_path / "again", passphrase=NEW)
    restored(world, file, tmp_path / "again")
    later = tmp_path / "two.backup"
    assert [name for name, _ in backed_up(world, later, "chief").keys] == ["chief"]
    with pytest.raises(Refused, match="opens for chief"):
        restored(world, later, tmp_path / "third", passphrase=NEW)


@both_engines
def test_nothing_is_restored_over_what_is_there(whole: tuple[World, Path, bytes], tmp_path: Path) -> None:
    world, file, _ = whole
    before = home_of(world.folder / "home")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in (world.folder / "home", tmp_path / "empty", file, tmp_path / "link"):
        with pytest.raises(BadInput, match="is there already"):
            restored(world, file, target)
    assert home_of(world.folder / "home") == before
    with pytest.raises(BadInput, match="is there already"):
        backed_up(world, file)
    with pytest.raises(BadInput, match="there is no folder"):
        backed_up(world, tmp_path / "missing" / "one.backup")


@pytest.mark.parametrize("who", ["vera", "ana", "audrey"])
def test_only_an_admin_backs_up_and_refusals_are_logged(world: World, tmp_path: Path, who: str) -> None:
    with pytest.raises(MissingRole):
        backed_up(world, tmp_path / "one.backup", who)
    assert world.newest(Action.REFUSED)["attempt"] == "backup"
    assert not (tmp_path / "one.backup").exists()


def test_a_home_that_lost_a_container_is_not_backed_up(whole: tuple[World, Path, bytes], tmp_path: Path) -> None:
    world, _, _ = whole
    next((world.folder / "home" / "sealed").glob("*-screen.box")).unlink()
    with pytest.raises(IntegrityError, match="lacks sealed files"):
        backed_up(world, tmp_path / "two.backup")
    assert not (tmp_path / "two.backup").exists()


def test_a_database_that_was_altered_before_the_backup_is_not_restored(
    whole: tuple[World, Path, bytes], tmp_path: Path
) -> None:
    world, _, _ = whole
    with world.place.work() as work:
        work.users.set_suspended("ana", True)  # and no entry says so
        work.commit()
    backed_up(world, tmp_path / "two.backup")
    with pytest.raises(IntegrityError, match="suspension of ana"):
        restored(world, tmp_path / "two.backup", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not (tmp_path / ".again.restoring").exists()


def test_the_log_tells_of_no_restore_that_does_not_follow_its_backup(whole: tuple[World, Path, bytes]) -> None:
    world, file, _ = whole
    head = read_backup(file).head
    with world.place.work(write=False) as work:
        last = work.log.head().hash
    details = {"backup": head.backup_id, "made_at": head.sequence, "goes_on_from": last}
    world.plays(Action.HOME_RESTORED, **details)
    for wrong in ({"backup": "another"}, {"made_at": 1}, {"goes_on_from": head.hash[::-1]}):
        with pytest.raises(IntegrityError, match="log entry"):
            world.plays(Action.HOME_RESTORED, **(details | wrong))


@both_engines
def test_a_full_disk_leaves_no_backup(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matcher.store.containers.os.fsync", fails)
    with pytest.raises(StorageFailed, match="No space left"):
        backed_up(world, tmp_path / "one.backup")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []
    assert not (world.folder / "home" / ".backup.db").exists()


KILLED = """
import sys
from pathlib import Path
from tests.services.test_backup import LIGHT
from matcher.store.archive import restoring, unpack
from matcher.store.backup_file import read_backup
from matcher.store.keyring import HomeKeyring
file, to = map(Path, sys.argv[1:])
with HomeKeyring(to, LIGHT).open_backup(read_backup(file), "boss", "correct horse battery") as opened:
    with restoring(to) as folder:
        unpack(opened, folder, lambda *_: None)
        print("half", flush=True)
        sys.stdin.read()
"""


def test_what_a_killed_restore_left_is_no_home_and_the_next_clears_it(
    whole: tuple[World, Path, bytes], tmp_path: Path
) -> None:
    world, file, _ = whole
    to = tmp_path / "again"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, file, to], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        with pytest.raises(Refused, match="by another process"):
            restored(world, file, to)
        os.kill(child.pid, signal.SIGKILL)
    assert (tmp_path / ".again.restoring" / "matcher.db").exists()
    assert not to.exists()
    restored(world, file, to)
    assert not (tmp_path / ".again.restoring").exists()


KILLED_BACKUP = """
import os, signal, sys
from pathlib import Path
from matcher.services.backup import back_up
from matcher.store.archive import HomeArchive
from tests.services.world import World
folder, out = map(Path, sys.argv[1:])
world = World(folder)
archive = HomeArchive(folder / "home", world.store.engine)
back_up(world.sessions["boss"], archive, out, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.sqlite_only  # the killed process made its database: the tests of this one know of none on a server
def test_a_killed_backup_is_none_and_what_it_left_goes_with_the_next(world: World, tmp_path: Path) -> None:
    folder, out = tmp_path / "killed", tmp_path / "one.backup"
    folder.mkdir()
    done = subprocess.run([sys.executable, "-c", KILLED_BACKUP, folder, out], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list(tmp_path.glob(".one.*.part"))) == 1
    assert (folder / "home" / ".backup.db").exists()
    there = at(world, folder / "home")
    there.sessions["boss"] = sign_in(there.place, "boss", PASSPHRASE)
    backed_up(there, out)
    assert list(tmp_path.glob(".one.*.part")) == []
    assert not (folder / "home" / ".backup.db").exists()
    restored(there, out, tmp_path / "again")
    assert there.log_actions().count("home.backed_up") == 2
