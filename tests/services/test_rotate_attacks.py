"""What somebody who writes to the database or the folder of a home can make of a rotation of its key."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.erasure import Sought
from matcher.domain.events import Action, event
from matcher.domain.people import Role, User
from matcher.domain.rotation import SIGNED, rotation_message
from matcher.errors import IntegrityError, Refused
from matcher.services import rotate as rotation
from matcher.services.activate import prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.audit_replay import Replay
from matcher.services.backup import back_up
from matcher.services.erase import erase_listed
from matcher.services.people import recover_home, remove_user
from matcher.services.rotate import rotate_home_key
from matcher.services.uncommitted import pictures_of
from matcher.services.workplace import sign_in
from matcher.store.archive import HomeArchive
from matcher.store.engine import DATABASE, snapshot
from matcher.store.key_record import KeyRecord
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from tests.services.homes import copied
from tests.services.pictured import Pictured
from tests.services.test_erase import GONE
from tests.services.world import PASSPHRASE, World

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def lived_in(lived: Pictured, tmp_path: Path) -> Pictured:
    return copied(lived, tmp_path)


def rotate(world: World) -> None:
    rotate_home_key(world.sessions["boss"], lambda *_: None)


def keys_of(world: World, name: str) -> bytes:
    with world.place.work(write=False) as work:
        return work.users.keys(name)


def test_somebody_whom_no_admin_added_gets_no_home_key(world: World) -> None:
    """Who writes rows can log them as well, in anybody's name; without the home key they cannot vouch for anybody."""
    made = world.place.keyring.first_user("mallory", PASSPHRASE, world.place.keyring.new_recovery()[1])
    roles = frozenset({Role.REVIEWER})
    record = hashlib.sha256(made.record).hexdigest()
    told = {"user": "mallory", "roles": "reviewer", "key": made.public_key.hex(), "record": record}
    with world.place.work() as work:
        work.users.add(User("mallory", roles, made.public_key, world.clock()), made.record)
        work.log.append(event(Action.USER_ADDED, "boss", **told))
        work.commit()
    verify(world.place, lambda *_: None)
    before = keys_of(world, "mallory")
    with pytest.raises(IntegrityError, match="vouches for the keys of mallory"):
        rotate(world)
    assert keys_of(world, "mallory") == before
    assert "home.rotated" not in world.log_actions()


@pytest.mark.parametrize("logged", [False, True])
def test_a_key_record_in_another_persons_place_gets_no_home_key(world: World, logged: bool) -> None:
    made = world.place.keyring.first_user("ana", PASSPHRASE, world.place.keyring.new_recovery()[1])
    vouched = KeyRecord.decode(keys_of(world, "ana")).vouched
    record = replace(KeyRecord.decode(made.record), vouched=vouched).encode()
    with world.place.work() as work:
        work.users.set_keys("ana", record)
        if logged:
            digest = hashlib.sha256(record).hexdigest()
            work.log.append(event(Action.USER_PASSPHRASE, "ana", user="ana", record=digest))
        work.commit()
    with pytest.raises(IntegrityError, match="wrapped keys of ana" if not logged else "vouches for the keys of ana"):
        rotate(world)
    assert keys_of(world, "ana") == record


def test_the_record_of_somebody_who_was_removed_put_back_gets_no_home_key(world: World, tmp_path: Any) -> None:
    from sqlcipher3 import dbapi2

    record = keys_of(world, "ana")
    remove_user(world.sessions["boss"], "ana")
    database = dbapi2.connect(str(world.folder / "home" / DATABASE), isolation_level=None)
    (text,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'users_removed_stay_so'").fetchone()
    database.execute("DROP TRIGGER users_removed_stay_so")
    database.execute("UPDATE users SET keys = ?, suspended = 0 WHERE name = 'ana'", (record,))
    database.execute(text)
    database.close()
    with pytest.raises(IntegrityError, match="of ana: the tables say something else than the log"):
        rotate(world)
    assert keys_of(world, "ana") == record


# --- at the same time -------------------------------------------------------------------------------------------------


def test_while_a_backup_is_under_way_nothing_is_rotated_or_erased(lived_in: Pictured) -> None:
    """Once committed it could not be exchanged, and nobody could open the home before the backup ended."""
    home = lived_in.folder / "home"
    archive = HomeArchive(home, lived_in.store.engine)
    before = sorted(path.name for path in (home / "sealed").iterdir())
    with archive._snapshot():
        with pytest.raises(Refused, match="a backup of this home is under way"):
            rotate(lived_in)
        with pytest.raises(Refused, match="a backup of this home is under way"):
            erase_listed(lived_in.sessions["boss"], "missing", [GONE], True)
        sign_in(lived_in.place, "ana", PASSPHRASE)
    assert not {"home.rotated", "list.erased"} & set(lived_in.log_actions())
    assert sorted(path.name for path in (home / "sealed").iterdir()) == before
    rotate(lived_in)


def test_a_backup_of_the_moment_between_commit_and_exchange_is_refused(lived_in: Pictured, monkeypatch: Any) -> None:
    """It would hold the next keys beside containers that only the old one opens."""
    archive = HomeArchive(lived_in.folder / "home", lived_in.store.engine)
    out = lived_in.folder / "made.backup"

    def and_meanwhile(engine: Any, path: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(rotation, "finish", lambda *_: Sought(0, 0, 0, 0))  # killed before it exchanges
            rotate(lived_in)
        snapshot(engine, path)

    with monkeypatch.context() as patch:
        patch.setattr(SealedRevisions, "require_no_backup", lambda _: None)  # it began a moment later
        patch.setattr("matcher.store.archive.snapshot", and_meanwhile)
        with pytest.raises(Refused, match="back up again"):
            back_up(lived_in.sessions["boss"], archive, out, lambda *_: None)
    assert not out.exists()


def test_a_recovery_during_a_rotation_is_told_that_its_code_still_works(world: World, monkeypatch: Any) -> None:
    recovered = HomeKeyring.recovered

    def and_meanwhile(*given: Any) -> Any:
        made = recovered(*given)
        rotate(world)
        return made

    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(HomeKeyring, "recovered", and_meanwhile)
        with pytest.raises(Refused, match="the code was not used: recover again"):
            recover_home(world.place, world.code, "chief", PASSPHRASE, told.append)
    assert told == []
    recover_home(world.place, world.code, "chief", PASSPHRASE, told.append)


def test_what_an_activation_seals_during_a_rotation_is_not_left_under_the_old_key(
    lived_in: Pictured, monkeypatch: Any
) -> None:
    """The leaves of who was listed are beside a revision that was there before: no new revision tells of them."""
    sealed_anew, made = rotation._seal_anew, []
    leaves = next((lived_in.folder / "home" / "sealed").glob("*-listed.box"))
    content = leaves.read_bytes()
    leaves.unlink()  # as before the first activation of the revision

    def and_somebody_activates(*given: Any) -> None:
        sealed_anew(*given)
        leaves.write_bytes(content)
        made.append(leaves)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_seal_anew", and_somebody_activates)
        with pytest.raises(Refused, match="activated or erased meanwhile: rotate again"):
            rotate(lived_in)
    assert made
    rotate(lived_in)
    boss = sign_in(lived_in.place, "boss", PASSPHRASE)
    assert boss.vault.size(leaves.stem) > 0


def test_an_activation_from_before_leaves_nothing_that_the_next_key_does_not_open(
    lived_in: Pictured, monkeypatch: Any
) -> None:
    prepared = prepare_renewal(lived_in.sessions["vera"], "missing")
    leaves = next((lived_in.folder / "home" / "sealed").glob("*-listed.box"))
    leaves.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "finish", lambda *_: Sought(0, 0, 0, 0))  # ended before it exchanges
        rotate(lived_in)
    with pytest.raises(Refused, match="sign in again"):
        renew(lived_in.sessions["vera"], prepared, prepared.number, prepared.missed_group)
    assert not leaves.exists()


def test_what_a_killed_load_left_a_moment_ago_does_not_stay_under_the_old_key(lived_in: Pictured) -> None:
    """A load's sweep waits for an hour's silence; the old key opens what it left, names and faces, until then."""
    sealed, boss = lived_in.folder / "home" / "sealed", lived_in.sessions["boss"]
    committed = {path.name for path in sealed.glob("*.box")}
    with boss.vault.new_container(pictures_of("z" * 26)) as box:
        box.append(b"a face")
        box.keep()
    (sealed / f".{'z' * 26}-items.0123456789abcdef.part").write_bytes(b"names")
    rotate(lived_in)
    assert {path.name for path in sealed.iterdir()} == committed


def test_a_rotation_that_its_admin_did_not_sign_is_found(world: World) -> None:
    rotate_home_key(world.sessions["boss"], lambda *_: None)
    details = world.newest(Action.HOME_ROTATED)
    records = [("ana", "0" * 64)]
    signed = rotation_message("home", details, records)
    for name in SIGNED:
        assert rotation_message("home", details | {name: "another"}, records) != signed
    assert rotation_message("home", details, [("ana", "1" * 64)]) != signed != rotation_message("h", details, records)
    with pytest.raises(IntegrityError, match=r"rotation of the home key .* does not verify"):
        world.plays(Action.HOME_ROTATED, **(details | {"erasure": 2}))


def test_key_records_without_a_rotation_are_found(world: World) -> None:
    with world.place.work() as work:
        record = work.users.keys("ana")
        digest = hashlib.sha256(record).hexdigest()
        work.log.append(event(Action.USER_REWRAPPED, "boss", user="ana", record=digest))
        work.commit()
    with pytest.raises(IntegrityError, match="key records of a rotation that nobody signed"):
        verify(world.place, lambda *_: None)


def test_a_rotation_by_no_admin_is_found(world: World) -> None:
    rotate_home_key(world.sessions["boss"], lambda *_: None)
    details = world.newest(Action.HOME_ROTATED)
    with world.place.work() as work:
        work.log.append(event(Action.HOME_ROTATED, "ana", **(details | {"erasure": 2})))
        replay, entries = Replay(), list(work.log.entries())
        for entry in entries[:-1]:
            replay.take(entry)
        with pytest.raises(IntegrityError, match="a rotation by no admin"):
            replay.take(entries[-1])
