"""One process that decodes pictures (`decoder_child.py`), seen from the process that holds keys and faces.

1. It is started with nothing of this one: two descriptors, an environment of its own, the root folder, a process group
   of its own (the interrupt key is for the program, not for a picture that is being decoded).
2. A picture that ends it, that takes longer than `Limits.seconds`, or whose answer makes no sense is `Rejected` by
   name, and the process is dead afterwards: whoever holds a `Decoder` looks at `is_alive` and starts another.
3. One that cannot be started at all is no picture's fault: StorageFailed.
"""

import fcntl
import mmap
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.errors import StorageFailed
from matcher.vision.confined import Limits
from matcher.vision.decoder_messages import ARENA, GO_ON, KEPT, MOST_MESSAGE, QUESTION, READY, VERY_LARGE, Answer
from matcher.vision.pixels import Pixels

_PACKAGES = Path(__file__).resolve().parents[2]
_HANDED_ON = ("LD_LIBRARY_PATH",)  # without it Python itself may not start
# What a small picture was unpacked in stays for the next one: given back each time, it is twenty page faults a picture,
# a seventh of what decoding 250 x 250 px takes. Blocks of large pictures still go back at once (mallopt(3)).
_KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(8 << 20)}
SECONDS_TO_START = 60.0
ANOTHER = "save it anew, or take another picture"


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Upright pixels, `shrunk` times smaller than the picture in either direction."""

    pixels: Pixels
    shrunk: int = 1


class Decoder:
    """A process, one picture at a time; whoever uses it sees to that."""

    def __init__(self, task: str, limits: Limits) -> None:
        self._limits = limits
        arena = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            os.ftruncate(arena, ARENA)
            fcntl.fcntl(arena, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._arena = mmap.mmap(arena, ARENA)
            self._process = _started((theirs.fileno(), arena), task, limits)
        except OSError as error:
            self._channel.close()
            raise StorageFailed(f"the process that decodes pictures cannot be started: {error.strerror}") from None
        finally:
            theirs.close()
            os.close(arena)
        self.is_ready = False

    @property
    def is_alive(self) -> bool:
        """False once a picture, or anything else, ended it."""
        return self._channel.fileno() >= 0 and self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Raises StorageFailed where it does not start."""
        if self.is_ready:
            return
        if self._heard(SECONDS_TO_START) != READY:
            ended = self._ended()
            raise StorageFailed(f"the process that decodes pictures does not start ({ended}): nothing was decoded")
        self.is_ready = True

    def raster(self, picture: Picture, own_turn: Callable[[], object]) -> Raster | Rejected:
        """What it makes of a picture; of a very large one once `own_turn` returns."""
        try:
            return self._made(picture, own_turn)
        except BaseException:  # interrupted: the answer that is on its way is nobody's
            self.close()
            raise

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        self._arena.close()

    def _made(self, picture: Picture, own_turn: Callable[[], object]) -> Raster | Rejected:
        self._arena[: len(picture.data)] = picture.data
        said = self._asked(QUESTION.pack(len(picture.data)))
        if said == VERY_LARGE:
            own_turn()
            said = self._asked(GO_ON)
        if said is None or said == b"":
            why = "it was not decoded after" if said is None else "it ended the process that decoded it"
            how = f" {self._limits.seconds:.0f} s" if said is None else f" ({self._ended()})"
            self.close()
            return Rejected(picture.name, Reason.UNREADABLE, f"{why}{how}: {ANOTHER}")
        answer = Answer.parse(said)
        if answer is None:
            self.close()
            return Rejected(
                picture.name, Reason.UNREADABLE, f"what decoded it gave no answer that makes sense: {ANOTHER}"
            )
        return self._taken(picture.name, answer, len(picture.data))

    def _taken(self, name: str, answer: Answer, asked: int) -> Raster | Rejected:
        if answer.reason is not None:
            self._give_back(asked)
            return Rejected(name, answer.reason, answer.detail)
        size = answer.height * answer.width * 3
        pixels = np.frombuffer(self._arena, np.uint8, size).reshape(answer.height, answer.width, 3).copy()
        pixels.flags.writeable = False
        self._give_back(max(asked, size))
        return Raster(pixels, answer.shrunk)

    def _give_back(self, used: int) -> None:
        if used > KEPT:
            self._arena.madvise(mmap.MADV_REMOVE, KEPT, ARENA // mmap.PAGESIZE * mmap.PAGESIZE - KEPT)

    def _asked(self, message: bytes) -> bytes | None:
        """Its next message; empty where it has ended, None where it says nothing in time."""
        try:
            self._channel.settimeout(None)
            self._channel.sendall(message)
        except OSError:
            return b""
        return self._heard(self._limits.seconds)

    def _heard(self, seconds: float) -> bytes | None:
        for wait in (seconds, 0.0):  # this program may have been stopped meanwhile (job control): look once more
            self._channel.settimeout(wait)
            try:
                return self._channel.recv(MOST_MESSAGE)
            except TimeoutError:
                continue
            except BlockingIOError:
                return None
            except OSError:  # it ended with a message of ours unread
                return b""
        return None

    def _ended(self) -> str:
        """How, for people. It is made to end where it has not."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return "nothing was heard of it"
        if code >= 0:
            return f"exit {code}"
        known = {one.value: one.name for one in signal.Signals}  # most of the real-time signals have no name
        return known.get(-code, f"signal {-code}")


def _started(descriptors: tuple[int, int], task: str, limits: Limits) -> subprocess.Popen[bytes]:
    told = (*descriptors, task, limits.processor_seconds, limits.memory, limits.very_large_memory)
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    # -S: nothing is looked for that this process has not found; -P: least of all in the folder it was started from.
    paths = [str(Path(path or ".").resolve()) for path in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join((*paths, str(_PACKAGES)))
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **_KEEPS_MEMORY}
    return subprocess.Popen(
        [sys.executable, "-S", "-P", "-m", "matcher.vision.decoder_child", *map(str, told)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # where the terminal interface draws
        pass_fds=descriptors,
        cwd="/",
        env=environment,
        process_group=0,
    )
