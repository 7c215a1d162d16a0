"""The process that speaks with Ray (`ray_driver.py`), seen from the process that holds keys.

1. Ray ends its process by itself (a head that was gone for a minute, a check that fails inside it): it may end that
   one. Whoever waited is told NotSearchable; whoever holds a `RayProcess` looks at `is_alive` and starts another.
2. It is started with nothing of this one: a channel, an environment without passphrases or addresses of databases, the
   root folder, a process group of its own, and a command line without words of anybody's.
3. It is made to end when it does not answer even long after the time that it was given: calls into Ray may hang.
4. It starts only where a token is named, and where the address is on this machine only if whoever listens there is of
   this account or root: the token is shown to nobody else (`listener.py`).
"""

import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from matcher.domain.shards import HANDED_ON, ClusterAddress
from matcher.errors import BadInput, MatcherError, NotSearchable, Refused, StorageFailed
from matcher.index.listener import require_trusted
from matcher.index.ray_messages import Told

Lend = Callable[[bytes], object]
GRACE = 0.5  # seconds that its answer may take to come, beside the time that it was given
HUNG = 10.0  # seconds after which it is ended where no answer came at all
JOINING = 60.0  # the same while it joins the cluster: to end it earlier would be to begin anew for ever
SECONDS_TO_LEAVE = 4.0
_PACKAGES = Path(__file__).resolve().parents[2]
ENDED = (
    "the index is degraded: the process that speaks with the cluster ended, as it does when the head is gone; "
    "nothing was searched: see matcher cluster status, then try again"
)


class RayProcess:
    """One process, which joins a cluster that has room for shards of these digests (empty: not known yet).

    `lend` seals keys to a public key; `tell` is given a line when the index is degraded.
    """

    def __init__(
        self, address: ClusterAddress, shards: Sequence[str], lend: Lend | None, tell: Callable[[str], None]
    ) -> None:
        environment = environment_for(address, os.environ)
        if find_spec("ray") is None:
            raise BadInput("a cluster needs ray: pip install 'watchlist-matcher[cluster]'")
        require_trusted(address)
        self._lend, self._tell = lend, tell
        self._waiting: dict[int, Future[Told]] = {}
        self._numbers, self._sending = count(1), threading.Lock()
        self._ended = self._closing = False
        ours, theirs = socket.socketpair()
        try:
            self._process = _started(theirs.fileno(), environment)
        except OSError as error:
            ours.close()
            raise StorageFailed(f"the process that speaks with a cluster cannot be started: {error.strerror}") from None
        finally:
            theirs.close()
        self._ours, self._channel = ours, Connection(os.dup(ours.fileno()))
        threading.Thread(target=self._listen, name="ray", daemon=True).start()
        _, self._joined = self._begun("open", (address, tuple(shards)))

    @property
    def is_alive(self) -> bool:
        """False once it is of no more use."""
        return not self._ended

    def ask(self, method: str, *arguments: object, seconds: float) -> Told:
        """Its answer to a question that may take it so long. Raises what it raises, NotSearchable where it ended."""
        number, answer = self._begun(method, (*arguments, seconds))
        try:
            return answer.result(seconds + GRACE)
        except TimeoutError:
            patience = threading.Timer(HUNG if self._joined.done() else JOINING, self._end_if_it_hangs, (number,))
            patience.daemon = True
            patience.start()
            raise NotSearchable(
                f"the index is degraded: the cluster did not answer in {seconds:.0f} s; nothing was searched: "
                "see matcher cluster status, then try again"
            ) from None

    def close(self) -> None:
        """Ends it, and its actors with it."""
        self._closing = self._ended = True
        with suppress(OSError):  # it ended, or this was called before
            self._ours.shutdown(socket.SHUT_RDWR)
        self._ours.close()
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _begun(self, method: str, arguments: tuple[object, ...]) -> "tuple[int, Future[Told]]":
        number, answer = next(self._numbers), Future[Told]()
        self._waiting[number] = answer
        self._send(number, method, arguments)
        if self._ended:  # maybe before it was written down that somebody waits
            self._no_more()
        return number, answer

    def _end_if_it_hangs(self, number: int) -> None:
        if number in self._waiting:
            self._process.kill()

    def _send(self, number: int, method: str, arguments: tuple[object, ...]) -> None:
        with self._sending, suppress(OSError):  # whoever waits hears of it from `_listen`
            self._channel.send_bytes(pickle.dumps((number, method, arguments)))

    def _listen(self) -> None:
        with suppress(EOFError, OSError, ValueError):
            while True:
                self._take(Told.unpack(self._channel.recv_bytes()))
        self._no_more()
        if not self._closing:
            self._tell("index degraded: the process that speaks with the cluster ended; another is started when needed")
            self._process.kill()
        self._process.wait()
        self._channel.close()
        self._ours.close()

    def _no_more(self) -> None:
        self._ended = True
        while self._waiting:
            with suppress(KeyError):
                self._waiting.popitem()[1].set_exception(NotSearchable(ENDED))

    def _take(self, told: Told) -> None:
        if told.kind == "tell":
            self._tell(str(told.head))
        elif told.kind == "lend":
            self._send(told.number, "lent", self._lent(told.parts[0]))
        elif told.kind == "answer":
            self._asked(told.number).set_result(told)
        else:
            self._ended = self._closing = self._ended or bool(told.head[2])
            self._asked(told.number).set_exception(told.error())

    def _asked(self, number: int) -> "Future[Told]":
        """Whose answer it is. Raises ValueError: nobody's."""
        if number not in self._waiting:
            raise ValueError("an answer to nothing")
        return self._waiting.pop(number)

    def _lent(self, public: bytes) -> tuple[object, MatcherError | None]:
        if self._lend is None:
            return None, Refused("nothing is lent here")
        try:
            return self._lend(public), None
        except MatcherError as error:
            return None, error


def environment_for(address: ClusterAddress, ours: Mapping[str, str]) -> dict[str, str]:
    """What Ray is told before it is imported: a token always, nothing reported. Raises Refused without a token."""
    if not (ours.get("RAY_AUTH_TOKEN") or ours.get("RAY_AUTH_TOKEN_PATH")):
        raise Refused("a cluster is never used without a token: matcher cluster start makes one")
    environment = {name: value for name, value in ours.items() if name in HANDED_ON or name.startswith("RAY_")}
    environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_BACKEND_LOG_LEVEL": "error",  # what goes wrong is told once, by us
        "RAY_NUM_REDIS_GET_RETRIES": "3",  # seconds until a head that does not answer is given up
        "PYTHONPATH": os.pathsep.join((*(str(Path(path or ".").resolve()) for path in sys.path), str(_PACKAGES))),
    }
    if address.reach == "loopback":
        # Else Ray resolves 127.0.0.1 to an address that others can reach.
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return environment


def _started(channel: int, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "matcher.index.ray_driver", str(channel)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # Ray prints what machines log
        stderr=subprocess.DEVNULL,  # where the terminal interface draws
        pass_fds=(channel,),
        cwd="/",
        env=environment,
        process_group=0,
    )
