"""The three primitives everything sealed is built from: HKDF-SHA256, AES-256-GCM, and one error when a seal fails.

Sources: RFC 5869 (HKDF), NIST SP 800-38D (GCM). The `cryptography` library is imported when first used.
"""

from matcher.errors import IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

Buffer = bytes | bytearray | memoryview


def subkey(key: bytes, use: str, salt: bytes = b"") -> bytes:
    """A 32-byte key for one use, from a 32-byte key. Different uses and different salts give unrelated keys."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    info = b"watchlist-matcher/v1/" + use.encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(key)


class Aead:
    """AES-256-GCM under one key. The caller answers for never giving the same nonce twice."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, data: Buffer, associated: bytes) -> bytes:
        """Ciphertext followed by the tag (16 bytes)."""
        return self._cipher.encrypt(nonce, data, associated)

    def open(self, nonce: bytes, sealed: Buffer, associated: bytes) -> bytes:
        """The inverse of `seal`. Raises IntegrityError for anything but exactly what was sealed."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError):
            raise IntegrityError("a sealed value was altered, moved, or sealed with another key") from None
