"""How a user's wrapped keys are stored: one value, one BLOB."""

from dataclasses import asdict, dataclass

from matcher.errors import BadInput, IntegrityError

SALT_BYTES = 16
PUBLIC_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyCost:
    """argon2id: passes over the memory, KiB of memory, lanes. The default is RFC 9106's second recommended choice.

    Raises BadInput outside the bounds, which keep a record from asking for more than a machine has.
    """

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4

    def __post_init__(self) -> None:
        if not (1 <= self.passes <= 32 and 1 <= self.lanes <= 16 and 8 * self.lanes <= self.memory_kib <= 1 << 21):
            raise BadInput("the cost of a passphrase is out of bounds")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A user's public key (32 bytes) and wrapped keys; nothing in it can be used without the passphrase.

    The home key is wrapped by the passphrase; each one that followed it is sealed to the public key and under the one
    before. Auditors have none. `vouched` is made with the newest home key, over name and public key: whoever writes
    rows without that key cannot make one, and gets no later home key either.
    """

    name: str
    public_key: bytes
    salt: bytes
    cost: KeyCost
    wrapped_signing_key: bytes
    wrapped_home_key: bytes | None
    next_home_keys: tuple[bytes, ...] = ()
    vouched: bytes | None = None

    @property
    def holds_home_key(self) -> bool:
        """Whether there is a home key in it."""
        return self.wrapped_home_key is not None

    def encode(self) -> bytes:
        """Canonical JSON: equal records have equal bytes. What is newer than version 4 is left out where it is none."""
        import msgspec

        fields = asdict(self)
        for name in ("next_home_keys", "vouched"):
            if not fields[name]:
                del fields[name]
        return msgspec.json.encode(fields)

    @classmethod
    def decode(cls, data: bytes) -> "KeyRecord":
        """The inverse of `encode`. Raises IntegrityError for anything `encode` does not make."""
        import msgspec

        try:
            record = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, BadInput):
            raise IntegrityError("a user's key record cannot be read: restore a backup") from None
        whole = len(record.salt) == SALT_BYTES and len(record.public_key) == PUBLIC_KEY_BYTES
        whole = whole and (record.holds_home_key or not record.next_home_keys)
        if not whole or record.encode() != data:
            raise IntegrityError("a user's key record was altered: restore a backup")
        return record
