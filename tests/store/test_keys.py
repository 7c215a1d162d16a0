"""Users' keys and the recovery code: they open with the right words only, and nothing else opens them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.certificate import verify_signature
from matcher.errors import BadInput, IntegrityError, WrongPassphrase
from matcher.store.crypto import NONCE_BYTES, Aead, subkey
from matcher.store.home_key import new_home_key, next_home_key, sealing_key
from matcher.store.key_record import KeyCost, KeyRecord
from matcher.store.keys import change_passphrase, new_user_keys, unlock, with_home_key
from matcher.store.recovery import new_recovery, recover, seal_home_key
from matcher.store.sealed_box import receiving_key, seal_to

LIGHT = KeyCost(passes=1, memory_kib=64, lanes=1)
HOME_KEY = bytes(range(32))
WORDS = "correct horse battery"


def record_of(home_key: bytes | None = HOME_KEY) -> KeyRecord:
    return new_user_keys("ada", WORDS, home_key, LIGHT)


def test_the_passphrase_opens_both_keys() -> None:
    record = record_of()
    unlocked = unlock(record, WORDS)
    assert unlocked.home_key == HOME_KEY
    verify_signature(record.public_key, unlocked.sign(b"judgement"), b"judgement", "judgement")


def test_a_signature_is_of_one_message_by_one_key() -> None:
    record, other = record_of(), record_of()
    signature = unlock(record, WORDS).sign(b"judgement")
    for key, made, message in (
        (record.public_key, signature, b"Judgement"),
        (other.public_key, signature, b"judgement"),
        (record.public_key, signature[:63], b"judgement"),
        (record.public_key[:31], signature, b"judgement"),
    ):
        with pytest.raises(IntegrityError):
            verify_signature(key, made, message, "judgement")


@pytest.mark.parametrize("wrong", ["", "correct horse batter", "Correct horse battery", WORDS + " ", "\udcff" * 9])
def test_another_passphrase_opens_nothing(wrong: str) -> None:
    with pytest.raises(WrongPassphrase, match="ada"):
        unlock(record_of(), wrong)


def test_an_auditor_holds_no_home_key() -> None:
    record = record_of(None)
    assert record.wrapped_home_key is None
    assert unlock(record, WORDS).home_key is None


@pytest.mark.parametrize("weak", ["", "1234567", "       x       ", "a" * 1025, "\udcff" * 9])
def test_weak_and_unusable_passphrases_are_refused(weak: str) -> None:
    with pytest.raises(BadInput, match="passphrase"):
        new_user_keys("ada", weak, HOME_KEY, LIGHT)


def test_eight_characters_are_enough_and_the_name_must_be_one() -> None:
    assert unlock(new_user_keys("ada", "12345678", None, LIGHT), "12345678").name == "ada"
    with pytest.raises(BadInput, match="user name"):
        new_user_keys("Ada\x1b[31m", WORDS, None, LIGHT)


def test_a_passphrase_is_the_same_however_its_accents_were_typed() -> None:
    record = new_user_keys("ada", "caf\u00e9 cr\u00e8me", None, LIGHT)
    assert unlock(record, "cafe\u0301 cre\u0300me").public_key == record.public_key


def test_the_same_passphrase_makes_other_keys_each_time() -> None:
    one, two = record_of(), record_of()
    assert len({one.salt, two.salt}) == 2
    assert one.public_key != two.public_key
    assert one.wrapped_home_key != two.wrapped_home_key


@given(st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30))
@settings(max_examples=25, deadline=None)
def test_records_survive_storage(home_key: bytes, passphrase: str) -> None:
    if len(passphrase.strip()) < 8:
        passphrase += "enough characters"
    try:
        record = new_user_keys("ada", passphrase, home_key, LIGHT)
    except BadInput:  # NFC may make it shorter
        return
    again = KeyRecord.decode(record.encode())
    assert again == record
    assert unlock(again, passphrase).home_key == home_key


def test_every_altered_byte_of_a_stored_record_is_noticed() -> None:
    stored = record_of().encode()
    for place in range(len(stored)):
        altered = bytearray(stored)
        altered[place] ^= 1
        with pytest.raises((IntegrityError, WrongPassphrase)):
            unlock(KeyRecord.decode(bytes(altered)), WORDS)


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"[" * 5000, b"\xff", b'{"name":"ada"}'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        KeyRecord.decode(data)


def test_a_record_cannot_ask_for_more_than_a_machine_has() -> None:
    huge = record_of().encode().replace(b'"memory_kib":64', b'"memory_kib":2147483648')
    with pytest.raises(IntegrityError):
        KeyRecord.decode(huge)
    for cost in ((0, 64, 1), (1, 7, 1), (1, 64, 0), (33, 64, 1), (1, 1 << 22, 1), (1, 64, 17)):
        with pytest.raises(BadInput):
            KeyCost(*cost)


def test_keys_of_two_people_cannot_be_mixed() -> None:
    ada = record_of()
    bob = new_user_keys("bob", WORDS, HOME_KEY, LIGHT)
    with pytest.raises(WrongPassphrase):
        unlock(replace(ada, name="bob"), WORDS)
    with pytest.raises(IntegrityError, match="belong together"):
        unlock(replace(ada, public_key=bob.public_key), WORDS)
    with pytest.raises(IntegrityError, match="home key"):
        unlock(replace(ada, wrapped_home_key=bob.wrapped_home_key), WORDS)
    with pytest.raises(IntegrityError, match="home key"):
        unlock(replace(ada, wrapped_home_key=ada.wrapped_signing_key), WORDS)


def test_a_changed_passphrase_keeps_the_keys() -> None:
    record = record_of()
    changed = change_passphrase(record, WORDS, "another set of words", LIGHT)
    assert changed.public_key == record.public_key
    assert unlock(changed, "another set of words").home_key == HOME_KEY
    with pytest.raises(WrongPassphrase):
        unlock(changed, WORDS)
    with pytest.raises(WrongPassphrase):
        change_passphrase(record, "wrong words here", "another set of words", LIGHT)
    with pytest.raises(BadInput):
        change_passphrase(record, WORDS, "short", LIGHT)


def test_secrets_are_not_shown() -> None:
    unlocked = unlock(record_of(), WORDS)
    assert "home_key" not in repr(unlocked)
    assert repr(HOME_KEY) not in repr(unlocked)


def test_the_default_cost_is_rfc_9106s_second_choice() -> None:
    assert KeyCost() == KeyCost(passes=3, memory_kib=64 * 1024, lanes=4)


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_recovery_code_brings_the_home_key_back(random: object) -> None:
    code, public = new_recovery(random.randbytes)  # type: ignore[attr-defined]
    home_key = new_home_key(random.randbytes)  # type: ignore[attr-defined]
    sealed = seal_home_key(public, home_key)
    assert recover(code, sealed) == home_key
    assert recover(code.lower().replace("-", " ") + "\n", sealed) == home_key
    assert recover(code.replace("O", "0").replace("I", "1").replace("B", "8"), sealed) == home_key


def test_the_code_is_fourteen_groups_of_four() -> None:
    groups = new_recovery()[0].split("-")
    assert [len(group) for group in groups] == [4] * 14


def test_a_mistyped_code_is_told_from_another_homes() -> None:
    (code, public), (other, _) = new_recovery(), new_recovery()
    sealed = seal_home_key(public, HOME_KEY)
    with pytest.raises(WrongPassphrase, match="another home"):
        recover(other, sealed)
    for place in range(0, len(code), 5):
        mistyped = code[:place] + ("A" if code[place] != "A" else "C") + code[place + 1 :]
        with pytest.raises(BadInput, match="mistyped"):
            recover(mistyped, sealed)
    for wrong in ("", code[:-1], code + "A", "é" * 56, "?" * 56, code[5:] + "-" + code[:4]):
        with pytest.raises(BadInput, match="mistyped"):
            recover(wrong, sealed)


def test_every_altered_byte_of_the_sealed_home_key_is_noticed() -> None:
    code, public = new_recovery()
    sealed = seal_home_key(public, HOME_KEY)
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(WrongPassphrase):
            recover(code, bytes(altered))
    with pytest.raises(WrongPassphrase):
        recover(code, sealed[:20])


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(32), (1).to_bytes(32, "little")])
def test_a_public_key_that_would_give_the_home_key_away_is_refused(public: bytes) -> None:
    with pytest.raises(IntegrityError):
        seal_home_key(public, HOME_KEY)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 63, 65])
def test_what_anybody_may_seal_as_a_home_key_is_none_of_another_length(length: int) -> None:
    record, nonce = record_of(), bytes(NONCE_BYTES)
    inner = nonce + Aead(subkey(sealing_key(HOME_KEY), "next")).seal(nonce, bytes(length), b"ada")
    sealed = seal_to(receiving_key(record.public_key), inner, "member", b"ada")
    with pytest.raises(IntegrityError, match="home key of ada was altered"):
        unlock(replace(record, next_home_keys=(sealed,)), WORDS)
    code, public = new_recovery()
    with pytest.raises(WrongPassphrase):
        recover(code, seal_home_key(public, bytes(length)))


def test_each_home_key_that_follows_opens_by_the_passphrase_and_the_one_before() -> None:
    second, third = next_home_key(HOME_KEY), next_home_key(bytes(64))
    record = with_home_key(with_home_key(record_of(), HOME_KEY, second), second, third)
    again = KeyRecord.decode(record.encode())
    assert (again, unlock(again, WORDS).home_key) == (record, third)
    assert (
        unlock(change_passphrase(record, WORDS, "another set of words", LIGHT), "another set of words").home_key
        == third
    )
    for wrong in (record.next_home_keys[::-1], record.next_home_keys[1:], record.next_home_keys[:1]):
        with pytest.raises(IntegrityError, match="home key of ada was altered"):
            unlock(replace(record, next_home_keys=wrong), WORDS)


def test_who_never_had_the_home_key_gives_nobody_one_of_their_own_choice() -> None:
    chosen, record = bytes(range(32)), record_of()
    under_nothing = seal_to(receiving_key(record.public_key), chosen, "member", b"ada")
    forged = with_home_key(replace(record, vouched=None), bytes(32), chosen, aged=True)  # under a key that is not ada's
    for sealed in (under_nothing, *forged.next_home_keys):
        with pytest.raises(IntegrityError, match="home key of ada was altered"):
            unlock(replace(record, next_home_keys=(sealed,), vouched=forged.vouched), WORDS)
