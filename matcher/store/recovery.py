"""The recovery code: the one way back to the home key when every passphrase is lost.

1. `init` makes an X25519 key pair, prints the private half once as a code and keeps the public half.
2. The home key is made with the first user and sealed to the public half (ephemeral X25519, HKDF-SHA256 over both
   public keys, AES-256-GCM), so sealing needs no code, and the home key is never on disk unwrapped.
3. The code is base32 (RFC 4648) of the key and three bytes of its SHA-256: 14 groups of 4. A mistyped code is told
   apart from one of another home.
"""

import base64
import binascii
import hashlib
import os

from matcher.domain.ids import RandomBytes
from matcher.errors import BadInput, IntegrityError, WrongPassphrase
from matcher.store.crypto import KEY_BYTES, NONCE_BYTES, Aead, subkey

_CHECK_BYTES = 3
_LOOKALIKES = str.maketrans("018", "OIB")  # digits base32 does not have, as people read them
_ONCE = bytes(NONCE_BYTES)  # the key comes from a fresh ephemeral pair, so it seals one value only


def new_recovery(random: RandomBytes = os.urandom) -> tuple[str, bytes]:
    """The code to print once, and the public half (32 bytes) to keep."""
    private = random(KEY_BYTES)
    return _code(private), _public_half(private)


def seal_home_key(public: bytes, home_key: bytes, random: RandomBytes = os.urandom) -> bytes:
    """The home key, sealed to a recovery code's public half. Raises IntegrityError for bytes that are no public key."""
    ephemeral = random(KEY_BYTES)
    own = _public_half(ephemeral)
    return own + Aead(_shared(ephemeral, public, own, public)).seal(_ONCE, home_key, b"home key")


def recover(code: str, sealed: bytes) -> bytes:
    """The home key. Raises BadInput for a mistyped code, WrongPassphrase for a code that does not open this home."""
    private = _private(code)
    ephemeral = sealed[:KEY_BYTES]
    try:
        key = _shared(private, ephemeral, ephemeral, _public_half(private))
        return Aead(key).open(_ONCE, sealed[KEY_BYTES:], b"home key")
    except IntegrityError:
        raise WrongPassphrase("the recovery code does not open this home: it is another home's, or was used") from None


def _code(private: bytes) -> str:
    text = base64.b32encode(private + _checksum(private)).decode("ascii")
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _private(code: str) -> bytes:
    text = "".join(code.split()).replace("-", "").upper().translate(_LOOKALIKES)
    try:
        decoded = base64.b32decode(text)
    except (binascii.Error, ValueError):
        decoded = b""
    private, checksum = decoded[:KEY_BYTES], decoded[KEY_BYTES:]
    if len(decoded) != KEY_BYTES + _CHECK_BYTES or checksum != _checksum(private):
        raise BadInput("the recovery code is mistyped: it is 14 groups of 4 letters and digits")
    return private


def _checksum(private: bytes) -> bytes:
    return hashlib.sha256(b"watchlist-matcher/recovery/v1\n" + private).digest()[:_CHECK_BYTES]


def _public_half(private: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _shared(private: bytes, peer: bytes, ephemeral: bytes, recipient: bytes) -> bytes:
    """The sealing key from one private and the other public half. Raises IntegrityError for a bad public half."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        secret = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # wrong length, or a low-order point
        raise IntegrityError("the recovery key was altered: restore a backup") from None
    return subkey(secret, "recovery", ephemeral + recipient)
