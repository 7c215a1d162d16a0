"""Another home key: everything opens with it, nothing with the old one, and the log and the proofs go on to hold."""

from pathlib import Path
from typing import Any

import pytest

from matcher.domain.case import Verdict
from matcher.domain.events import Action
from matcher.domain.records import LoadBegun
from matcher.errors import IntegrityError, MissingRole, Refused, StorageFailed
from matcher.services import rotate as rotation
from matcher.services.audit import verify
from matcher.services.erase import erase_listed
from matcher.services.finish_erasure import finish_all
from matcher.services.people import add_user, change_passphrase, recover_home, remove_user
from matcher.services.rotate import Rotated, rotate_home_key
from matcher.services.workplace import sign_in
from matcher.store.erasures import SqlErasures
from tests.databases import RAW_REFUSED, client, raw, without_rules
from tests.services.homes import bytes_of, copied, holding
from tests.services.pictured import Pictured
from tests.services.test_erase import GONE, opened_everything
from tests.services.test_erase_interrupted import ended_before
from tests.services.world import PASSPHRASE, World

SEALED = "SELECT probe FROM alerts UNION ALL SELECT place FROM alerts UNION ALL SELECT subject FROM candidates"


@pytest.fixture
def lived_in(lived: Pictured, tmp_path: Path) -> Pictured:
    return copied(lived, tmp_path)


def rotate(world: World, who: str = "boss") -> Rotated:
    return rotate_home_key(world.sessions[who], lambda *_: None)


def sound(world: World) -> None:
    verify(world.place, lambda *_: None)


def again(world: Pictured, folder: Path) -> Pictured:
    """Everybody signed in anew, in a copy of the home."""
    return copied(world, folder)


def seals_of(world: World) -> dict[str, bytes]:
    """Every sealed value and the end of every container, as they lie on the disk."""
    home = world.folder / "home"
    found = {path.name: path.read_bytes()[-64:] for path in (home / "sealed").glob("*.box")}
    rows = [row[0] for row in raw(home, SEALED) if row[0]]
    return found | {f"value {number}": row for number, row in enumerate(rows)}


def test_the_new_key_opens_all_and_nothing_of_the_old_one_is_left(lived_in: Pictured, tmp_path: Path) -> None:
    old, before = lived_in.sessions["boss"].vault, opened_everything(lived_in)
    seals = seals_of(lived_in)
    assert len(seals) > 20
    assert sorted({one.partition(" in ")[0] for one in holding(tmp_path / "home", seals)}) == sorted(seals)
    done = rotate(lived_in)
    assert (done.sought.found, done.sought.samples > 8, done.values > 8) == (0, True, True)
    assert set(done.people) == set(lived_in.sessions) - {"audrey"}
    assert holding(tmp_path / "home", seals) == []
    now = again(lived_in, tmp_path / "again")
    assert opened_everything(now) == before
    sound(now)
    for path in (tmp_path / "home" / "sealed").glob("*.box"):
        with pytest.raises(IntegrityError):
            old.read(path.stem, 0, 1)
    assert lived_in.log_actions()[-1] == "erasure.finished"
    assert not list((tmp_path / "home" / "sealed").glob("*.next"))


def test_work_goes_on_where_it_stood(lived_in: Pictured, tmp_path: Path) -> None:
    rotate(lived_in)
    now = again(lived_in, tmp_path / "again")
    assert now.desk("ana").queue().waiting
    now.conclude(Verdict.SAME)
    now.hit(9, case="afterwards")
    erase_listed(now.sessions["boss"], "missing", [GONE], True)
    sound(now)
    rotate(now)
    later = again(now, tmp_path / "later")
    assert GONE.encode() not in opened_everything(later)
    sound(later)


def test_whoever_is_signed_in_meanwhile_is_told_why_and_changes_nothing(lived_in: Pictured) -> None:
    entry = lived_in.desk("ana").queue().entries[0]
    rotate(lived_in)
    told = "renewed since they signed in: sign in again"
    with pytest.raises(Refused, match=told):
        lived_in.desk("ana").claim(entry.alert_id)
    with pytest.raises(Refused, match=told):
        lived_in.calibrate()
    with pytest.raises(Refused, match=told):
        lived_in.submit(lived_in.templates[3])
    with pytest.raises(Refused, match=told):
        rotate(lived_in)
    sound(lived_in)


def test_passphrases_new_people_and_the_recovery_code_go_on(world: World, tmp_path: Path) -> None:
    boss = world.sessions["boss"]
    salt = boss.vault.salt("r", "S001")
    codes: list[str] = []
    recover_home(world.place, world.code, "chief", PASSPHRASE, codes.append)
    rotate(world)
    boss = sign_in(world.place, "boss", PASSPHRASE)
    assert boss.vault.salt("r", "S001") == salt
    change_passphrase(boss, "quite another set of words")
    boss = sign_in(world.place, "boss", "quite another set of words")
    add_user(world.place, boss, "eve", frozenset({*boss.user.roles}), PASSPHRASE)
    recover_home(world.place, codes[0], "chief2", PASSPHRASE, codes.append)
    value = boss.vault.seal("a value", b"said once")
    for name in ("eve", "chief", "chief2"):
        assert sign_in(world.place, name, PASSPHRASE).vault.open("a value", value) == b"said once"
        assert sign_in(world.place, name, PASSPHRASE).vault.salt("r", "S001") == salt
    rotate_home_key(boss, lambda *_: None)
    assert sign_in(world.place, "eve", PASSPHRASE).vault.salt("r", "S001") == salt
    with pytest.raises(IntegrityError):
        sign_in(world.place, "eve", PASSPHRASE).vault.open("a value", value)
    sound(world)


def test_who_was_removed_gets_no_key_and_auditors_none(world: World) -> None:
    remove_user(world.sessions["boss"], "ana")
    with world.place.work(write=False) as work:
        auditor = work.users.keys("audrey")
    done = rotate(world)
    assert not {"ana", "audrey"} & set(done.people)
    with world.place.work(write=False) as work:
        assert (work.users.keys("ana"), work.users.keys("audrey")) == (b"", auditor)
    sound(world)


@pytest.mark.parametrize("who", ["ana", "vera", "audrey"])
def test_only_an_admin_rotates(world: World, who: str) -> None:
    with pytest.raises(MissingRole):
        rotate(world, who)
    assert world.newest(Action.REFUSED)["attempt"] == "home.rotate"
    sound(world)


def test_a_load_under_way_is_waited_for_and_an_interrupted_one_begins_anew(lived_in: Pictured) -> None:
    vault = lived_in.sessions["boss"].vault
    with (
        vault.load_journal("a load", LoadBegun("r" * 26, lived_in.clock())),
        pytest.raises(Refused, match="a load is under way"),
    ):
        rotate(lived_in)
    assert list((lived_in.folder / "home" / "sealed").glob("*.journal"))
    rotate(lived_in)
    assert not list((lived_in.folder / "home" / "sealed").glob("*.journal"))


def test_what_was_loaded_or_erased_meanwhile_is_not_lost(lived_in: Pictured, monkeypatch: Any, tmp_path: Path) -> None:
    sealed_anew = rotation._seal_anew

    def and_somebody_loads(*given: Any) -> None:
        sealed_anew(*given)
        lived_in.load(12)

    monkeypatch.setattr(rotation, "_seal_anew", and_somebody_loads)
    before = set(bytes_of(tmp_path / "home" / "sealed"))
    with pytest.raises(Refused, match="loaded, activated or erased meanwhile: rotate again"):
        rotate(lived_in)
    left = bytes_of(tmp_path / "home" / "sealed")
    assert before < set(left)
    assert not [name for name in left if name.endswith(".next")]
    opened_everything(lived_in)
    sound(lived_in)


def test_a_rotation_that_fails_leaves_everything_as_it_was(
    lived_in: Pictured, monkeypatch: Any, tmp_path: Path
) -> None:
    def full(*_: Any) -> int:
        raise StorageFailed("the disk is full")

    before = bytes_of(tmp_path / "home" / "sealed")
    monkeypatch.setattr(SqlErasures, "reseal", full)
    with pytest.raises(StorageFailed):
        rotate(lived_in)
    assert bytes_of(tmp_path / "home" / "sealed") == before
    opened_everything(lived_in)
    sound(lived_in)


def test_an_altered_container_stops_it_before_anything_is_exchanged(lived_in: Pictured, tmp_path: Path) -> None:
    path = sorted((tmp_path / "home" / "sealed").glob("*-pictures.box"))[0]
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="does not verify"):
        rotate(lived_in)
    assert "home.rotated" not in lived_in.log_actions()


def test_ended_at_any_moment_it_is_finished_or_was_never_begun(lived: Pictured, tmp_path: Path) -> None:
    found = []
    for step in (10, 40, 70, 90, 100, 110):
        world = copied(lived, tmp_path / str(step))
        before, seals = opened_everything(world), seals_of(world)
        if not ended_before(step, lambda world=world: rotate(world)):  # type: ignore[misc]
            found.append("done")
            continue
        now = copied(world, tmp_path / f"{step}-again")
        finish_all(now.place)
        sound(now)
        assert opened_everything(now) == before
        begun = "home.rotated" in now.log_actions()
        held = {one.partition(" in ")[0] for one in holding(now.folder / "home", seals)}
        assert held == (set() if begun else set(seals)), step
        found.append("begun" if begun else "not begun")
    assert found == sorted(found, key=["not begun", "begun", "done"].index)
    assert len(set(found)) >= 2, found


# --- the database and the audit ---------------------------------------------------------------------------------------

REFUSED = {
    "a value without a rotation": "INSERT INTO resealed_parts SELECT alert_id, 'probe', 1, 'b', 'a' FROM alerts",
    "another probe": "UPDATE alerts SET probe = x'01' WHERE length(probe) > 0",
    "another place": "UPDATE alerts SET place = x'01' WHERE length(probe) > 0",
    "another person": "UPDATE candidates SET subject = x'01' WHERE length(subject) > 0",
    "a digest": "UPDATE resealed_parts SET before = 'x'",
    "forgotten": "DELETE FROM resealed_parts",
    "another key for the recovery code": "UPDATE home SET recovery_sealed = x'01'",
}
FOUND = {
    "another probe": "UPDATE alerts SET probe = x'01' WHERE length(probe) > 0",
    "another person": "UPDATE candidates SET subject = x'01' WHERE length(subject) > 0",
    "a digest of what it was": "UPDATE resealed_parts SET before = 'x' WHERE part = 'probe'",
    "a digest of what it is": "UPDATE resealed_parts SET after = 'x' WHERE part = 'place'",
    "both": "UPDATE resealed_parts SET before = after, after = before",
    "forgotten": "DELETE FROM resealed_parts",
    "another key for the recovery code": "UPDATE home SET recovery_sealed = x'01'",
    "another record": "UPDATE users SET keys = (SELECT keys FROM users WHERE name = 'vera') WHERE name = 'ana'",
}


def test_the_database_refuses_what_no_rotation_does(lived_in: Pictured, tmp_path: Path) -> None:
    rotate(lived_in)
    with client(tmp_path / "home") as run:
        for what, statement in REFUSED.items():
            with pytest.raises(RAW_REFUSED):
                print(what, run(statement))
    sound(lived_in)


@pytest.mark.parametrize("what", FOUND)
def test_the_audit_finds_it_where_the_rules_were_taken_away(lived_in: Pictured, tmp_path: Path, what: str) -> None:
    rotate(lived_in)
    assert without_rules(tmp_path / "home", FOUND[what]) > 0
    with pytest.raises(IntegrityError, match="altered"):
        sound(lived_in)
