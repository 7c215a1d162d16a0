"""Was somebody listed on that day? Answered by a proof after the list is gone, that tells nothing of anybody else."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.events import Action
from matcher.domain.listed import ListedProof, leaf_of
from matcher.domain.merkle import Tree
from matcher.errors import BadInput, IntegrityError, MissingRole
from matcher.services.audit import verify
from matcher.services.collections import retire_list
from matcher.services.expire import erase_expired_lists
from matcher.services.listed import InForce, check_proof, was_listed
from matcher.services.remove import remove_subjects
from tests.services.homes import copied
from tests.services.world import World

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("lived")).active()


@pytest.fixture
def home(lived: World, tmp_path: Path) -> World:
    return copied(lived, tmp_path)


def asked(world: World, subject: str, day: date = DAY) -> list[ListedProof | None]:
    return [one.proof for one in was_listed(world.sessions["boss"], subject, day)]


def proven(world: World, subject: str) -> ListedProof:
    (proof,) = asked(world, subject)
    assert proof is not None
    return proof


def test_the_proof_is_there_after_the_list_is_gone_and_needs_no_key(home: World) -> None:
    retire_list(home.sessions["boss"], "missing")
    erase_expired_lists(home.sessions["boss"], None, close_waiting=False)
    home.clock.now += timedelta(days=300)
    proof = proven(home, "S003")
    assert (proof.subject_id, proof.size) == ("S003", 20)
    found: InForce = check_proof(home.place, proof)
    assert (found.list_name, found.begins.date()) == ("missing", DAY)
    assert found.ends == found.begins  # the clock of this world stood still until it was retired
    verify(home.place, lambda *_: None)


def test_who_was_not_listed_has_no_proof(home: World) -> None:
    assert asked(home, "S020") == [None]
    assert asked(home, "") == [None]


def test_a_day_without_an_activation_has_no_answer_and_none_to_come(home: World) -> None:
    assert asked(home, "S003", DAY - timedelta(days=1)) == []
    home.clock.now += timedelta(days=9)  # a pilot's lease is a day
    assert len(asked(home, "S003", DAY + timedelta(days=1))) == 1
    assert asked(home, "S003", DAY + timedelta(days=2)) == []
    with pytest.raises(BadInput, match="still to come"):
        asked(home, "S003", DAY + timedelta(days=10))


def test_whoever_was_removed_was_listed_until_then(home: World) -> None:
    remove_subjects(home.sessions["boss"], "missing", ["S003"])
    home.clock.now += timedelta(hours=1)
    home.activate()
    before, after = asked(home, "S003")
    assert before is not None
    assert after is None
    other_before, other_after = asked(home, "S004")
    assert other_before is not None
    assert other_after is not None
    assert other_before.salt != other_after.salt
    assert other_before.root != other_after.root


def test_only_an_admin_asks_and_the_log_does_not_say_of_whom(home: World) -> None:
    proven(home, "S003")
    assert home.newest(Action.LISTED_ASKED) == {"day": "2026-11-23", "activations": 1}
    for who in ("ana", "vera", "audrey"):
        with pytest.raises(MissingRole):
            was_listed(home.sessions[who], "S003", DAY)


@pytest.mark.parametrize(
    "altered",
    [
        {"subject_id": "S004"}, {"salt": "00" * 32}, {"salt": "xx"}, {"place": 20}, {"size": 19}, {"path": ()},
        {"root": "00" * 32}, {"certificate": "00" * 32},
    ],
)  # fmt: skip
def test_a_proof_that_was_altered_does_not_hold(home: World, altered: dict[str, object]) -> None:
    proof = proven(home, "S003")
    with pytest.raises(IntegrityError):
        check_proof(home.place, replace(proof, place=(proof.place + 1) % proof.size))
    changed = replace(proof, **altered)  # type: ignore[arg-type]
    assert changed != proof
    with pytest.raises(IntegrityError):
        check_proof(home.place, changed)


def test_a_tree_of_ones_own_is_not_in_the_log(home: World) -> None:
    salt = bytes(32)
    tree = Tree([leaf_of(salt, "S999")])
    own = ListedProof(proven(home, "S003").certificate, tree.root().hex(), 1, "S999", salt.hex(), 0, ())
    assert own.holds()
    with pytest.raises(IntegrityError, match="no activation with this root"):
        check_proof(home.place, own)


def test_leaves_that_were_exchanged_are_noticed(home: World) -> None:
    vault = home.sessions["boss"].vault
    with home.place.work(write=False) as work:
        revision = next(one for one in work.revisions.all() if one.subjects == 20)
    container = f"{revision.revision_id}-listed"
    leaves = vault.read(container, 0, vault.size(container))
    vault.remove(container)
    with vault.new_container(container) as box:
        box.append(leaves[32:])
        box.keep()
    with pytest.raises(IntegrityError, match="the log has another root"):
        asked(home, "S003")


def test_neither_root_nor_proof_tells_of_others(home: World) -> None:
    """Without the home key an id alone is found nowhere: not hashed, and not with the salt of another."""
    proof = proven(home, "S003")
    salt, shown = bytes.fromhex(proof.salt), {proof.root, *proof.path}
    for number in range(20):
        one = f"S{number:03}"
        guesses = [leaf_of(salt, one), leaf_of(b"", one), one.encode(), hashlib.sha256(one.encode()).digest()]
        if one != "S003":
            hashed = {hashlib.sha256(b"\0" + guess).hexdigest() for guess in guesses} | {g.hex() for g in guesses}
            assert shown.isdisjoint(hashed)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_everybody_in_a_tree_has_a_proof_and_nobody_else(people: list[str], data: st.DataObject) -> None:
    salts = {one: hashlib.sha256(b"salt" + one.encode()).digest() for one in people}
    leaves = sorted(leaf_of(salts[one], one) for one in people)
    tree, one = Tree(leaves), data.draw(st.sampled_from(people))
    place = leaves.index(leaf_of(salts[one], one))
    path = tuple(step.hex() for step in tree.inclusion(place))
    proof = ListedProof("c", tree.root().hex(), len(leaves), one, salts[one].hex(), place, path)
    assert proof.holds()
    assert not replace(proof, subject_id=one + "x").holds()
