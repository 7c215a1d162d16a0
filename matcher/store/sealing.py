"""The vault: what is sealed with the home key.

1. The home key is never used itself; each use has its own subkey (`columns`, one per container, journal and backup).
2. A sealed value is a random 96-bit nonce followed by AES-256-GCM ciphertext; its purpose is associated data, so that a
   value put where another belongs does not open. Purposes name table, column and row.
3. Random nonces are safe for 2^32 values under one key (SP 800-38D section 8.3); a home stays far below.
"""

import hmac
import json
import os
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from matcher.domain.backup import BackupHead
from matcher.domain.ids import RandomBytes
from matcher.domain.ports import ContainerWriter, LoadJournal
from matcher.domain.records import LoadBegun
from matcher.errors import IntegrityError
from matcher.store import backup_file, containers, erasing, leftovers, lending, load_journal
from matcher.store.container_format import own_key, salt_of
from matcher.store.crypto import NONCE_BYTES, Aead, subkey
from matcher.store.home_key import salts_key, sealing_key


class HomeVault:
    """`ports.Vault` over one home key (`home_key.py`) and the folder of containers. It never shows its keys."""

    __slots__ = ("_backups", "_columns", "_containers", "_folder", "_journals", "_random", "_salts")

    def __init__(self, home_key: bytes, folder: Path, random: RandomBytes = os.urandom) -> None:
        key = sealing_key(home_key)
        self._columns = Aead(subkey(key, "columns"))
        self._containers = subkey(key, "containers")
        self._journals = subkey(key, "journals")
        self._backups = backup_file.backup_key(home_key)
        self._salts = salts_key(home_key)
        self._folder = folder
        self._random = random

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Nonce and ciphertext: 28 bytes more than `data`."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._columns.seal(nonce, data, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The inverse. Raises IntegrityError when it was altered or sealed for another purpose."""
        if len(sealed) < NONCE_BYTES:
            raise IntegrityError(f"a sealed {purpose} was cut short")
        try:
            return self._columns.open(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except IntegrityError:
            raise IntegrityError(f"a sealed {purpose} was altered, or belongs elsewhere") from None

    def new_container(self, container_id: str) -> AbstractContextManager[ContainerWriter]:
        """A container under construction; on leaving without `keep` its file is removed."""
        return containers.new_container(self._folder, self._containers, container_id, self._random)

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        """Bytes of a container; only the chunks needed are opened. Raises IntegrityError."""
        with containers.opened(self._folder, self._containers, container_id) as container:
            return container.read(offset, length)

    def size(self, container_id: str) -> int:
        """The plain length of a container; its last chunk is opened, so that a cut file is found here."""
        with containers.opened(self._folder, self._containers, container_id) as container:
            return container.size()

    @property
    def folder(self) -> Path:
        """Where the containers lie."""
        return self._folder

    def lend(self, container_ids: tuple[str, ...], public: bytes) -> bytes:
        """The keys of these containers, and of no other, sealed to an X25519 key. Raises IntegrityError."""
        keys = []
        for container_id in container_ids:
            with containers.opened(self._folder, self._containers, container_id) as container:
                salt = salt_of(container.header(), container_id)
            keys.append(own_key(self._containers, container_id, salt))
        return lending.seal_keys(keys, container_ids, public)

    def holds(self, container_id: str) -> bool:
        """Whether a container of that id is there."""
        return containers.container_path(self._folder, container_id).is_file()

    def salt(self, revision_id: str, subject_id: str) -> bytes:
        """HMAC-SHA-256 of both under a key of its own: 32 bytes, the same every time."""
        return hmac.digest(self._salts, json.dumps([revision_id, subject_id]).encode(), "sha256")

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Removes what killed loads left: containers of no `known` revision, untouched since `before`."""
        return leftovers.sweep(self._folder, known, before.timestamp())

    def discard_uncommitted(self, known: frozenset[str]) -> int:
        """Removes every container of no `known` revision, of loads that are under way too."""
        return leftovers.discard(self._folder, known)

    def sweep_journals(self, before: datetime) -> int:
        """Removes journals of loads that nobody went on with since `before`."""
        return leftovers.sweep_journals(self._folder, before.timestamp())

    def load_journal(self, binding: str, begin: LoadBegun) -> AbstractContextManager[LoadJournal]:
        """The journal of the load that `binding` describes. Raises Refused while another process has it."""
        return load_journal.journal_of(self._folder, self._journals, binding, begin, self._random)

    def new_backup(self, path: Path, head: BackupHead) -> AbstractContextManager[ContainerWriter]:
        """A backup under construction; on leaving without `keep` its file is removed."""
        return backup_file.new_backup(path, head, self._backups, self._random)

    def new_successor(self, container_id: str, erasure_id: str) -> AbstractContextManager[ContainerWriter]:
        """What is to replace a container once an erasure is committed; nothing where it is not kept."""
        path = erasing.successor_path(self._folder, container_id, erasure_id)
        return containers.new_successor(path, self._containers, container_id, self._random)

    def discard_journals(self) -> int:
        """Removes the journals of interrupted loads. Raises Refused while a load is under way."""
        return erasing.discard_journals(self._folder)

    def remove(self, container_id: str) -> None:
        """Removes a container's file, and unfinished ones of its id (nothing happens if there are none)."""
        containers.remove(self._folder, container_id)
