"""What somebody who writes to the database or the folder of a home can make of a rotation of its key."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.events import Action, event
from matcher.domain.people import Role, User
from matcher.errors import IntegrityError
from matcher.services.audit import verify
from matcher.services.rotate import rotate_home_key
from matcher.store.key_record import KeyRecord
from tests.services.world import PASSPHRASE, World

pytestmark = pytest.mark.sqlite_only


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
    with pytest.raises(IntegrityError, match="gave mallory these keys"):
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
    with pytest.raises(IntegrityError, match="wrapped keys of ana" if not logged else "gave ana these keys"):
        rotate(world)
    assert keys_of(world, "ana") == record


def test_the_record_of_somebody_who_was_removed_put_back_gets_no_home_key(world: World, tmp_path: Any) -> None:
    from sqlcipher3 import dbapi2

    from matcher.services.people import remove_user
    from matcher.store.engine import DATABASE

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
