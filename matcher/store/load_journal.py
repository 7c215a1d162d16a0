"""What an unfinished load has made of its pictures: `ports.LoadJournal` over a record file.

1. The first record says when the load began and which revision it makes; every other one is what became of one picture,
   by the digest of its bytes: a face, or the reason why there is none.
2. A picture's result depends on its bytes, the model and the limits alone. What decides which load is which (`binding`)
   is in the file's name and key: HKDF of the home's key, so that the name tells nothing to whoever lacks it.
3. Pictures that are not taken because something is not installed here are not written down: it may be by the next run.
4. In memory is one number for each digest that an earlier run left; its result is opened when it is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.domain.face import Face, FacePlace, QualityMeasures
from matcher.domain.ids import RandomBytes, utc_text, utc_time
from matcher.domain.records import LoadBegun
from matcher.domain.rejection import Reason, Rejected
from matcher.errors import IntegrityError
from matcher.store.crypto import subkey
from matcher.store.record_file import RecordFile

SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class _Made:
    """One picture: `template` float32 little-endian with place and measures, or a reason."""

    digest: bytes
    template: bytes | None = None
    place: FacePlace | None = None
    quality: QualityMeasures | None = None
    reason: Reason | None = None
    detail: str = ""


class Journal:
    """`ports.LoadJournal`; `begun` is what the file says, `known` how many results it held when it was opened."""

    def __init__(self, file: RecordFile, begin: LoadBegun) -> None:
        self._file = file
        self._numbers: dict[bytes, int] = {}
        self.begun = self._read_all() if len(file) else self._write_begun(begin)
        self.known = len(self._numbers)
        self.cut = file.cut

    def result(self, digest: str, source: str) -> Face | Rejected | None:
        """What became of these bytes, or None. Raises IntegrityError, StorageFailed."""
        number = self._numbers.get(bytes.fromhex(digest))
        if number is None:
            return None
        made = _decoded(self._file.read(number))
        if made.reason is not None:
            return Rejected(source, made.reason, made.detail)
        if made.template is None or made.place is None or made.quality is None:
            raise IntegrityError("a result in the journal of a load is incomplete: load with --restart")
        template = np.frombuffer(made.template, "<f4").astype(np.float32, copy=False)
        return Face(made.place, made.quality, template)

    def add(self, digest: str, result: Face | Rejected) -> None:
        """Writes down what became of a picture. Raises StorageFailed."""
        import msgspec

        key = bytes.fromhex(digest)
        if isinstance(result, Face):
            template = np.ascontiguousarray(result.template, "<f4").tobytes()
            made = _Made(key, template, result.place, result.quality)
        elif result.reason is Reason.FORMAT_NOT_INSTALLED:
            return
        else:
            made = _Made(key, reason=result.reason, detail=result.detail)
        self._file.append(msgspec.msgpack.encode(made))

    def restart(self, begin: LoadBegun) -> None:
        """Forgets everything. Raises StorageFailed."""
        self._file.clear()
        self._numbers.clear()
        self.known = self.cut = 0
        self.begun = self._write_begun(begin)

    def discard(self) -> None:
        """Removes the file. Raises StorageFailed."""
        self._file.discard()

    def _read_all(self) -> LoadBegun:
        import msgspec

        for number in range(1, len(self._file)):
            self._numbers[_decoded(self._file.read(number)).digest] = number
        revision_id, at = msgspec.msgpack.decode(self._file.read(0), type=tuple[str, str])
        return LoadBegun(revision_id, utc_time(at))

    def _write_begun(self, begin: LoadBegun) -> LoadBegun:
        import msgspec

        self._file.append(msgspec.msgpack.encode((begin.revision_id, utc_text(begin.at))))
        return begin


@contextmanager
def journal_of(folder: Path, key: bytes, binding: str, begin: LoadBegun, random: RandomBytes) -> Iterator[Journal]:
    """The journal of a load, with what an earlier run of it left. Raises Refused while another process has it."""
    path = folder / f"{journal_id(key, binding)}{SUFFIX}"
    file = RecordFile(path, key, random)
    try:
        yield Journal(file, begin)
    finally:
        file.close()


def journal_id(key: bytes, binding: str) -> str:
    """The name of a load's journal: 32 hex digits that tell nothing to whoever lacks the home key."""
    return subkey(key, f"journal/{binding}")[:16].hex()


def _decoded(record: bytes) -> _Made:
    import msgspec

    try:
        return msgspec.msgpack.decode(record, type=_Made)
    except msgspec.DecodeError:
        raise IntegrityError("the journal of a load holds what no load writes: load with --restart") from None
