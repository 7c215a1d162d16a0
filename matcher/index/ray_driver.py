"""`python -m matcher.index.ray_driver CHANNEL`: the process that speaks with Ray, and holds no key.

1. It is started by `ray_process.py` alone. Ray may end it (an aborted check, a head that was gone for a minute), print
   into it, and write its command line into the cluster's tables: none of that is the program's then.
2. Questions come as (number, method, arguments), and are answered side by side, each with one `Told`.
3. Keys are asked for: a shard's public key goes out, what was sealed to it comes back, and passes by.
4. It ends when its channel does, and its actors with it.
"""

import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import ray

from matcher.domain.ports import LentShard
from matcher.domain.shards import ClusterAddress
from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import MatcherError, NotSearchable
from matcher.index.ray_messages import Told, error_head
from matcher.index.ray_shards import HeadIsAnother, RayShards, head_is_another, join, machines, require_room, translated
from matcher.index.shard import Found

AT_ONCE = 64  # questions
SECONDS_TO_LEAVE = 3.0
Parts = tuple[Any, tuple[bytes, ...]]


class Driver:
    """Questions and their answers."""

    def __init__(self, channel: "Connection[Any, Any]") -> None:
        self._channel, self._sending = channel, threading.Lock()
        self._lent: dict[int, Future[tuple[LentShard, bytes]]] = {}
        self._numbers = count(1)
        self._joined: Future[None] = Future()
        self._address: ClusterAddress | None = None  # once it was joined
        self._looking = threading.Lock()
        self._shards = RayShards((), self._lend, self._tell)

    def serve(self) -> None:
        """Until the channel ends."""
        with suppress(EOFError, OSError):
            pool = ThreadPoolExecutor(AT_ONCE)
            while True:
                number, method, arguments = pickle.loads(self._channel.recv_bytes())  # noqa: S301 - our own parent
                if method == "lent":
                    _settle(self._lent.pop(number), *arguments)
                else:
                    pool.submit(self._answered, number, method, arguments)

    def open(self, address: ClusterAddress, digests: Sequence[str]) -> Parts:
        """Joins a cluster that has room for so many shards; nothing is loaded yet."""
        try:
            join(address)
            self._shards = RayShards(digests, self._lend, self._tell)
            with translated():
                require_room(len(digests))
        except MatcherError as error:
            self._joined.set_exception(error)
            raise
        self._address = address
        self._joined.set_result(None)
        return None, ()

    def load(self, seconds: float) -> Parts:
        """The digests of the shards, when all are loaded."""
        self._shards.load(time.monotonic() + seconds)
        return self._shards.digests, ()

    def answer(self, calls: Sequence[tuple[Floats, Millionths]], seconds: float) -> Parts:
        """Digests and works; for each query subjects and scores, score descending, then subject."""
        told: list[list[Found]] = self._shards.ask("answer", calls, seconds)
        works = [answer[2] for answers in told for answer in answers]
        parts = [part for call, answers in zip(calls, told, strict=True) for part in _merged(len(call[0]), answers)]
        return [self._shards.digests, works], tuple(parts)

    def maxima(self, calls: Sequence[tuple[Floats, Scores | None]], seconds: float) -> Parts:
        """Digests; for each call the best score of each query."""
        told = self._shards.ask("maxima", calls, seconds)
        best = [np.max([np.frombuffer(answer[1], "<i4") for answer in answers], axis=0) for answers in told]
        return [self._shards.digests], tuple(one.tobytes() for one in best)

    def each(self, method: str, seconds: float) -> Parts:
        """A number that each shard's process says of itself."""
        return ray.get(self._shards.each(method, seconds), timeout=seconds), ()

    def end(self, shard: int, _seconds: float) -> Parts:
        """Kills the actor of a shard."""
        self._shards.end(shard)
        return None, ()

    def machines(self, _seconds: float) -> Parts:
        """The machines of the cluster."""
        return machines(), ()

    def _answered(self, number: int, method: str, arguments: tuple[Any, ...]) -> None:
        try:
            told = self._made(number, method, arguments)
        except MatcherError as error:
            failed = self._joined.done() and self._joined.exception() is not None
            told = Told(number, "error", error_head(error, failed or isinstance(error, HeadIsAnother)))
        except BaseException:  # noqa: BLE001 - the edge of a process: nothing it says can be relied on any more
            os._exit(1)
        with suppress(OSError):
            self._send(told)
        if told.kind == "error":
            self._end_where_the_head_is_another()

    def _end_where_the_head_is_another(self) -> None:
        """So that the next question is asked of the cluster that is there now."""
        if self._address is not None and self._looking.acquire(blocking=False):
            if head_is_another(self._address):
                os._exit(1)
            self._looking.release()

    def _made(self, number: int, method: str, arguments: tuple[Any, ...]) -> Told:
        if method == "open":
            head, parts = self.open(*arguments)
        else:
            *before, seconds = arguments
            until = time.monotonic() + seconds
            self._wait_until_joined(seconds)
            with translated():
                head, parts = getattr(self, method)(*before, max(0.0, until - time.monotonic()))
        return Told(number, "answer", head, parts)

    def _wait_until_joined(self, seconds: float) -> None:
        try:
            self._joined.result(seconds)
        except TimeoutError:
            raise NotSearchable(
                "the index is degraded: the cluster is still being joined; nothing was searched: try again"
            ) from None

    def _lend(self, public: bytes) -> tuple[LentShard, bytes]:
        number, asked = next(self._numbers), Future[tuple[LentShard, bytes]]()
        self._lent[number] = asked
        self._send(Told(number, "lend", None, (public,)))
        return asked.result()

    def _tell(self, line: str) -> None:
        self._send(Told(0, "tell", line))

    def _send(self, told: Told) -> None:
        frame = told.pack()
        with self._sending:
            self._channel.send_bytes(frame)


def _settle(asked: "Future[tuple[LentShard, bytes]]", lent: Any, error: MatcherError | None) -> None:
    if error is None:
        asked.set_result(lent)
    else:
        asked.set_exception(error)


def _merged(queries: int, answers: list[Found]) -> list[bytes]:
    merged = []
    for query in range(queries):
        told = [[np.frombuffer(part, "<i4") for part in answer[1][query]] for answer in answers]
        subjects, scores = (np.concatenate(parts) for parts in zip(*told, strict=True))
        order = np.lexsort((subjects, -scores.astype(np.int64)))
        merged += [subjects[order].tobytes(), scores[order].tobytes()]
    return merged


def _leave(act: Callable[[], object]) -> None:
    """Leaves the cluster if it lets us in time, and ends."""
    threading.Timer(SECONDS_TO_LEAVE, os._exit, (1,)).start()
    act()
    os._exit(0)


if __name__ == "__main__":
    Driver(Connection(int(sys.argv[1]))).serve()
    _leave(ray.shutdown)
