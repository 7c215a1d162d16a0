"""Lending a revision's templates to a machine of a cluster: the keys of two containers, sealed to one process there.

1. What is lent opens the revision's templates and its screen (numbers and ids of subjects, no name, no picture); the
   home key and every other container stay closed.
2. Keys travel sealed to an X25519 key that the receiving process drew and never shows (`sealed_box.py`): no store, log
   or argument of the cluster holds them in clear.
3. The receiver opens the containers where they lie in its own file system and authenticates every chunk. One that was
   altered is an IntegrityError; one that is not there, or stamped with another revision, makes the list not searchable.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from matcher.domain.ports import RowReader
from matcher.domain.template import Scores
from matcher.errors import IntegrityError, NotSearchable
from matcher.store import containers
from matcher.store.crypto import KEY_BYTES
from matcher.store.sealed_box import open_sealed, seal_to

if TYPE_CHECKING:
    from matcher.store.sealing import HomeVault


def seal_keys(keys: list[bytes], container_ids: tuple[str, ...], public: bytes) -> bytes:
    """Keys of containers, sealed to a raw X25519 public key. Raises IntegrityError for bytes that are none."""
    try:
        return seal_to(public, b"".join(keys), "lent", _bound(container_ids))
    except IntegrityError:
        raise IntegrityError("a machine of the cluster gave no key to seal to: do not search") from None


def open_keys(sealed: bytes, container_ids: tuple[str, ...], private: bytes) -> dict[str, bytes]:
    """The inverse, by container. Raises IntegrityError."""
    plain = open_sealed(private, sealed, "lent", _bound(container_ids))
    parts = [plain[at : at + KEY_BYTES] for at in range(0, len(plain), KEY_BYTES)]
    return dict(zip(container_ids, parts, strict=True))


@dataclass(frozen=True, slots=True)
class LentRevision:
    """`ports.LentShard`: where two containers lie and what they must be of; no key."""

    revision_digest: str
    folder: str
    templates_id: str
    screen_id: str

    def open(self, private: bytes, sealed: bytes) -> tuple[tuple[str, ...], Scores, RowReader]:
        """Ids of the subjects, the subject of each row, and the sealed rows.

        Raises IntegrityError, NotSearchable, StorageFailed.
        """
        from matcher.store.screen_file import SealedRows, read_owners

        if not all(containers.container_path(Path(self.folder), one).exists() for one in self.containers):
            raise NotSearchable(f"this machine does not see the revision: its containers belong under {self.folder}")
        vault = LentContainers(Path(self.folder), open_keys(sealed, self.containers, private))
        found = read_owners(vault, self.screen_id)
        n, d = len(found.subjects), found.d
        if found.revision_digest != self.revision_digest or vault.size(self.templates_id) != 4 * n * d:
            raise NotSearchable("this machine holds another revision than the one to be searched")
        return found.subject_ids, found.subjects, SealedRows(vault, self.templates_id, n, d)

    @property
    def containers(self) -> tuple[str, ...]:
        """What is lent."""
        return self.templates_id, self.screen_id


@dataclass(frozen=True, slots=True)
class Lending:
    """`ports.Lender` over a home's vault."""

    facts: LentRevision
    _vault: "HomeVault" = field(repr=False)

    @classmethod
    def of(cls, revision_digest: str, rows: RowReader) -> "Lending":
        """What lends the revision whose sealed rows these are. Raises IntegrityError for rows that are not sealed."""
        from matcher.store.screen_file import SealedRows
        from matcher.store.sealing import HomeVault

        if not isinstance(rows, SealedRows) or not isinstance(rows.vault, HomeVault):
            raise IntegrityError("only a sealed revision can be searched on a cluster")
        templates = rows.container_id
        screen = templates.removesuffix("-templates") + "-screen"
        return cls(LentRevision(revision_digest, str(rows.vault.folder), templates, screen), rows.vault)

    def seal(self, public: bytes) -> bytes:
        """The keys of templates and screen, sealed to one process. Raises IntegrityError."""
        return self._vault.lend(self.facts.containers, public)


@dataclass(frozen=True, slots=True)
class LentContainers:
    """`ports.ContainerReader` over the containers whose keys were lent."""

    folder: Path
    _keys: dict[str, bytes] = field(repr=False)

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        """Bytes of a lent container. Raises IntegrityError."""
        with containers.opened(self.folder, self._keys[container_id], container_id, own=True) as container:
            return container.read(offset, length)

    def size(self, container_id: str) -> int:
        """The plain length of a lent container. Raises IntegrityError."""
        with containers.opened(self.folder, self._keys[container_id], container_id, own=True) as container:
            return container.size()


def _bound(container_ids: tuple[str, ...]) -> bytes:
    return "\n".join(container_ids).encode()
