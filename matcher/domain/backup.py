"""What a backup says of itself to whoever holds no key."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackupHead:
    """Which home, at which entry of its log (`sequence`, `hash`), made when; who can open it.

    `keys` are the encoded key records of the admins of that moment, by name: one passphrase of theirs opens the backup.
    """

    backup_id: str
    home_id: str
    sequence: int
    hash: str
    made_at: str
    keys: tuple[tuple[str, bytes], ...]
