"""The same answers from the shards of a Ray cluster, or an error: never an answer from a part of a list.

1. A shard is a Ray actor that holds all templates of its subjects (`domain/shards.py`) in an `ExactIndex`: the kernels,
   the order and the score bits are those of one machine.
2. Every answer carries the digest of the shard that gave it. One that is missing, late or of another digest makes the
   whole search fail (NotSearchable); answers are merged only when all are there, by (score descending, subject).
3. An actor that is gone is made anew wherever Ray places it, opens its shard from the sealed containers, must find the
   digest it had, and is asked again, all within the patience of one search; what is not ready then goes on loading.
4. Ray alone places, watches and carries. Actors die with the process that made them, and so do the keys they hold.
5. The driver is a process on a machine of the cluster (`ray.init`), not Ray's client: the client sends everything
   through a process on the head, which would keep probes in its object store and lose the search with the connection.
6. Queries travel in pieces below the 100 KiB from which Ray would put them into its shared object store.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np

from matcher import kernels
from matcher.domain.engine import EXACT
from matcher.domain.ports import Lender, LentShard, RowReader
from matcher.domain.revision import Screen
from matcher.domain.search import Hit, SearchAnswer, Work
from matcher.domain.shards import ClusterAddress, ClusterNode, ShardDigest, pieces, placed
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.errors import BadInput, IntegrityError, MatcherError, NotSearchable, Refused
from matcher.index.exact import ExactIndex
from matcher.kernels import checks, codes

PATIENCE = 5.0  # seconds that a search of up to 64 queries waits, recovery included
QUERIES_A_PATIENCE = 64
STARTING = 20.0  # seconds that a first start of all actors may take
ROWS_A_SECOND = 20_000  # loading slower than this is given up on; measured: 86,000 on two busy cores
_PIECE = 64 << 10  # bytes of queries in one call
RESOURCE = "matcher_shard"  # what a node offers for each shard that it would hold

Found = tuple[str, list[tuple[bytes, bytes]], tuple[int, int, str, int]]
Tell = Callable[[str], None]


class Shard:
    """What runs in an actor. It is made without a key, and draws the one to which keys are sealed."""

    def __init__(self) -> None:
        self._private = os.urandom(32)
        self._index: ExactIndex | None = None
        self._digest = ""

    def hello(self) -> bytes:
        """The raw X25519 public key of this process."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.from_private_bytes(self._private).public_key().public_bytes_raw()

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

    def maxima(self, queries: Floats, excluded: Scores | None) -> tuple[str, Scores]:
        """The shard's digest and the best score of each query."""
        return self._digest, self._opened().maxima(queries, excluded)

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


@dataclass(frozen=True, slots=True, eq=False)
class _PartOfRows:
    """`ports.RowReader` over some rows of another, by their place among them."""

    rows: RowReader = field(repr=False)
    mine: Scores = field(repr=False)

    def take(self, numbers: Scores) -> Floats:
        """Rows by place, ascending and distinct."""
        return self.rows.take(self.mine[numbers])


@dataclass(slots=True, eq=False)
class _Held:
    """One shard as the driver knows it: its actor, what it was last asked to do first, and the digest it must have."""

    actor: Any = None
    hello: Any = None
    opened: Any = None
    ready: bool = False
    digest: str = ""


class ClusterIndex:
    """`ports.Index` over the shards of a cluster. Made by `opened` only."""

    def __init__(self, lender: Lender, shape: tuple[int, int], shards: int, tell: Tell) -> None:
        self.revision_digest = lender.facts.revision_digest
        self.n_templates, self._d = shape
        self.patience = PATIENCE
        self._lender, self._tell, self._lock = lender, tell, RLock()
        self._held = [_Held() for _ in range(shards)]

    @classmethod
    def opened(
        cls, lender: Lender, shape: tuple[int, int], address: ClusterAddress, tell: Tell = lambda _: None
    ) -> "ClusterIndex":
        """An index of a revision of `shape` (n, d) on the cluster at an address, when all its shards are loaded.

        `tell` is given a line when the index is degraded and what is done. Raises NotSearchable, Refused, BadInput.
        """
        connect(address)
        index = cls(lender, shape, address.shards, tell)
        index.load(time.monotonic() + STARTING + shape[0] / ROWS_A_SECOND)
        return index

    @property
    def engine(self) -> str:
        """What a certificate binds: every shard is exact."""
        return EXACT

    @property
    def shards(self) -> tuple[str, ...]:
        """The digests of the shards that answer."""
        return tuple(held.digest for held in self._held)

    def load(self, deadline: float) -> None:
        """Has every shard loaded until a time of the monotonic clock. Raises NotSearchable."""
        _require_room(len(self._held))
        for held in self._held:
            self._begin(held)
        for shard, held in enumerate(self._held):
            with self._replacing(shard, held.actor):
                self._send_keys(shard, held, deadline)
        for shard in range(len(self._held)):
            self._make_ready(shard, deadline)

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer:
        """As `ExactIndex.at_or_above`, to the bit. Raises BadInput, NotSearchable."""
        if abs(threshold) > MILLION:
            raise BadInput(f"threshold {threshold} must be between -{MILLION} and {MILLION} millionths")
        self._require_queries(queries)
        parts = self._parts(queries)
        told = self._everywhere("answer", [(part, int(threshold)) for part in parts], len(queries))
        hits = [one for part, answers in zip(parts, told, strict=True) for one in _merged(len(part), answers)]
        works = [answer[2] for answers in told for answer in answers]
        survivors = sum(work[1] for work in works)
        paths = "+".join(sorted({work[2] for work in works})) or kernels.path()
        threads = sum(answer[2][3] for answer in told[0]) if told else 1
        return SearchAnswer(tuple(hits), Work(self.n_templates, survivors, paths, threads))

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        """As `ExactIndex.maxima`. Raises BadInput, NotSearchable."""
        self._require_queries(queries)
        if excluded is not None:
            checks.require_numbers("excluded", excluded, count=len(queries), least=-1)
        ends = np.cumsum([len(part) for part in self._parts(queries)]).tolist()
        calls = [
            (queries[at:end], None if excluded is None else excluded[at:end])
            for at, end in zip([0, *ends], ends, strict=False)
        ]
        told = self._everywhere("maxima", calls, len(queries))
        best = [np.max([answer[1] for answer in answers], axis=0) for answers in told]
        return np.concatenate(best).astype(np.int32) if best else np.empty(0, np.int32)

    def resident(self) -> list[int]:
        """Bytes of memory of each shard's process."""
        return [_got(held.actor.resident.remote(), self.patience) for held in self._held]

    def end(self, shard: int) -> None:
        """Kills the actor of a shard, as a fault would."""
        import ray

        ray.kill(self._held[shard].actor)

    def close(self) -> None:
        """Ends the actors, and with them what they hold."""
        import ray

        for held in self._held:
            if held.actor is not None:
                with suppress(ray.exceptions.RayError):
                    ray.kill(held.actor)
            held.actor, held.ready = None, False

    def _parts(self, queries: Floats) -> list[Floats]:
        most = max(1, _PIECE // max(1, 4 * self._d))
        return [np.ascontiguousarray(queries[at : at + most]) for at in range(0, len(queries), most)]

    def _require_queries(self, queries: Floats) -> None:
        checks.require_unit("queries", queries)
        checks.require_queries(queries, self._d)

    def _everywhere(self, method: str, calls: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
        """What every shard answers to each call, all of it. Raises NotSearchable."""
        import ray

        deadline = time.monotonic() + self.patience * max(1, math.ceil(count / QUERIES_A_PATIENCE))
        told: dict[tuple[int, int], Any] = {}
        wanted = [(call, shard) for call in range(len(calls)) for shard in range(len(self._held))]
        while missing := [key for key in wanted if key not in told]:
            for shard in {shard for _, shard in missing}:
                self._make_ready(shard, deadline)
            asked = {}
            for call, shard in missing:
                actor = self._held[shard].actor
                asked[getattr(actor, method).remote(*calls[call])] = (call, shard, actor)
            while asked:
                done, late = ray.wait(list(asked), num_returns=len(asked), timeout=min(1.0, _left(deadline)))
                for ref in done:
                    call, shard, actor = asked.pop(ref)
                    with self._replacing(shard, actor):
                        told[call, shard] = self._checked(shard, ray.get(ref))
                if late and _left(deadline) <= 0:
                    raise self._degraded(asked[late[0]][1], f"did not answer in {self.patience:g} s")
        return [[told[call, shard] for shard in range(len(self._held))] for call in range(len(calls))]

    def _checked(self, shard: int, answer: Any) -> Any:
        if answer[0] != self._held[shard].digest:
            self.lost(shard, self._held[shard].actor, "holds other rows")
            raise self._degraded(shard, "answered from other rows than were loaded")
        return answer

    def _make_ready(self, shard: int, deadline: float) -> None:
        """A shard whose actor has loaded what it must. Raises NotSearchable when it is not there in time."""
        held = self._held[shard]
        while not held.ready:
            with self._lock:
                actor = self._begin(held)
                with self._replacing(shard, actor):
                    self._send_keys(shard, held, deadline)
                    digest = self._in_time(shard, held.opened, deadline, "is still being loaded")
                    if held.digest not in ("", digest):
                        self.lost(shard, actor, "holds other rows")
                        raise self._degraded(shard, "was loaded from another revision")
                    held.digest, held.ready = digest, True

    def _begin(self, held: _Held) -> Any:
        if held.actor is None:
            import ray

            options = {"num_cpus": 0, "resources": {RESOURCE: 1}, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
            held.actor = ray.remote(Shard).options(**options).remote()
            held.hello, held.opened, held.ready = held.actor.hello.remote(), None, False
        return held.actor

    def _send_keys(self, shard: int, held: _Held, deadline: float) -> None:
        if held.opened is None and held.actor is not None:
            public = self._in_time(shard, held.hello, deadline, "has no node that would hold it")
            sealed = self._lender.seal(public)
            held.opened = held.actor.open.remote(self._lender.facts, sealed, shard, len(self._held))

    def _in_time(self, shard: int, ref: Any, deadline: float, otherwise: str) -> Any:
        import ray

        try:
            return ray.get(ref, timeout=max(0.001, _left(deadline)))
        except ray.exceptions.GetTimeoutError:
            raise self._degraded(shard, otherwise) from None

    def _replacing(self, shard: int, actor: Any) -> "_Replacing":
        return _Replacing(self, shard, actor)

    def lost(self, shard: int, actor: Any, why: str) -> None:
        """Forgets an actor that is gone: whoever asks next makes another."""
        with self._lock:
            held = self._held[shard]
            if held.actor is not actor or actor is None:
                return  # somebody saw it first
            held.actor, held.ready, held.opened = None, False, None
        self._tell(f"index degraded: shard {shard + 1} of {len(self._held)} {why}; it is being loaded elsewhere")

    def failed(self, shard: int, error: MatcherError) -> NotSearchable:
        """What a shard refused to do; its actor is given up, so that a mended machine is tried anew."""
        self.lost(shard, self._held[shard].actor, "refused")
        return self._degraded(shard, f"refused: {error}")

    def _degraded(self, shard: int, what: str) -> NotSearchable:
        return NotSearchable(
            f"the index is degraded: shard {shard + 1} of {len(self._held)} {what}; nothing was searched: "
            "see matcher cluster status, then try again"
        )


class _Replacing:
    """Turns the loss of an actor into its replacement, and what a shard refused into NotSearchable."""

    def __init__(self, index: ClusterIndex, shard: int, actor: Any) -> None:
        self._index, self._shard, self._actor = index, shard, actor

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        import ray

        if isinstance(error, ray.exceptions.RayTaskError):
            cause = error.cause
            if isinstance(cause, MatcherError):
                raise self._index.failed(self._shard, cause) from None
            raise self._index.failed(self._shard, IntegrityError(type(cause).__name__)) from None
        if isinstance(error, ray.exceptions.RayError) and not isinstance(error, ray.exceptions.GetTimeoutError):
            self._index.lost(self._shard, self._actor, "is gone")
            return True
        return False


def connect(address: ClusterAddress) -> None:
    """Joins this process to the cluster at an address, with a token. Raises NotSearchable, Refused, BadInput."""
    prepare_environment(address, os.environ)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise BadInput(f"a cluster needs {error.name}: pip install 'watchlist-matcher[cluster]'") from None
    if ray.is_initialized():
        if ray.get_runtime_context().gcs_address == address.endpoint:
            return
        ray.shutdown()
    _require_open(address)
    try:
        _silence(ray)
        ray.init(address=address.endpoint, namespace="matcher", log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise NotSearchable(
            f"no cluster answers at {address.endpoint} with this token ({type(error).__name__}): "
            "see matcher cluster status"
        ) from None


def _require_open(address: ClusterAddress) -> None:
    """Ray would wait for minutes where nobody listens. Raises NotSearchable."""
    import socket

    try:
        socket.create_connection((address.host, address.port), timeout=3).close()
    except OSError as error:
        raise NotSearchable(
            f"no cluster answers at {address.endpoint} ({error.strerror or 'no answer in 3 s'}): "
            "start one (matcher cluster start), or unset MATCHER_INDEX"
        ) from None


def _silence(ray: Any) -> None:
    """Keeps the logs of machines off stdout, where Ray prints them whatever `log_to_driver` says (2.60)."""
    worker = ray._private.worker
    worker.print_to_stdstream = lambda *_, **__: None


def nodes(address: ClusterAddress) -> tuple[ClusterNode, ...]:
    """The machines of a cluster. Raises NotSearchable, Refused, BadInput."""
    connect(address)
    import ray

    found = (
        ClusterNode(one["NodeManagerAddress"], one["Alive"], int(one.get("Resources", {}).get(RESOURCE, 0)))
        for one in ray.nodes()
    )
    return tuple(sorted(found, key=lambda node: (node.address, not node.alive, node.shards)))


def prepare_environment(address: ClusterAddress, environment: Any) -> None:
    """What Ray must be told before it is imported: a token always, nothing reported. Raises Refused without one."""
    if not (environment.get("RAY_AUTH_TOKEN") or environment.get("RAY_AUTH_TOKEN_PATH")):
        raise Refused("a cluster is never used without a token: matcher cluster start makes one")
    environment["RAY_AUTH_MODE"] = "token"
    environment["RAY_USAGE_STATS_ENABLED"] = "0"
    environment["RAY_BACKEND_LOG_LEVEL"] = "error"  # what goes wrong is told once, by us
    environment["RAY_NUM_REDIS_GET_RETRIES"] = "3"  # seconds until a head that does not answer is given up
    if address.reach == "loopback":
        # Else Ray resolves 127.0.0.1 to an address that others can reach.
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def _require_room(shards: int) -> None:
    import ray

    room = int(ray.cluster_resources().get(RESOURCE, 0))
    if room < shards:
        raise NotSearchable(
            f"the cluster has room for {room} of {shards} shards: start more nodes (matcher cluster start --join)"
        )


def _merged(count: int, answers: list[Found]) -> list[tuple[Hit, ...]]:
    merged = []
    for query in range(count):
        found: list[tuple[int, int]] = []
        for _, told, _ in answers:
            subjects, scores = (np.frombuffer(part, "<i4").tolist() for part in told[query])
            found += zip(subjects, scores, strict=True)
        merged.append(tuple(Hit(*hit) for hit in sorted(found, key=lambda hit: (-hit[1], hit[0]))))
    return merged


def _packed(numbers: Any) -> bytes:
    return np.fromiter(numbers, "<i4").tobytes()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _got(ref: Any, timeout: float) -> Any:
    import ray

    return ray.get(ref, timeout=timeout)
