"""A user's keys, wrapped by their passphrase.

1. The passphrase (NFC, UTF-8) and a random salt give, by argon2id (RFC 9106), one key; HKDF makes two wrapping keys
   of it: one for the Ed25519 signing key, one for the home key. The cost is stored with the keys and can be raised.
2. Auditors have no wrapped home key: they sign, and cannot open anything.
3. Wrapped keys are bound to the user's name, and the opened signing key must be the half of the public key.
4. Whoever rotates the home key has nobody else's passphrase: they seal the next one to each person's public key
   (`sealed_box.py`), whose private half the passphrase opens, and under the home key before, which the passphrase
   opens too: who never had that one gives nobody a home key of their own choice. Another passphrase wraps the newest.
5. The next home key is sealed only to whom the home key before vouches for: an HMAC over name and public key, made by
   whoever added them. A row that somebody wrote without it gets none.
6. A stored cost outside `KeyCost`'s bounds is refused before any work is done.
"""

import hmac
import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from matcher.domain.ids import RandomBytes
from matcher.domain.people import check_user_name
from matcher.errors import BadInput, IntegrityError, Refused, WrongPassphrase
from matcher.store.crypto import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Aead, subkey
from matcher.store.home_key import LENGTHS, of_length, sealing_key
from matcher.store.key_record import SALT_BYTES, KeyCost, KeyRecord
from matcher.store.sealed_box import open_sealed, receiving_key, receiving_private, seal_to

SHORTEST_PASSPHRASE = 8  # characters
_LONGEST_PASSPHRASE = 1_024
_AROUND = NONCE_BYTES + TAG_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Unlocked:
    """What a passphrase opened: `sign` makes Ed25519 signatures (64 bytes); auditors have no home key."""

    name: str
    public_key: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    home_key: bytes | None = field(repr=False)
    under: Callable[[str, KeyCost], KeyRecord] = field(repr=False)  # the same keys under another passphrase


def new_user_keys(
    name: str,
    passphrase: str,
    home_key: bytes | None,
    cost: KeyCost | None = None,
    random: RandomBytes = os.urandom,
) -> KeyRecord:
    """Fresh keys for a new user; `home_key` None makes an auditor's. Raises BadInput for a weak passphrase."""
    check_user_name(name)
    return _wrapped(name, passphrase, (random(KEY_BYTES), home_key), cost, random)


def change_passphrase(
    record: KeyRecord,
    old: str,
    new: str,
    cost: KeyCost | None = None,
    random: RandomBytes = os.urandom,
) -> KeyRecord:
    """The same keys under another passphrase. Raises WrongPassphrase, IntegrityError, BadInput."""
    return _wrapped(record.name, new, _opened(record, old), cost, random)


def unlock(record: KeyRecord, passphrase: str) -> Unlocked:
    """The keys a passphrase opens. Raises WrongPassphrase, or IntegrityError when the record does not hold together."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signing, home_key = _opened(record, passphrase)

    def under(new: str, cost: KeyCost) -> KeyRecord:
        return _wrapped(record.name, new, (signing, home_key), cost, os.urandom)

    sign = Ed25519PrivateKey.from_private_bytes(signing).sign
    return Unlocked(record.name, record.public_key, sign, home_key, under)


def with_home_key(record: KeyRecord, before: bytes, following: bytes, aged: bool = False) -> KeyRecord:
    """The record with the home key that follows, sealed to its person; that of an auditor as it is.

    `aged`: the record is from when nobody vouched. Raises IntegrityError for a person for whom the home key before does
    not vouch otherwise.
    """
    if not record.holds_home_key:
        return record
    name, public = record.name, record.public_key
    if not (_vouches(before, record) or (aged and record.vouched is None)):
        raise IntegrityError(
            f"nobody who holds the home key vouches for the keys of {name}: {name} changes the passphrase (matcher "
            "user passphrase), or is removed, since somebody else may have written them; then rotate again"
        )
    nonce = os.urandom(NONCE_BYTES)
    inner = nonce + Aead(subkey(sealing_key(before), "next")).seal(nonce, following, name.encode())
    sealed = seal_to(receiving_key(public), inner, "member", name.encode())
    vouched = _vouched(following, name, public)
    return replace(record, next_home_keys=(*record.next_home_keys, sealed), vouched=vouched)


def check_new_passphrase(passphrase: str) -> None:
    """Raises BadInput for a passphrase that a new user may not have."""
    length = len(unicodedata.normalize("NFC", passphrase).strip())
    if length < SHORTEST_PASSPHRASE:
        raise BadInput(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters: choose several words")
    if length > _LONGEST_PASSPHRASE or not _encodable(passphrase):
        raise BadInput(f"a passphrase is at most {_LONGEST_PASSPHRASE} characters of valid text: choose another")


def _wrapped(
    name: str, passphrase: str, keys: tuple[bytes, bytes | None], cost: KeyCost | None, random: RandomBytes
) -> KeyRecord:
    signing, home_key = keys
    check_new_passphrase(passphrase)
    cost = KeyCost() if cost is None else cost
    salt = random(SALT_BYTES)
    stretched = _stretch(passphrase, salt, cost)
    public = _public_half(signing)
    return KeyRecord(
        name=name,
        public_key=public,
        salt=salt,
        cost=cost,
        wrapped_signing_key=_wrap(stretched, "signing", name, signing, random),
        wrapped_home_key=None if home_key is None else _wrap(stretched, "home", name, home_key, random),
        vouched=None if home_key is None else _vouched(home_key, name, public),
    )


def _opened(record: KeyRecord, passphrase: str) -> tuple[bytes, bytes | None]:
    """Signing key and home key."""
    wrong = WrongPassphrase(f"the passphrase does not open the key of {record.name}: try again")
    if not _encodable(passphrase):
        raise wrong
    stretched = _stretch(passphrase, record.salt, record.cost)
    try:
        signing = _unwrap(stretched, "signing", record.name, record.wrapped_signing_key)
    except IntegrityError:
        raise wrong from None  # a wrong passphrase and an altered record look the same here, by design of the cipher
    if _public_half(signing) != record.public_key:
        raise IntegrityError(f"the keys of {record.name} do not belong together: restore a backup")
    altered = IntegrityError(f"the home key of {record.name} was altered: restore a backup")
    try:
        home_key = _home_key(record, stretched, signing)
    except IntegrityError:
        raise altered from None
    if record.vouched is not None and (home_key is None or not _vouches(home_key, record)):
        raise altered
    return signing, home_key


def _home_key(record: KeyRecord, stretched: bytes, signing: bytes) -> bytes | None:
    if record.wrapped_home_key is None:
        return None
    private, name = receiving_private(signing), record.name.encode()
    home_key = _unwrap(stretched, "home", record.name, record.wrapped_home_key, LENGTHS)
    for sealed in record.next_home_keys:
        inner = open_sealed(private, sealed, "member", name)
        under = Aead(subkey(sealing_key(home_key), "next"))
        home_key = of_length(under.open(inner[:NONCE_BYTES], inner[NONCE_BYTES:], name))
    return home_key


def _vouched(home_key: bytes, name: str, public_key: bytes) -> bytes:
    people = subkey(sealing_key(home_key), "people")
    return hmac.digest(people, json.dumps([name, public_key.hex()]).encode(), "sha256")


def _vouches(home_key: bytes, record: KeyRecord) -> bool:
    made = _vouched(home_key, record.name, record.public_key)
    return record.vouched is not None and hmac.compare_digest(record.vouched, made)


def _stretch(passphrase: str, salt: bytes, cost: KeyCost) -> bytes:
    from argon2.exceptions import HashingError
    from argon2.low_level import Type, hash_secret_raw

    secret = unicodedata.normalize("NFC", passphrase).encode()
    try:
        return hash_secret_raw(secret, salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID)
    except HashingError as error:
        raise Refused(f"the passphrase cannot be checked on this machine ({error}): free some memory") from None


def _wrap(stretched: bytes, use: str, name: str, key: bytes, random: RandomBytes) -> bytes:
    nonce = random(NONCE_BYTES)
    return nonce + Aead(subkey(stretched, f"wrap/{use}")).seal(nonce, key, name.encode())


def _unwrap(stretched: bytes, use: str, name: str, wrapped: bytes, lengths: tuple[int, ...] = (KEY_BYTES,)) -> bytes:
    if len(wrapped) - _AROUND not in lengths:
        raise IntegrityError("a wrapped key was cut")
    return Aead(subkey(stretched, f"wrap/{use}")).open(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())


def _public_half(signing: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw()


def _encodable(text: str) -> bool:
    """False for text with lone surrogates, as an environment variable that is not UTF-8 gives."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
