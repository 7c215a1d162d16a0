"""The key that signs checkpoints of the log: 32 bytes (Ed25519, RFC 8032) in ``log.key``, 0600, in the home.

It is not wrapped by a passphrase: checkpoints are made by every program that writes, whoever is signed in. So whoever
holds the machine holds it too, and only a checkpoint kept elsewhere speaks against them. The log names its public key.
"""

from matcher.domain.ids import RandomBytes
from matcher.errors import IntegrityError
from matcher.store.home import Home

NAME = "log.key"


class LogKey:
    """Opened, or made where there is none, when it is first used."""

    def __init__(self, home: Home, random: RandomBytes) -> None:
        self._home = home
        self._random = random
        self._raw: bytes | None = None

    @property
    def public(self) -> bytes:
        """Raw Ed25519 (32 bytes)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._key()).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._key()).sign(message)

    def _key(self) -> bytes:
        if self._raw is None:
            found = self._home.read_file(NAME)
            if found is None:
                self._home.write_file(NAME, self._random(32))
                found = self._home.read_file(NAME)  # of two programs that make one at once, the later one's stays
            if found is None or len(found) != 32:
                raise IntegrityError(
                    f"{NAME} of the home is no key: restore it from a backup, or remove it for a new one"
                )
            self._raw = found
        return self._raw
