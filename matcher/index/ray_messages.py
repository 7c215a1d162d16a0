"""What the process that speaks with Ray tells the one that holds keys (`ray_process.py`): no object, no code.

A frame is a JSON head and byte strings. What machines of a cluster send is made into objects in the other process only,
which holds no key; here it is numbers and bytes.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any

from matcher import errors
from matcher.errors import MatcherError, NotSearchable

_LENGTH = struct.Struct("<I")
_KINDS = {one.__name__: one for one in (errors.NotSearchable, errors.IntegrityError, errors.BadInput, errors.Refused)}


@dataclass(frozen=True, slots=True)
class Told:
    """`number` of the question, `kind` ("answer", "error", "lend", "tell"), what JSON holds, and bytes beside it."""

    number: int
    kind: str
    head: Any = None
    parts: tuple[bytes, ...] = ()

    def pack(self) -> bytes:
        """The frame."""
        head = json.dumps([self.number, self.kind, self.head, [len(part) for part in self.parts]]).encode()
        return b"".join((_LENGTH.pack(len(head)), head, *self.parts))

    @classmethod
    def unpack(cls, frame: bytes) -> "Told":
        """The inverse. Raises ValueError."""
        try:
            (length,) = _LENGTH.unpack_from(frame)
            number, kind, head, sizes = json.loads(frame[_LENGTH.size : _LENGTH.size + length])
            at, parts = _LENGTH.size + length, []
            for size in sizes:
                parts.append(frame[at : at + size])
                at += size
        except (struct.error, TypeError, UnicodeDecodeError) as error:
            raise ValueError("no frame") from error
        if at != len(frame) or not isinstance(number, int) or not isinstance(kind, str):
            raise ValueError("no frame")
        return cls(number, kind, head, tuple(parts))

    def error(self) -> MatcherError:
        """The error that an "error" frame tells of."""
        kind, text, _ = self.head
        return _KINDS.get(kind, NotSearchable)(str(text))


def error_head(error: MatcherError, final: bool) -> list[Any]:
    """`Told.head` of an error; `final`: the process that tells it is of no more use."""
    kind = next((one.__name__ for one in type(error).__mro__ if one.__name__ in _KINDS), "NotSearchable")
    return [kind, str(error), final]
