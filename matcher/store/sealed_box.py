"""Sealing to whoever holds a private key, who need not be there: ephemeral X25519, HKDF-SHA256, AES-256-GCM.

    sealed     raw public key of the ephemeral pair (32 bytes) | AES-256-GCM ciphertext and tag

1. The key is derived over both public keys, for one use: what was sealed for one opens for no other. It comes from a
   fresh pair, so it seals one value only and its nonce is zero.
2. Who signs with Ed25519 receives under the same key: its X25519 form is u = (1 + y) / (1 - y) of the public key (RFC
   7748, section 4.1), and the first half of SHA-512 of the seed of the private one (RFC 8032, section 5.1.5). That one
   pair may serve both is shown by Thormarker, "On using the same key pair for Ed25519 and an X25519 based KEM" (2021).
"""

import hashlib
import os

from matcher.domain.ids import RandomBytes
from matcher.errors import IntegrityError
from matcher.store.crypto import KEY_BYTES, NONCE_BYTES, Aead, subkey

_ONCE = bytes(NONCE_BYTES)
_P = 2**255 - 19


def public_half(private: bytes) -> bytes:
    """The raw X25519 public key of a private one."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal_to(public: bytes, data: bytes, use: str, associated: bytes, random: RandomBytes = os.urandom) -> bytes:
    """`data`, sealed to a raw X25519 public key. Raises IntegrityError for bytes that are none."""
    ephemeral = random(KEY_BYTES)
    own = public_half(ephemeral)
    return own + Aead(_shared(ephemeral, public, use, own + public)).seal(_ONCE, data, associated)


def open_sealed(private: bytes, sealed: bytes, use: str, associated: bytes) -> bytes:
    """The inverse, by the private key. Raises IntegrityError."""
    theirs, body = sealed[:KEY_BYTES], sealed[KEY_BYTES:]
    key = _shared(private, theirs, use, theirs + public_half(private))
    return Aead(key).open(_ONCE, body, associated)


def receiving_key(signing_public: bytes) -> bytes:
    """The X25519 form of a raw Ed25519 public key. Raises IntegrityError for the one that has none."""
    y = int.from_bytes(signing_public, "little") & (1 << 255) - 1
    try:
        return ((1 + y) * pow(1 - y, -1, _P) % _P).to_bytes(KEY_BYTES, "little")
    except ValueError:  # y = 1 has no inverse
        raise _no_key() from None


def receiving_private(signing_seed: bytes) -> bytes:
    """The X25519 private key of an Ed25519 seed (32 bytes)."""
    return hashlib.sha512(signing_seed).digest()[:KEY_BYTES]


def _shared(private: bytes, peer: bytes, use: str, parties: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        secret = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:  # wrong length, or a low-order point
        raise _no_key() from None
    return subkey(secret, use, parties)


def _no_key() -> IntegrityError:
    return IntegrityError("a public key to seal to was altered: restore a backup")
