"""The recovery code: the one way back to the home key when every passphrase is lost.

1. `init` makes an X25519 key pair, prints the private half once as a code and keeps the public half.
2. The home key is made with the first user and sealed to the public half (`sealed_box.py`), so sealing needs no code,
   and the home key is never on disk unwrapped.
3. The code is base32 (RFC 4648) of the key and three bytes of its SHA-256: 14 groups of 4. A mistyped code is told
   apart from one of another home.
"""

import base64
import binascii
import hashlib
import os

from matcher.domain.ids import RandomBytes
from matcher.errors import BadInput, IntegrityError, WrongPassphrase
from matcher.store.crypto import KEY_BYTES
from matcher.store.home_key import of_length
from matcher.store.sealed_box import open_sealed, public_half, seal_to

_CHECK_BYTES = 3
_LOOKALIKES = str.maketrans("018", "OIB")  # digits base32 does not have, as people read them
_FOR = ("recovery", b"home key")  # use and associated data


def new_recovery(random: RandomBytes = os.urandom) -> tuple[str, bytes]:
    """The code to print once, and the public half (32 bytes) to keep."""
    private = random(KEY_BYTES)
    return _code(private), public_half(private)


def seal_home_key(public: bytes, home_key: bytes, random: RandomBytes = os.urandom) -> bytes:
    """The home key, sealed to a recovery code's public half. Raises IntegrityError for bytes that are no public key."""
    return seal_to(public, home_key, *_FOR, random)


def recover(code: str, sealed: bytes) -> bytes:
    """The home key. Raises BadInput for a mistyped code, WrongPassphrase for a code that does not open this home."""
    private = _private(code)
    try:
        return of_length(open_sealed(private, sealed, *_FOR))
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
