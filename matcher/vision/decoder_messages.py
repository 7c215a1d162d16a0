"""What a process that decodes and the one that asks it say to each other: two kinds of small messages, and an arena.

1. The arena is memory that both have mapped (memfd_create(2)): the file's bytes go over in it, the pixels come back in
   it. It is as large as the largest picture that is taken, sealed against shrinking (a page that is taken away would
   end whoever reads it), and takes no memory where nothing was written. What lies behind `KEPT` is given back.
2. A question is the number of bytes. An answer is one `Answer`, or before it `VERY_LARGE`: the picture waits until it
   is told to go on, because of such pictures one is worked on at a time.
3. Whoever decodes has read a stranger's bytes. Its words are taken for nothing more: a size that fits the arena, one of
   five reasons, a line that can be printed. Anything else is None, and whoever said it is ended.
"""

import struct
from dataclasses import dataclass

from matcher.domain.rejection import Reason
from matcher.vision.limits import MAX_BYTES, MAX_JPEG_PIXELS, MAX_SIDE

ARENA = max(MAX_BYTES, 3 * MAX_JPEG_PIXELS)
KEPT = 16 << 20
MOST_MESSAGE = 1_024
MOST_SHRUNK = 8
READY, VERY_LARGE, GO_ON = b"ready", b"very large", b"go on"
QUESTION = struct.Struct("<Q")
REASONS = (
    Reason.UNREADABLE,
    Reason.TOO_LARGE,
    Reason.NOT_A_PICTURE,
    Reason.FORMAT_NOT_INSTALLED,
    Reason.SEVERAL_FRAMES,
)
_PIXELS = struct.Struct("<cIII")
_REASON = struct.Struct("<cB")


@dataclass(frozen=True, slots=True)
class Answer:
    """Either pixels (height, width, 3) at the start of the arena, `shrunk` times smaller, or the reason why not."""

    height: int = 0
    width: int = 0
    shrunk: int = 1
    reason: Reason | None = None
    detail: str = ""

    def encode(self) -> bytes:
        """The message."""
        if self.reason is None:
            return _PIXELS.pack(b"p", self.height, self.width, self.shrunk)
        return _REASON.pack(b"r", REASONS.index(self.reason)) + self.detail.encode("utf-8")

    @classmethod
    def parse(cls, message: bytes) -> "Answer | None":
        """What was said; None for what nobody says who is sound."""
        kind = message[:1]
        if kind == b"p" and len(message) == _PIXELS.size:
            _, height, width, shrunk = _PIXELS.unpack(message)
            return cls(height, width, shrunk) if _fits(height, width, shrunk) else None
        if kind == b"r" and len(message) >= _REASON.size:
            _, number = _REASON.unpack_from(message)
            return _reason(number, message[_REASON.size :])
        return None


def _fits(height: int, width: int, shrunk: int) -> bool:
    sides = 0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE
    return sides and height * width * 3 <= ARENA and 0 < shrunk <= MOST_SHRUNK


def _reason(number: int, raw: bytes) -> Answer | None:
    try:
        detail = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if number >= len(REASONS) or not detail.isprintable():
        return None
    return Answer(reason=REASONS[number], detail=detail)
