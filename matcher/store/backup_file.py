"""The file of a backup: a head that anybody can read, and one sealed container behind it.

    head       magic (8) | version (2, little-endian) | length (4) | JSON (msgspec) | sha256 of all before it (32)
    container  as `container_format.py` says, with the id `backup`

1. The key of the container is HKDF of a subkey of the home key over the sha256 of the head: a backup with another head
   does not open, whoever made the head.
2. The head tells damage from a wrong passphrase: its digest is checked before anybody is asked for one.
3. What does not open, ends early or goes on too long is an IntegrityError that names the file.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matcher.domain.backup import BackupHead
from matcher.domain.ids import RandomBytes
from matcher.errors import BadInput, IntegrityError, Refused, StorageFailed
from matcher.store.containers import Reader, Writer
from matcher.store.crypto import subkey
from matcher.store.home_key import sealing_key
from matcher.store.input_files import open_input

_MAGIC = b"WLMATCHS"
_VERSION = 1
_FIXED = len(_MAGIC) + 2 + 4
_DIGEST = 32
_MOST_HEAD = 1 << 22  # bytes; a key record takes half a kilobyte
_CONTAINER = "backup"


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup whose head was read; `before` is the head as it lies in the file."""

    path: Path
    before: bytes
    head: BackupHead


def backup_key(home_key: bytes) -> bytes:
    """The subkey of a home key that seals its backups."""
    return subkey(sealing_key(home_key), "backups")


def read_backup(path: Path) -> BackupFile:
    """The head of a backup. Raises BadInput for no file, IntegrityError for another one or a damaged head, Refused."""
    with open_input(path) as file:
        fixed = file.read(_FIXED)
        length = int.from_bytes(fixed[-4:], "little")
        if len(fixed) != _FIXED or not fixed.startswith(_MAGIC) or length > _MOST_HEAD:
            raise IntegrityError(f"{path} is no backup, or its beginning was altered: use another copy")
        rest = file.read(length + _DIGEST)
    said, digest = fixed + rest[:length], rest[length:]
    if hashlib.sha256(said).digest() != digest:
        raise IntegrityError(f"the beginning of the backup {path} was altered: use another copy")
    if said[len(_MAGIC) : len(_MAGIC) + 2] != _VERSION.to_bytes(2, "little"):
        raise Refused(f"the backup {path} was made by a newer program: restore it with that")
    return BackupFile(path, fixed + rest, _decoded(path, rest[:length]))


@contextmanager
def opened_backup(backup: BackupFile, key: bytes) -> Iterator[Reader]:
    """The sealed part, after its last chunk has opened. Raises IntegrityError, StorageFailed."""
    path = backup.path
    with open_input(path) as file:
        try:
            reader = Reader(file.fileno(), _CONTAINER, _key_of(key, backup.before), len(backup.before))
            reader.size()
            yield reader
        except IntegrityError as error:
            raise IntegrityError(f"the backup {path} is not whole ({error}): use another copy") from None
        except OSError as error:
            raise StorageFailed(f"the backup {path} cannot be read: {error.strerror}") from None


@contextmanager
def new_backup(path: Path, head: BackupHead, key: bytes, random: RandomBytes = os.urandom) -> Iterator[Writer]:
    """A backup under construction, 0600; without `keep` nothing stays of it. Raises BadInput where something is."""
    require_free(path)
    before = _encoded(head)
    try:
        _clear(path)
        writer = Writer(path, _CONTAINER, _key_of(key, before), random, before)
    except OSError as error:
        raise StorageFailed(f"the backup {path} cannot be made: {error.strerror}") from None
    try:
        yield writer
    finally:
        try:
            writer.close()
        except OSError as error:
            raise StorageFailed(f"the backup {path} cannot be closed: {error.strerror}") from None


def require_free(path: Path) -> None:
    """Raises BadInput where something is, or where there is no folder to write to."""
    if path.exists() or path.is_symlink():
        raise BadInput(f"{path} is there already: name another file for the backup")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}: name another file for the backup")


def _clear(path: Path) -> None:
    """Removes what killed backups to this name left; it is sealed, and takes room."""
    left = re.compile(re.escape(f".{path.stem}.") + r"[0-9a-f]{16}\.part")
    for entry in path.parent.iterdir():
        if left.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def _key_of(key: bytes, before: bytes) -> bytes:
    return subkey(key, "backup", hashlib.sha256(before).digest())


def _encoded(head: BackupHead) -> bytes:
    import msgspec

    body = msgspec.json.encode(head)
    said = _MAGIC + _VERSION.to_bytes(2, "little") + len(body).to_bytes(4, "little") + body
    return said + hashlib.sha256(said).digest()


def _decoded(path: Path, body: bytes) -> BackupHead:
    import msgspec

    try:
        return msgspec.json.decode(body, type=BackupHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IntegrityError(f"the beginning of the backup {path} says nothing that can be read") from None
