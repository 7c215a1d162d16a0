"""The same answers from the shards of a Ray cluster, or an error: never an answer from a part of a list.

1. A shard holds all templates of its subjects (`domain/shards.py`, `shard.py`): the kernels, the order and the score
   bits are those of one machine.
2. A process of its own speaks with Ray (`ray_process.py`, `ray_shards.py`); this one, which holds the keys, imports
   none of it. It compares the digests that answered with those that were loaded.
3. When that process ends, whoever searches is told NotSearchable, and the next search starts another, which joins the
   cluster at its address anew and must find the same digests.
4. The process is a driver on a machine of the cluster (`ray.init`), not Ray's client: the client sends everything
   through a process on the head, which would keep probes in its object store and lose the search with the connection.
5. There is no "the k most similar" here either, since there is none on one machine.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

import numpy as np

from matcher import kernels
from matcher.domain.engine import EXACT
from matcher.domain.ports import Lender, LentShard
from matcher.domain.search import Hit, SearchAnswer, Work
from matcher.domain.shards import ClusterAddress, ClusterNode
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput, NotSearchable
from matcher.index.ray_messages import Told
from matcher.index.ray_process import RayProcess
from matcher.kernels import checks

PATIENCE = 5.0  # seconds that a search of up to 64 queries waits, recovery included
QUERIES_A_PATIENCE = 64
STARTING = 30.0  # seconds that a first start of all actors may take
ROWS_A_SECOND = 20_000  # loading slower than this is given up on; measured: 86,000 on two busy cores
_PIECE = 64 << 10  # bytes of queries in one call

Tell = Callable[[str], None]


class ClusterIndex:
    """`ports.Index` over the shards of a cluster. Made by `opened` only."""

    def __init__(self, lender: Lender, shape: tuple[int, int], address: ClusterAddress, tell: Tell) -> None:
        self.revision_digest = lender.facts.revision_digest
        self.n_templates, self._d = shape
        self.patience = PATIENCE
        self.shards: tuple[str, ...] = ("",) * address.shards
        self._lender, self._address, self._tell = lender, address, tell
        self._process: RayProcess | None = None
        self._starting = Lock()

    @classmethod
    def opened(
        cls, lender: Lender, shape: tuple[int, int], address: ClusterAddress, tell: Tell = lambda _: None
    ) -> "ClusterIndex":
        """An index of a revision of `shape` (n, d) on the cluster at an address, when all its shards are loaded.

        `tell` is given a line when the index is degraded and what is done. Raises NotSearchable, IntegrityError,
        Refused, BadInput.
        """
        index = cls(lender, shape, address, tell)
        try:
            index.shards = index._loaded(STARTING + shape[0] / ROWS_A_SECOND)
        except BaseException:
            index.close()
            raise
        return index

    @property
    def engine(self) -> str:
        """What a certificate binds: every shard is exact."""
        return EXACT

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer:
        """As `ExactIndex.at_or_above`, to the bit. Raises BadInput, NotSearchable, IntegrityError."""
        if abs(threshold) > MILLION:
            raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
        self._require_queries(queries)
        if not len(queries):
            return SearchAnswer((), Work(self.n_templates, 0, kernels.path(), 1))
        calls = [(part, int(threshold)) for part in self._parts(queries)]
        told = self._whole(self._asked("answer", calls, len(queries)))
        works = told.head[1]
        numbers = [np.frombuffer(part, "<i4").tolist() for part in told.parts]
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        hits = tuple(tuple(Hit(*hit) for hit in zip(*pair, strict=True)) for pair in pairs)
        if len(hits) != len(queries):
            raise NotSearchable("the cluster answered another number of queries; nothing was searched: try again")
        paths = "+".join(sorted({work[2] for work in works}))
        threads = sum(work[3] for work in works[: len(self.shards)])
        return SearchAnswer(hits, Work(self.n_templates, sum(work[1] for work in works), paths, threads))

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        """As `ExactIndex.maxima`, to the bit. Raises BadInput, NotSearchable, IntegrityError."""
        self._require_queries(queries)
        if excluded is not None:
            checks.require_numbers("excluded", excluded, count=len(queries), least=-1)
        if not len(queries):
            return np.empty(0, np.int32)
        parts = self._parts(queries)
        starts = np.cumsum([0, *(len(part) for part in parts)])
        calls = [
            (part, None if excluded is None else excluded[start : start + len(part)])
            for part, start in zip(parts, starts.tolist(), strict=False)
        ]
        told = self._whole(self._asked("maxima", calls, len(queries)))
        return np.concatenate([np.frombuffer(part, "<i4") for part in told.parts]).astype(np.int32)

    def resident(self) -> list[int]:
        """Bytes of memory of each shard's process."""
        return list(self._asked("each", "resident", 1).head)

    def pids(self) -> list[int]:
        """The number of each shard's process on its machine."""
        return list(self._asked("each", "pid", 1).head)

    def end(self, shard: int) -> None:
        """Kills the actor of a shard, as a fault would."""
        self._asked("end", shard, 1)

    def close(self) -> None:
        """Ends the process that speaks with Ray, and its actors with it, and with them what they hold."""
        if self._process is not None:
            self._process.close()

    def _asked(self, method: str, what: object, count: int) -> Told:
        seconds = self.patience * max(1, math.ceil(count / QUERIES_A_PATIENCE))
        return self._running().ask(method, what, seconds=seconds)

    def _whole(self, told: Told) -> Told:
        """An answer of the shards that were loaded when the index was opened."""
        if tuple(told.head[0]) != self.shards:
            raise NotSearchable(
                "the cluster answered from other rows than were loaded; nothing was searched: try again"
            )
        return told

    def _loaded(self, seconds: float) -> tuple[str, ...]:
        return tuple(self._running().ask("load", seconds=seconds).head)

    def _running(self) -> RayProcess:
        """The process, or another one where it ended, which joins the cluster while it is asked already."""
        with self._starting:
            if self._process is None or not self._process.is_alive:
                if self._process is not None:
                    self._process.close()
                self._process = RayProcess(self._address, self.shards, self._lend, self._tell)
            return self._process

    def _lend(self, public: bytes) -> tuple[LentShard, bytes]:
        return self._lender.facts, self._lender.seal(public)

    def _parts(self, queries: Floats) -> list[Floats]:
        most = max(1, _PIECE // max(1, 4 * self._d))
        return [np.ascontiguousarray(queries[at : at + most]) for at in range(0, len(queries), most)]

    def _require_queries(self, queries: Floats) -> None:
        checks.require_unit("queries", queries)
        checks.require_queries(queries, self._d)


class ClusterView:
    """The machines of a cluster, asked for as often as somebody wants to know."""

    def __init__(self, address: ClusterAddress) -> None:
        self._address = address
        self._process: RayProcess | None = None

    def nodes(self, seconds: float = STARTING) -> tuple[ClusterNode, ...]:
        """The machines. Raises NotSearchable, Refused, BadInput."""
        told = self._asked(seconds)
        found = (ClusterNode(str(address), bool(alive), int(shards)) for address, alive, shards in told.head)
        return tuple(sorted(found, key=lambda node: (node.address, not node.alive, node.shards)))

    def close(self) -> None:
        """Leaves the cluster."""
        if self._process is not None:
            self._process.close()

    def _asked(self, seconds: float) -> Told:
        if self._process is not None and self._process.is_alive:
            with suppress(NotSearchable):  # the head may be another one since it was last asked: then we join that
                return self._process.ask("machines", seconds=seconds)
        self.close()
        self._process = RayProcess(self._address, (), None, lambda _: None)
        return self._process.ask("machines", seconds=seconds)
