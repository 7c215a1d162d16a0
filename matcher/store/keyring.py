"""Implements `ports.Keyring` over the key records and the recovery key."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from matcher.domain.ports import Vault
from matcher.domain.records import NewKeys
from matcher.errors import MissingRole, Refused
from matcher.store import home_key, keys, recovery
from matcher.store.backup_file import BackupFile, backup_key, opened_backup
from matcher.store.containers import Reader
from matcher.store.key_record import KeyCost, KeyRecord
from matcher.store.sealing import HomeVault


@dataclass(frozen=True, slots=True, eq=False)
class UnlockedKeys:
    """`ports.UnlockedKeys`: it signs, seals and wraps; it never shows a key."""

    public_key: bytes
    vault: Vault | None
    _unlocked: keys.Unlocked = field(repr=False)
    _cost: KeyCost
    _folder: Path

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032)."""
        return self._unlocked.sign(message)

    def keys_for(self, name: str, passphrase: str, holds_home_key: bool) -> NewKeys:
        """Keys for another user. Raises MissingRole when there is no home key to wrap, BadInput."""
        if self._unlocked.home_key is None:
            raise MissingRole("only somebody who holds the home key can wrap it for another person")
        shared = self._unlocked.home_key if holds_home_key else None
        record = keys.new_user_keys(name, passphrase, shared, self._cost)
        return NewKeys(record.public_key, record.encode())

    def under(self, passphrase: str) -> bytes:
        """The encoded key record of the same keys under another passphrase, with a fresh salt. Raises BadInput."""
        return self._unlocked.under(passphrase, self._cost).encode()

    def next_home_key(self) -> "NextHomeKey":
        """Another home key, not yet in use. Raises MissingRole without one."""
        if self._unlocked.home_key is None:
            raise MissingRole("only somebody who holds the home key can rotate it")
        before = self._unlocked.home_key
        return NextHomeKey(before, home_key.next_home_key(before), self._folder)


@dataclass(frozen=True, slots=True, eq=False)
class NextHomeKey:
    """`ports.NextHomeKey`: it seals, and is sealed to whoever is to hold it; it never shows itself."""

    _before: bytes = field(repr=False)
    _key: bytes = field(repr=False)
    _folder: Path

    @property
    def vault(self) -> Vault:
        """What seals under it."""
        return HomeVault(self._key, self._folder)

    def record_with(self, record: bytes, aged: bool) -> bytes:
        """An encoded key record that holds it instead of the one before; an auditor's as it is.

        Raises IntegrityError.
        """
        return keys.with_home_key(KeyRecord.decode(record), self._before, self._key, aged).encode()

    def for_recovery(self, recovery_public: bytes) -> bytes:
        """It, sealed to the recovery key."""
        return recovery.seal_home_key(recovery_public, self._key)


@dataclass(frozen=True, slots=True)
class HomeKeyring:
    """Makes and opens the keys of one home; `folder` holds its containers, `cost` is what a passphrase costs to try."""

    folder: Path
    cost: KeyCost

    def new_recovery(self) -> tuple[str, bytes]:
        """A recovery code to print once, and its public key."""
        return recovery.new_recovery()

    def first_user(self, name: str, passphrase: str, recovery_public: bytes) -> NewKeys:
        """Makes the home key: wrapped for its first user and sealed to the recovery key, in memory only until then."""
        made = home_key.new_home_key()
        record = keys.new_user_keys(name, passphrase, made, self.cost)
        return NewKeys(record.public_key, record.encode(), recovery.seal_home_key(recovery_public, made))

    def recovered(self, code: str, sealed: bytes, who: tuple[str, str], recovery_public: bytes) -> NewKeys:
        """Keys for a new user, `who` by name and passphrase; the home key is sealed to another recovery key.

        Raises BadInput for a mistyped code or a weak passphrase, WrongPassphrase for another home's code or a used one.
        """
        found = recovery.recover(code, sealed)
        record = keys.new_user_keys(*who, found, self.cost)
        return NewKeys(record.public_key, record.encode(), recovery.seal_home_key(recovery_public, found))

    def open_backup(self, backup: BackupFile, name: str, passphrase: str) -> AbstractContextManager[Reader]:
        """What is sealed in a backup, for who was an admin when it was made.

        Raises Refused for anybody else, WrongPassphrase, IntegrityError.
        """
        record = dict(backup.head.keys).get(name)
        unlocked = None if record is None else keys.unlock(KeyRecord.decode(record), passphrase)
        if unlocked is None or unlocked.home_key is None:
            who = ", ".join(name for name, _ in backup.head.keys)
            raise Refused(f"{name} was no admin of this home when it was backed up: it opens for {who}")
        return opened_backup(backup, backup_key(unlocked.home_key))

    def unlock(self, record: bytes, passphrase: str) -> UnlockedKeys:
        """Raises WrongPassphrase, IntegrityError."""
        unlocked = keys.unlock(KeyRecord.decode(record), passphrase)
        vault = None if unlocked.home_key is None else HomeVault(unlocked.home_key, self.folder)
        return UnlockedKeys(unlocked.public_key, vault, unlocked, self.cost, self.folder)
