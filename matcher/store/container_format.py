"""The container file: where its chunks lie and what each one is bound to.

    header   magic (8) | version (2, little-endian) | length of the id (2) | salt (32) | id (ASCII)
    chunks   AES-256-GCM of 64 KiB each, the last of 1 byte to 64 KiB (an empty container: one empty chunk)

1. A container has a key of its own: HKDF of the home's container key, the random salt and the container id. A file is
   written once, front to back, so the chunk number is a nonce that never repeats under that key; a second attempt at
   the same id draws another salt and so has another key.
2. Associated data are the whole header, the chunk's number and whether it is the last one: a flipped byte, a chunk
   swapped, repeated, left out, cut off, added or brought from another container does not open.
3. Sizes follow from the length of the file alone; a length no container can have is refused.
"""

import re
from dataclasses import dataclass

from matcher.errors import IntegrityError
from matcher.store.crypto import TAG_BYTES, Aead, subkey

CHUNK = 65_536  # plain bytes
SEALED_CHUNK = CHUNK + TAG_BYTES
SALT_BYTES = 32

_MAGIC = b"WLMATCHB"
_VERSION = 1
_FIXED = len(_MAGIC) + 2 + 2 + SALT_BYTES
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


def check_id(container_id: str) -> str:
    """The id, if it is 1 to 100 of a-z, 0-9 and dash: it becomes a file name. Raises IntegrityError otherwise."""
    if not _ID.fullmatch(container_id):
        raise IntegrityError(f"{container_id!r} is no container: whatever names it was altered")
    return container_id


def header_length(container_id: str) -> int:
    """Bytes before the first chunk."""
    return _FIXED + len(container_id)


def header_for(container_id: str, salt: bytes) -> bytes:
    """The header of a new container."""
    name = container_id.encode("ascii")
    return _MAGIC + _VERSION.to_bytes(2, "little") + len(name).to_bytes(2, "little") + salt + name


def salt_of(header: bytes, container_id: str) -> bytes:
    """The salt of a header, if it is the header of this container. Raises IntegrityError otherwise."""
    salt = header[_FIXED - SALT_BYTES : _FIXED]
    if len(salt) != SALT_BYTES or header != header_for(container_id, salt):
        raise IntegrityError(f"container {container_id} does not begin as it should: its file was altered")
    return salt


def own_key(key: bytes, container_id: str, salt: bytes) -> bytes:
    """The key of one container, from the home's container key."""
    return subkey(key, f"container/{container_id}", salt)


class ChunkSeal:
    """Seals and opens the chunks of one container."""

    __slots__ = ("_aead", "_header")

    def __init__(self, key: bytes, header: bytes, container_id: str, own: bool = False) -> None:
        """By the home's container key, or by the container's `own` key where only that was lent."""
        self._header = header
        salt = salt_of(header, container_id)
        self._aead = Aead(key if own else own_key(key, container_id, salt))

    def seal(self, number: int, last: bool, plain: memoryview) -> bytes:
        """One chunk as it lies in the file."""
        return self._aead.seal(number.to_bytes(12, "big"), plain, self._bound_to(number, last))

    def open(self, number: int, last: bool, sealed: memoryview) -> bytes:
        """The inverse. Raises IntegrityError."""
        return self._aead.open(number.to_bytes(12, "big"), sealed, self._bound_to(number, last))

    def _bound_to(self, number: int, last: bool) -> bytes:
        return self._header + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where chunks lie: `start` of the first, how many, plain `size` of all."""

    start: int
    chunks: int
    size: int

    @classmethod
    def of_file(cls, container_id: str, file_length: int) -> "Layout":
        """The layout that a file of this length must have. Raises IntegrityError when there is none."""
        start = header_length(container_id)
        body = file_length - start
        chunks = -(-body // SEALED_CHUNK)
        size = body - chunks * TAG_BYTES
        last = size - (chunks - 1) * CHUNK
        if chunks < 1 or last < 0 or (last == 0 and chunks > 1):
            raise IntegrityError(f"container {container_id} has an impossible length: its file was cut or extended")
        return cls(start, chunks, size)

    def span(self, first: int, count: int) -> tuple[int, int]:
        """Offset in the file and length of `count` sealed chunks from number `first`."""
        begin = self.start + first * SEALED_CHUNK
        end = min(begin + count * SEALED_CHUNK, self.start + self.size + self.chunks * TAG_BYTES)
        return begin, end - begin
