"""The shards of a list as the process that speaks with Ray knows them: made, loaded, asked, made anew.

1. A shard is a Ray actor (`shard.py`). Ray alone places, watches and carries; nothing here outlives the process.
2. An answer is given when every shard gave its part and every part bears the digest that the shard was loaded with;
   one that is missing, late or of other rows makes the whole search fail.
3. An actor that is gone is made anew wherever Ray places it, must find the digest it had, and is asked again, all
   within the time of one search; what is not ready then goes on loading.
4. A machine of another release is asked nothing. A container that was altered is an IntegrityError, as on one machine.
5. Locks are held while something is written down, never while anything is waited for.
6. Queries travel in pieces below the 100 KiB from which Ray would put them into its shared object store.
"""

import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import ray

from matcher import __version__
from matcher.domain.ports import LentShard
from matcher.domain.shards import RESOURCE, ClusterAddress
from matcher.errors import IntegrityError, MatcherError, NotSearchable
from matcher.index.shard import Hello, Shard, kernels_digest

Tell = Callable[[str], None]
Lend = Callable[[bytes], tuple[LentShard, bytes]]  # what a public key is given: which containers, and their keys sealed
_OPTIONS = {"num_cpus": 0, "resources": {RESOURCE: 1}, "max_restarts": 0, "scheduling_strategy": "SPREAD"}


class HeadIsAnother(NotSearchable):
    """The head is not the one that this process joined: nothing can be asked of it through this connection."""


@dataclass(slots=True, eq=False)
class _Held:
    """One shard: its actor, what it was asked to do first, and the digest it must have."""

    digest: str
    actor: Any = None
    hello: Any = None
    opened: Any = None
    ready: bool = False


class RayShards:
    """The shards of one revision; `digests` are those that they must have, empty ones where nobody knows yet."""

    def __init__(self, digests: Sequence[str], lend: Lend, tell: Tell) -> None:
        self._held = [_Held(digest) for digest in digests]
        self._lend, self._tell, self._lock = lend, tell, Lock()

    @property
    def digests(self) -> list[str]:
        """What the shards were loaded as."""
        return [held.digest for held in self._held]

    def load(self, deadline: float, some: Sequence[int] | None = None) -> dict[int, Any]:
        """The actors of all shards, or of some, loaded until a time of the monotonic clock.

        Raises NotSearchable, IntegrityError.
        """
        wanted = range(len(self._held)) if some is None else some
        for shard in wanted:
            self._begun(shard)
        for shard in wanted:  # all of them load at once
            self._key_sent(shard, deadline)
        return {shard: self._ready(shard, deadline) for shard in wanted}

    def ask(self, method: str, calls: Sequence[tuple[Any, ...]], seconds: float) -> list[list[Any]]:
        """What every shard answers to each call, all of it, within a time. Raises NotSearchable, IntegrityError."""
        deadline = time.monotonic() + seconds
        told: dict[tuple[int, int], Any] = {}
        wanted = [(call, shard) for call in range(len(calls)) for shard in range(len(self._held))]
        while missing := [key for key in wanted if key not in told]:
            actors = self.load(deadline, sorted({shard for _, shard in missing}))
            asked = {getattr(actors[shard], method).remote(*calls[call]): (call, shard) for call, shard in missing}
            while asked:
                done, late = ray.wait(list(asked), num_returns=len(asked), timeout=min(1.0, _left(deadline)))
                for ref in done:
                    call, shard = asked.pop(ref)
                    with _Replacing(self, shard, actors[shard]):
                        told[call, shard] = self._checked(shard, actors[shard], ray.get(ref))
                if late and _left(deadline) <= 0:
                    raise self.degraded(asked[late[0]][1], f"did not answer in {seconds:.0f} s")
        return [[told[call, shard] for shard in range(len(self._held))] for call in range(len(calls))]

    def each(self, method: str, seconds: float) -> list[Any]:
        """What each shard's process says of itself."""
        return [getattr(actor, method).remote() for actor in self.load(time.monotonic() + seconds).values()]

    def end(self, shard: int) -> None:
        """Kills the actor of a shard, as a fault would."""
        actor = self._held[shard].actor
        if actor is not None:
            ray.kill(actor)

    def lost(self, shard: int, actor: Any, why: str) -> None:
        """Forgets an actor that is gone: whoever asks next makes another.

        It may only be out of reach, and would keep its place on its machine once that is back: so it is ended too.
        """
        with self._lock:
            held = self._held[shard]
            if held.actor is not actor or actor is None:
                return  # somebody saw it first
            held.actor, held.ready, held.opened = None, False, None
        with suppress(ray.exceptions.RayError):
            ray.kill(actor)
        self._tell(f"index degraded: shard {shard + 1} of {len(self._held)} {why}; it is being loaded elsewhere")

    def degraded(self, shard: int, what: str) -> NotSearchable:
        """Why nothing was searched."""
        return NotSearchable(
            f"the index is degraded: shard {shard + 1} of {len(self._held)} {what}; nothing was searched: "
            "see matcher cluster status, then try again"
        )

    def refused(self, shard: int, actor: Any, error: MatcherError) -> MatcherError:
        """What a shard would not do. Its actor is given up, so that a mended machine is tried anew."""
        self.lost(shard, actor, "refused")
        if isinstance(error, IntegrityError):
            return IntegrityError(f"shard {shard + 1} of {len(self._held)}: {error}")
        return self.degraded(shard, f"refused: {error}")

    def _begun(self, shard: int) -> _Held:
        """A copy of what is known of a shard that has an actor."""
        with self._lock:
            held = self._held[shard]
            if held.actor is None:
                held.actor = ray.remote(Shard).options(**_OPTIONS).remote()
                held.hello, held.opened, held.ready = held.actor.hello.remote(), None, False
            return _Held(held.digest, held.actor, held.hello, held.opened, held.ready)

    def _key_sent(self, shard: int, deadline: float) -> None:
        """Has a shard asked to load, unless its actor is gone: then it is made anew later."""
        known = self._begun(shard)
        if known.opened is None:
            with _Replacing(self, shard, known.actor):
                hello = self._in_time(shard, known.hello, deadline, "has no node that would hold it")
                self._require_release(shard, known.actor, hello)
                lent, sealed = self._lend(hello.public)
                with self._lock:
                    held = self._held[shard]
                    if held.actor is known.actor and held.opened is None:
                        held.opened = held.actor.open.remote(lent, sealed, shard, len(self._held))

    def _ready(self, shard: int, deadline: float) -> Any:
        while not (known := self._begun(shard)).ready:
            if known.opened is None:
                self._key_sent(shard, deadline)
                continue
            with _Replacing(self, shard, known.actor):
                digest = self._in_time(shard, known.opened, deadline, "is still being loaded")
                if known.digest not in ("", digest):
                    self.lost(shard, known.actor, "holds other rows")
                    raise self.degraded(shard, "was loaded from another revision")
                with self._lock:
                    held = self._held[shard]
                    if held.actor is known.actor:
                        held.digest, held.ready = digest, True
        return known.actor

    def _require_release(self, shard: int, actor: Any, hello: Any) -> None:
        theirs = (hello.release, hello.kernels) if isinstance(hello, Hello) else ("of another kind", "")
        if theirs != (__version__, kernels_digest()):
            self.lost(shard, actor, "is of another release")
            raise self.degraded(
                shard,
                f"is on a machine with another release of this program (matcher {theirs[0]}, here {__version__}), "
                "which may score otherwise",
            )

    def _checked(self, shard: int, actor: Any, answer: Any) -> Any:
        if answer[0] != self._held[shard].digest:
            self.lost(shard, actor, "holds other rows")
            raise self.degraded(shard, "answered from other rows than were loaded")
        return answer

    def _in_time(self, shard: int, ref: Any, deadline: float, otherwise: str) -> Any:
        try:
            return ray.get(ref, timeout=max(0.001, _left(deadline)))
        except ray.exceptions.GetTimeoutError:
            raise self.degraded(shard, otherwise) from None


class _Replacing:
    """Turns the loss of an actor into its replacement, and what a shard refused into our errors."""

    def __init__(self, shards: RayShards, shard: int, actor: Any) -> None:
        self._shards, self._shard, self._actor = shards, shard, actor

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, ray.exceptions.RayTaskError):
            cause = error.cause
            told = cause if isinstance(cause, MatcherError) else NotSearchable(type(cause).__name__)
            raise self._shards.refused(self._shard, self._actor, told) from None
        if isinstance(error, ray.exceptions.AuthenticationError):
            return False  # `translated`
        if isinstance(error, ray.exceptions.RayError):
            self._shards.lost(self._shard, self._actor, "is gone")
            return True
        return False


class translated:  # noqa: N801 - read as a word: with translated():
    """Ray's own errors are ours: nothing was searched, and the operator is told so."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ray.exceptions.AuthenticationError):
            raise HeadIsAnother(
                "the index is degraded: the head of the cluster was started anew, or has another token; nothing was "
                "searched: start its nodes anew too (matcher cluster start --join), then try again"
            ) from None
        if isinstance(error, ray.exceptions.RayError | ConnectionError | RuntimeError | ValueError):
            raise NotSearchable(
                f"the index is degraded: the cluster does not answer ({type(error).__name__}); nothing was searched: "
                "see matcher cluster status, then try again"
            ) from None


def join(address: ClusterAddress) -> None:
    """Joins this process to the cluster at an address. Raises NotSearchable."""
    try:
        ray.init(address=address.endpoint, namespace="matcher", log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise NotSearchable(
            f"no cluster answers at {address.endpoint} with this token ({type(error).__name__}): "
            "see matcher cluster status"
        ) from None


def head_is_another(address: ClusterAddress) -> bool:
    """Whether another cluster answers where this process joined one; False where none does.

    What was asked of the one that is gone may wait for ever.
    """
    untyped: Any = ray
    try:
        socket.create_connection((address.host, address.port), timeout=1).close()
        found = untyped._raylet.GcsClient(address=address.endpoint).cluster_id
    except (OSError, RuntimeError, ray.exceptions.RayError):
        return False
    return bool(found != untyped._private.worker.global_worker.node.cluster_id)


def require_room(shards: int) -> None:
    """Raises NotSearchable where the machines that are there would not hold so many."""
    untyped: Any = ray
    room = int(untyped.cluster_resources().get(RESOURCE, 0))
    if room < shards:
        raise NotSearchable(
            f"the cluster has room for {room} of {shards} shards; nothing was searched: "
            "start more nodes (matcher cluster start --join)"
        )


def machines() -> list[tuple[str, bool, int]]:
    """Address, whether it is alive, and how many shards it would hold, of every machine that the head knows."""
    untyped: Any = ray
    found = untyped.nodes()
    return [(one["NodeManagerAddress"], one["Alive"], int(one.get("Resources", {}).get(RESOURCE, 0))) for one in found]


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
