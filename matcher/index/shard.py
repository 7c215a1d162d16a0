"""What one process of a cluster holds: the templates of the subjects of one shard, in an `ExactIndex`.

1. It is made without a key and draws the one to which keys are sealed (`store/lending.py`).
2. It says which release it is of and what its kernels make of fixed rows (`Hello`): another is not asked to search.
3. Its digest is a function of the rows it read; every answer carries it.
"""

import hashlib
import os
from dataclasses import dataclass, field

import numpy as np

from matcher import __version__, kernels
from matcher.domain.ports import LentShard, RowReader
from matcher.domain.revision import Screen
from matcher.domain.shards import ShardDigest, pieces, placed
from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import IntegrityError
from matcher.index.exact import ExactIndex
from matcher.kernels import codes

Found = tuple[str, list[tuple[bytes, bytes]], tuple[int, int, str, int]]


@dataclass(frozen=True, slots=True)
class Hello:
    """The raw X25519 public key of a process, its release, and a digest of what its kernels make of fixed rows."""

    public: bytes
    release: str
    kernels: str


class Shard:
    """What runs in an actor."""

    def __init__(self) -> None:
        self._private = os.urandom(32)
        self._index: ExactIndex | None = None
        self._digest = ""

    def hello(self) -> Hello:
        """Who this process is."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        public = X25519PrivateKey.from_private_bytes(self._private).public_key().public_bytes_raw()
        return Hello(public, __version__, kernels_digest())

    def open(self, lent: LentShard, sealed: bytes, shard: int, shards: int) -> str:
        """Loads a shard from the sealed containers on this machine; its digest. Raises IntegrityError."""
        ids, owners, rows = lent.open(self._private, sealed)
        mine = np.flatnonzero(placed(ids, owners, shards) == shard).astype(np.int32)
        self._index, self._digest = loaded(lent.revision_digest, mine, owners, rows, (shard, shards))
        return self._digest

    def answer(self, queries: Floats, threshold: Millionths) -> Found:
        """The shard's digest, for each query subjects and scores (int32 bytes), and the work."""
        answer = self._opened().at_or_above(queries, threshold)
        told = [(_packed(hit.subject for hit in hits), _packed(hit.score for hit in hits)) for hits in answer.hits]
        work = answer.work
        return self._digest, told, (work.rows, work.survivors, work.path, work.threads)

    def maxima(self, queries: Floats, excluded: Scores | None) -> tuple[str, bytes]:
        """The shard's digest and the best score of each query (int32 bytes)."""
        return self._digest, self._opened().maxima(queries, excluded).astype("<i4").tobytes()

    def pid(self) -> int:
        """The number of this process on its machine."""
        return os.getpid()

    def resident(self) -> int:
        """Bytes of memory of this process."""
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of anybody's
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _opened(self) -> ExactIndex:
        if self._index is None:
            raise IntegrityError("this shard holds nothing")
        return self._index


def loaded(
    revision_digest: str, mine: Scores, owners: Scores, rows: RowReader, place: tuple[int, int]
) -> tuple[ExactIndex, str]:
    """The index over rows `mine` of a revision and the digest of the shard: one pass over its rows."""
    digest, at = ShardDigest(revision_digest, *place), 0
    d = rows.take(np.empty(0, np.int32)).shape[1]
    made = codes.empty_codes(len(mine), d, 4)
    for numbers, part in pieces(mine, rows):
        digest.take(owners[numbers], part)
        data = codes.encode(part, 4).data
        made[at : at + len(data)] = data
        at += len(data)
    made.flags.writeable = False
    subjects = np.ascontiguousarray(owners[mine])
    subjects.flags.writeable = False
    screen = Screen(revision_digest, 4, d, made, subjects, ())
    return ExactIndex.opened(screen, _PartOfRows(rows, mine)), digest.hex()


def kernels_digest() -> str:
    """sha256 (hex) of the unit vectors, canonical scores and codes that this program makes of fixed whole numbers.

    The same on every path and machine; a release that scored otherwise would give another one.
    """
    numbers = (np.arange(1, 33 * 67 + 1, dtype=np.int64) * 2_654_435_761) % 1_009 - 504
    rows = kernels.normalise(numbers.astype(np.float32).reshape(33, 67))
    made = (rows, kernels.canonical_scores(rows[:5], rows), codes.encode(rows, 4).data)
    return hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in made)).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _PartOfRows:
    """`ports.RowReader` over some rows of another, by their place among them."""

    rows: RowReader = field(repr=False)
    mine: Scores = field(repr=False)

    def take(self, numbers: Scores) -> Floats:
        """Rows by place, ascending and distinct."""
        return self.rows.take(self.mine[numbers])


def _packed(numbers: "object") -> bytes:
    return np.fromiter(numbers, "<i4").tobytes()  # type: ignore[call-overload,no-any-return]
