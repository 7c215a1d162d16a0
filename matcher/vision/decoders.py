"""Processes that decode pictures for the threads of this one: started when they are needed, kept, replaced.

1. A picture goes to one that is idle. Another is started where a thread has waited `PATIENCE`: small pictures, decoded
   in a millisecond of the fourteen that a face takes, share one, photographs get one for each thread.
2. One that a picture ended is replaced when the next picture comes. One that ended while idle was no picture's doing:
   the picture goes to another.
3. Of pictures that take gigabytes one is worked on at a time (`limits.py`), from decoding until its pixels are let go.
4. One of them takes 25 MB that it shares with nobody. All but one end with a load, whose next steps need the memory;
   all end with this process, however that ends.
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from time import monotonic

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.confined import Limits
from matcher.vision.decoder import Decoder, Raster
from matcher.vision.limits import MAX_BYTES, too_many_bytes
from matcher.vision.pixels import Pixels

PATIENCE = 0.02
FOR_TEMPLATES = "matcher.vision.decode:FOR_TEMPLATES"
FOR_EYES = "matcher.vision.viewing:FOR_EYES"


class Decoders:
    """For one task, named `module:attribute`."""

    def __init__(self, task: str = FOR_TEMPLATES, limits: Limits | None = None) -> None:
        self._task = task
        self._limits = Limits() if limits is None else limits
        self._free = threading.Condition()
        self._every: list[Decoder] = []
        self._idle: list[Decoder] = []
        self._very_large = threading.Lock()

    def prepare(self) -> None:
        """Starts one without waiting for it, unless there is one."""
        with self._free:
            if not self._every:
                self._idle.append(self._another())

    @contextmanager
    def raster(self, picture: Picture) -> Iterator[Raster | Rejected]:
        """What is made of a picture, for as long as it is worked on. Raises StorageFailed where none can be started."""
        if len(picture.data) > MAX_BYTES:
            yield Rejected(picture.name, Reason.TOO_LARGE, too_many_bytes(len(picture.data)))
            return
        with ExitStack() as turn:
            decoder = self._borrowed()
            try:
                made = decoder.raster(picture, lambda: turn.enter_context(self._very_large))
            finally:
                self._returned(decoder)
            yield made

    def pixels(self, picture: Picture) -> Pixels | Rejected:
        """The pixels alone, of a picture that is not very large or not worked on beside others."""
        with self.raster(picture) as made:
            return made if isinstance(made, Rejected) else made.pixels

    def close(self, kept: int = 0) -> None:
        """Ends those that nobody uses, but for so many."""
        with self._free:
            while self._idle and len(self._every) > kept:
                decoder = self._idle.pop()
                self._every.remove(decoder)
                decoder.close()

    @property
    def count(self) -> int:
        """How many processes there are."""
        with self._free:
            return len(self._every)

    def _another(self) -> Decoder:
        decoder = Decoder(self._task, self._limits)
        self._every.append(decoder)
        return decoder

    def _borrowed(self) -> Decoder:
        until = monotonic() + PATIENCE
        with self._free:
            self._forget_the_dead()
            while not self._idle:
                if not self._every or (monotonic() >= until and all(one.is_ready for one in self._every)):
                    self._idle.append(self._another())
                else:
                    self._free.wait(PATIENCE)
            decoder = self._idle.pop()
        try:
            decoder.wait_until_ready()
        except BaseException:
            decoder.close()
            self._returned(decoder)
            raise
        return decoder

    def _forget_the_dead(self) -> None:
        for decoder in [one for one in self._idle if not one.is_alive]:
            self._idle.remove(decoder)
            self._every.remove(decoder)
            decoder.close()

    def _returned(self, decoder: Decoder) -> None:
        with self._free:
            if decoder.is_alive:
                self._idle.append(decoder)
            else:
                self._every.remove(decoder)
            self._free.notify()


@cache
def decoders(task: str = FOR_TEMPLATES) -> Decoders:
    """Those of this process."""
    made = Decoders(task)
    atexit.register(made.close)
    return made


if hasattr(os, "register_at_fork"):  # a child that asked its parent's would take its parent's answers
    os.register_at_fork(after_in_child=decoders.cache_clear)
