"""Passphrases and removals: the old words open nothing, who is gone can do nothing, and what they signed stays."""

import json

import pytest

from matcher.domain.case import Verdict
from matcher.domain.events import Action
from matcher.domain.people import Role
from matcher.errors import BadInput, IntegrityError, MatcherError, MissingRole, Refused, StorageFailed, WrongPassphrase
from matcher.services.audit import verify
from matcher.services.collections import suspend_list
from matcher.services.people import add_user, change_passphrase, recover_home, remove_user, set_suspended
from matcher.services.workplace import sign_in
from matcher.store.keyring import HomeKeyring
from matcher.store.recovery import new_recovery
from tests.databases import both_engines
from tests.services.homes import bytes_of
from tests.services.test_audit import edit
from tests.services.world import PASSPHRASE, World

pytestmark = both_engines

NEW = "another correct horse"


def record(world: World, name: str) -> bytes:
    with world.place.work(write=False) as work:
        return work.users.keys(name)


def verified(world: World) -> int:
    return verify(world.place, lambda *_: None).entries


@pytest.mark.parametrize("name", ["ana", "boss", "audrey"])
def test_only_the_new_passphrase_opens_the_same_keys(world: World, name: str) -> None:
    before = json.loads(record(world, name))
    sealed = None if name == "audrey" else world.sessions[name].vault.seal("a column", b"Planted Name")
    change_passphrase(world.sessions[name], NEW)
    after = json.loads(record(world, name))
    with pytest.raises(WrongPassphrase):
        sign_in(world.place, name, PASSPHRASE)
    again = sign_in(world.place, name, NEW)
    assert again.keys.public_key == world.sessions[name].keys.public_key
    if sealed is not None:
        assert again.vault.open("a column", sealed) == b"Planted Name"
    assert before["salt"] != after["salt"]
    assert before["wrapped_signing_key"] != after["wrapped_signing_key"]
    assert (before["wrapped_home_key"] is None) == (after["wrapped_home_key"] is None) == (name == "audrey")
    assert world.log_actions()[-2:] == ["user.passphrase", "refused"]
    verified(world)


@pytest.mark.parametrize("new", ["short", PASSPHRASE, " " * 12])
def test_a_weak_passphrase_and_the_old_one_change_nothing(world: World, new: str) -> None:
    before, logged = record(world, "ana"), world.log_actions()
    with pytest.raises(BadInput, match="passphrase"):
        change_passphrase(world.sessions["ana"], new)
    assert (record(world, "ana"), world.log_actions()) == (before, logged)


def test_whoever_is_signed_in_with_the_old_passphrase_changes_nothing_any_more(active: World) -> None:
    active.submit(active.templates[0])
    desk = active.desk("ana")
    alert = desk.queue().entries[0].alert_id
    older = active.sessions["ana"]
    change_passphrase(older, NEW)
    with pytest.raises(Refused, match="sign in again"):
        desk.claim(alert)
    with pytest.raises(Refused, match="sign in again"):
        active.submit(active.templates[1], who="ana")
    with pytest.raises(Refused, match="sign in again"):
        change_passphrase(older, "yet another horse")
    active.sessions["ana"] = sign_in(active.place, "ana", NEW)
    active.desk("ana").claim(alert)


def test_a_record_put_back_by_hand_does_not_verify(world: World) -> None:
    old = record(world, "ana")
    change_passphrase(world.sessions["ana"], NEW)
    with world.place.work() as work:
        work.users.set_keys("ana", old)
        work.commit()
    with pytest.raises(IntegrityError, match="wrapped keys of ana"):
        verified(world)


def test_a_removed_person_can_do_nothing_and_what_they_signed_still_verifies(active: World) -> None:
    active.submit(active.templates[0])
    active.conclude(Verdict.SAME)
    gone = active.sessions["ana"]
    wrapped = json.loads(record(active, "ana"))["wrapped_home_key"].encode()
    assert wrapped in b"".join(bytes_of(active.folder / "home").values())
    judgements = verify(active.place, lambda *_: None).judgements
    for name in ("ana", "vera"):
        assert remove_user(active.sessions["boss"], name).name == name
    for name in ("ana", "vera"):
        with pytest.raises(Refused, match="was removed"):
            sign_in(active.place, name, PASSPHRASE)
        assert record(active, name) == b""
    acts = (
        lambda: active.submit(active.templates[1], who="ana"),
        lambda: change_passphrase(gone, NEW),
        lambda: suspend_list(active.sessions["vera"], "missing", "why not"),
    )
    for act in acts:
        with pytest.raises(Refused, match="was removed"):
            act()
    found = verify(active.place, lambda *_: None)
    assert (found.judgements, found.certificates) == (judgements, 1)
    assert judgements == 2
    active.store.close()
    active.place.work(write=False).__enter__().__exit__(None, None, None)
    assert wrapped not in b"".join(bytes_of(active.folder / "home").values())


def test_removing_is_for_good(world: World) -> None:
    boss = world.sessions["boss"]
    remove_user(boss, "ana")
    for again in (
        lambda: set_suspended(boss, "ana", False),
        lambda: set_suspended(boss, "ana", True),
        lambda: remove_user(boss, "ana"),
    ):
        with pytest.raises(Refused, match="for good"):
            again()
    with pytest.raises(BadInput, match="exists already"):
        add_user(world.place, boss, "ana", frozenset({Role.REVIEWER}), PASSPHRASE)
    with pytest.raises(BadInput, match="no user eve"):
        remove_user(boss, "eve")
    verified(world)


def test_a_home_keeps_an_admin(world: World) -> None:
    add_user(world.place, world.sessions["boss"], "chief", frozenset({Role.ADMIN}), PASSPHRASE)
    boss, chief = world.sessions["boss"], sign_in(world.place, "chief", PASSPHRASE)
    for who in ("ana", "vera", "audrey"):
        with pytest.raises(MissingRole):
            remove_user(world.sessions[who], "boss")
    with pytest.raises(Refused, match="yourself"):
        remove_user(boss, "boss")
    remove_user(boss, "chief")
    for act in (
        lambda: remove_user(chief, "boss"),
        lambda: set_suspended(chief, "boss", True),
        lambda: add_user(world.place, chief, "friend", frozenset({Role.ADMIN}), PASSPHRASE),
    ):
        with pytest.raises(Refused, match="was removed"):
            act()
    verified(world)


def test_the_log_tells_of_nobody_after_their_removal(world: World) -> None:
    remove_user(world.sessions["boss"], "ana")
    for action in (Action.USER_RESTORED, Action.USER_PASSPHRASE, Action.USER_REMOVED):
        with pytest.raises(IntegrityError, match="removed before"):
            world.plays(action, user="ana", record="0" * 64)


def test_a_removed_name_with_keys_again_does_not_verify(world: World) -> None:
    kept = record(world, "ana")
    remove_user(world.sessions["boss"], "ana")
    with pytest.raises(Refused, match="stays removed"), world.place.work() as work:
        work.users.set_keys("ana", kept)
    world.store.close()
    edit(world.folder / "home", f"UPDATE users SET keys = x'{kept.hex()}' WHERE name = 'ana'")  # noqa: S608 -- hex
    with pytest.raises(IntegrityError, match="wrapped keys of ana"):
        verified(world)


def test_an_empty_record_opens_for_nobody(world: World) -> None:
    keyring = world.place.keyring
    assert isinstance(keyring, HomeKeyring)
    with pytest.raises(MatcherError):
        keyring.unlock(b"", PASSPHRASE)


def recovered(world: World, code: str, name: str = "chief") -> str:
    told: list[str] = []
    recover_home(world.place, code, name, NEW, told.append)
    return told[0]


def test_the_recovery_code_makes_an_admin_who_opens_what_was_sealed_before(world: World) -> None:
    sealed = world.sessions["ana"].vault.seal("a column", b"Planted Name")
    following = recovered(world, world.code)
    chief = sign_in(world.place, "chief", NEW)
    assert chief.vault.open("a column", sealed) == b"Planted Name"
    assert chief.user.roles == {Role.ADMIN}
    remove_user(chief, "boss")
    assert following != world.code
    verified(world)
    recovered(world, following, "second")
    verified(world)


def test_a_code_works_once_and_every_refusal_is_logged(world: World) -> None:
    recovered(world, world.code)
    for code in (world.code, new_recovery()[0]):
        with pytest.raises(WrongPassphrase, match="was used"):
            recovered(world, code, "second")
        assert world.newest(Action.REFUSED)["attempt"] == "user.recover"
    with pytest.raises(BadInput, match="mistyped"):
        recovered(world, world.code[:-1], "second")
    with world.place.work(write=False) as work:
        assert work.users.get("second") is None


def test_nobody_becomes_somebody_else_with_the_code(world: World) -> None:
    before = record(world, "boss")
    with pytest.raises(BadInput, match="name another"):
        recovered(world, world.code, "boss")
    assert record(world, "boss") == before
    recovered(world, world.code)


def test_a_code_that_could_not_be_told_is_not_used_up(world: World) -> None:
    def fails(_: str) -> None:
        raise StorageFailed("the pipe is closed")

    with pytest.raises(StorageFailed):
        recover_home(world.place, world.code, "chief", NEW, fails)
    with world.place.work(write=False) as work:
        assert work.users.get("chief") is None
    recovered(world, world.code)
    verified(world)


def test_a_recovery_key_put_in_by_hand_does_not_verify(world: World) -> None:
    recovered(world, world.code)
    _, public = new_recovery()
    with pytest.raises(Refused, match="recovery key changes when it was used"), world.place.work() as work:
        work.home.replace_recovery(public, b"sealed")
    world.store.close()
    edit(world.folder / "home", f"UPDATE home SET recovery_public = x'{public.hex()}'")  # noqa: S608 -- hex
    with pytest.raises(IntegrityError, match="facts of the home"):
        verified(world)
