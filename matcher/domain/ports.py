"""What the use cases need from the outside, as Protocols; `bootstrap.py` alone names the classes behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from matcher.domain.backup import BackupHead
from matcher.domain.engine import Factory
from matcher.domain.erasure import Sought
from matcher.domain.face import Face, Picture
from matcher.domain.records import (
    LoadBegun,
    NewKeys,
)
from matcher.domain.rejection import Rejected
from matcher.domain.revision import Remains, Revision, RevisionContent, Screen
from matcher.domain.search import SearchAnswer
from matcher.domain.template import Floats, Millionths, ModelIdentity, Scores

if TYPE_CHECKING:
    # pydantic is only loaded where a policy is read
    from matcher.domain.policy import Quality

# --- vision -----------------------------------------------------------------------------------------------------------


class FacePipeline(Protocol):
    """Pictures in, templates or reasons out."""

    @property
    def identity(self) -> ModelIdentity:
        """What makes these templates."""

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        """One result per picture, in order."""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        """Every face of a probe picture, or the one reason why there is none."""

    @property
    def touchstone(self) -> bytes:
        """What this machine makes of the shipped faces (`domain/touchstone.py`)."""


# --- keys -------------------------------------------------------------------------------------------------------------


class UnlockedKeys(Protocol):
    """What a passphrase opened."""

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 (32 bytes)."""

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032)."""

    @property
    def vault(self) -> Vault | None:
        """None for an auditor, who holds no home key."""

    def keys_for(self, name: str, passphrase: str, holds_home_key: bool) -> NewKeys:
        """Keys for another user, with this user's home key wrapped for them. Raises MissingRole without one."""

    def under(self, passphrase: str) -> bytes:
        """The same keys as an encoded key record under another passphrase. Raises BadInput for a weak one."""

    def next_home_key(self) -> NextHomeKey:
        """Another home key, not yet in use. Raises MissingRole without one."""


class NextHomeKey(Protocol):
    """The home key that is to follow. It salts as the one before (`Vault.salt`)."""

    @property
    def vault(self) -> Vault:
        """What seals under it."""

    def record_with(self, record: bytes) -> bytes:
        """An encoded key record that holds it instead of the one before; an auditor's as it is."""

    def for_recovery(self, recovery_public: bytes) -> bytes:
        """It, sealed to the recovery key."""


class Keyring(Protocol):
    """Makes and opens keys."""

    def new_recovery(self) -> tuple[str, bytes]:
        """A recovery code to print once, and its public key."""

    def first_user(self, name: str, passphrase: str, recovery_public: bytes) -> NewKeys:
        """Makes the home key: wrapped for its first user and sealed to the recovery key."""

    def recovered(self, code: str, sealed: bytes, who: tuple[str, str], recovery_public: bytes) -> NewKeys:
        """Keys for a new user, `who` by name and passphrase, with the home key that a recovery code opens.

        The home key is sealed to another recovery key. Raises BadInput for a mistyped code, WrongPassphrase.
        """

    def unlock(self, record: bytes, passphrase: str) -> UnlockedKeys:
        """Raises WrongPassphrase."""


class Archive(Protocol):
    """Makes backups of a home."""

    def require_free(self, out: Path) -> None:
        """Raises BadInput where a backup cannot be written, Refused for a home whose database is on a server."""

    def write(self, vault: Vault, out: Path, head: BackupHead, progress: Callable[[int, int], None]) -> int:
        """Writes a backup, sealed, whole or not at all; how many bytes are in it. Raises StorageFailed."""


# --- sealed store -----------------------------------------------------------------------------------------------------


class ContainerWriter(Protocol):
    """An authenticated container being written; nothing of it stays unless `keep` is called."""

    container_id: str

    def append(self, data: bytes) -> int:
        """Adds bytes and returns their offset."""

    def keep(self) -> None:
        """Syncs the container to disk under its name."""


class LoadJournal(Protocol):
    """What an unfinished load has made of its pictures, sealed as it goes; it outlives the process that keeps it."""

    @property
    def begun(self) -> LoadBegun:
        """As the first run of this load wrote it."""

    @property
    def known(self) -> int:
        """How many results earlier runs left."""

    @property
    def cut(self) -> int:
        """Bytes at the end of what earlier runs left that were not whole, and are gone."""

    def result(self, digest: str, source: str) -> Face | Rejected | None:
        """What became of these bytes (sha256, hex) in an earlier run, called `source` now; None if it is not known."""

    def add(self, digest: str, result: Face | Rejected) -> None:
        """Writes down what became of a picture: from here on the kill of this process does not undo it."""

    def restart(self, begin: LoadBegun) -> None:
        """Forgets what earlier runs left."""

    def discard(self) -> None:
        """Removes the journal."""


class ContainerReader(Protocol):
    """Opens containers, all of a home's or those that were lent."""

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        """Bytes of a container; only the chunks needed are opened. Raises IntegrityError."""

    def size(self, container_id: str) -> int:
        """The plain length of a container in bytes."""


class Vault(Protocol):
    """Seals and opens with the home key: AES-256-GCM with `purpose` as associated data, so nothing can be moved."""

    def seal(self, purpose: str, data: bytes) -> bytes:
        """A sealed value: nonce and ciphertext."""

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The inverse. Raises IntegrityError when it was altered or sealed for another purpose."""

    def new_container(self, container_id: str) -> AbstractContextManager[ContainerWriter]:
        """A container under construction; on leaving without `keep` its file is removed."""

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        """Bytes of a container; only the chunks needed are opened. Raises IntegrityError."""

    def holds(self, container_id: str) -> bool:
        """Whether a container of that id is there."""

    def salt(self, revision_id: str, subject_id: str) -> bytes:
        """32 bytes that nobody knows without the home key, the same every time (`domain/listed.py`)."""

    def size(self, container_id: str) -> int:
        """The plain length of a container in bytes."""

    def remove(self, container_id: str) -> None:
        """Removes a container's file, and unfinished ones of its id (nothing happens if there are none)."""

    def new_backup(self, path: Path, head: BackupHead) -> AbstractContextManager[ContainerWriter]:
        """A backup under construction, `head` readable without a key; on leaving without `keep` nothing stays."""

    def new_successor(self, container_id: str, erasure_id: str) -> AbstractContextManager[ContainerWriter]:
        """What is to replace a container once an erasure is committed; on leaving without `keep` it is nothing."""

    def discard_journals(self) -> int:
        """Removes the journals of interrupted loads; how many. Raises Refused while a load is under way."""

    def load_journal(self, binding: str, begin: LoadBegun) -> AbstractContextManager[LoadJournal]:
        """The journal of the load that `binding` describes, held by this process alone. Raises Refused otherwise."""

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Removes what killed loads left: containers of no `known` revision, untouched since `before`."""

    def sweep_journals(self, before: datetime) -> int:
        """Removes journals of loads that nobody went on with since `before`."""


class Revisions(Protocol):
    """Sealed content of revisions, kept in containers named after the revision."""

    def write(self, vault: Vault, revision_id: str, content: RevisionContent, screen: Screen) -> None:
        """Seals items, templates and what a search keeps in memory; leaves nothing behind when it fails."""

    def screen(self, vault: Vault, revision: Revision) -> tuple[Screen, RowReader]:
        """What a search keeps in memory, and where it reads the rest. Raises IntegrityError."""

    def read(self, vault: Vault, revision: Revision) -> RevisionContent:
        """Opens everything and checks the content digest. Raises Refused where people were erased, IntegrityError."""

    def left(self, vault: Vault, revision: Revision) -> RevisionContent:
        """What is left of a revision, all of it where nobody was erased. Raises IntegrityError."""

    def discard(self, vault: Vault, revision_id: str) -> None:
        """Removes what `write` made, for a load whose transaction failed."""

    def present(self, revision: Revision) -> bool:
        """Whether the containers, or those that an erasure left, are there; needs no key."""

    def write_left(self, vault: Vault, revision_id: str, erasure_id: str, content: RevisionContent) -> None:
        """Seals what an erasure leaves of a revision, beside what there is."""

    def drop(self, erasure_id: str) -> None:
        """Removes what was sealed for an erasure that was never committed."""

    def hold(self, erasure_id: str, container_ids: Sequence[str]) -> None:
        """Raises StorageFailed unless everything that is to be exchanged is there."""

    def exchange(self, erasure_id: str, left: Sequence[tuple[str, Remains]]) -> None:
        """Puts what a committed erasure left in the place of what there was; needs no key, and twice is once."""

    def containers(self, revision_ids: frozenset[str]) -> Sequence[str]:
        """The ids of the containers of revisions that are there; needs no key."""

    def samples(self, container_ids: Sequence[str]) -> Sequence[bytes]:
        """Sealed bytes of containers as they lie on the disk."""

    def sought(self, samples: Sequence[bytes]) -> Sought:
        """Searches every file of the home for samples of what was erased."""


class RowReader(Protocol):
    """Float rows of a revision, read when a search has to look at them."""

    def take(self, numbers: Scores) -> Floats:
        """Unit float32 rows (k, d) by number, int32 (k,) ascending and distinct. Raises IntegrityError."""


class Index(Protocol):
    """The templates of one revision, ready to be searched at a threshold. There is no search by rank."""

    @property
    def revision_digest(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def shards(self) -> tuple[str, ...]:
        """The digests of the shards that answer (`domain/shards.py`); none where one machine answers."""

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer: ...
    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores: ...


class IndexOpener(Protocol):
    """Opens the index of a sealed revision: its screen in memory, its rows where they are sealed."""

    def __call__(self, screen: Screen, rows: RowReader) -> Index: ...


class LentShard(Protocol):
    """What a machine of a cluster is told of a sealed revision: no key. It can be sent there."""

    @property
    def revision_digest(self) -> str: ...
    def open(self, private: bytes, sealed: bytes) -> tuple[tuple[str, ...], Scores, RowReader]:
        """There: the subjects' ids, the subject of each row, and its sealed rows, by keys sealed to an X25519 key.

        Raises IntegrityError where the containers on that machine are not those of the revision.
        """


class Lender(Protocol):
    """Lends a revision's templates to machines that were asked to search them."""

    @property
    def facts(self) -> LentShard: ...
    def seal(self, public: bytes) -> bytes:
        """The keys of exactly the containers that are needed, sealed to a raw X25519 public key."""


class Screener(Protocol):
    """Makes what a search keeps in memory of a revision."""

    def __call__(self, content: RevisionContent, revision_digest: str) -> Screen: ...


class IndexBuilder(Protocol):
    """Builds the index of one revision in memory."""

    def __call__(self, templates: Floats, subjects: Scores, revision_digest: str) -> Index:
        """`templates` float32 (n, d) unit, `subjects` int32 (n,): the number of the subject of each row."""


class ApproximateIndex(Index, Protocol):
    """An index that may leave somebody out, and says of what structure it is."""

    @property
    def structure(self) -> str: ...
    def joined(self, templates: Floats, subjects: Scores) -> Index:
        """The same index with rows added and nothing trained anew."""


class ApproximateEngine(Protocol):
    """Builds approximate indexes, always from the rows themselves."""

    def build(
        self, factory: Factory, templates: Floats, subjects: Scores, revision_digest: str
    ) -> ApproximateIndex: ...
    def opened(self, factory: Factory, screen: Screen, rows: RowReader) -> ApproximateIndex: ...
