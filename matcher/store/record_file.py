"""A file of sealed records that grows: what is in it survives whatever ends the program that writes it.

    header    magic (8) | version (2, little-endian) | length of the id (2) | salt (32) | id (ASCII)
    records   length of the rest (4, little-endian) | nonce (12) | AES-256-GCM of the record

1. A file has a key of its own: HKDF of a subkey of the home key, the random salt and the id. Nonces are random: what
   is written where something was cut off has another nonce (SP 800-38D section 8.3 allows 2^32 under one key).
2. Associated data are the whole header and the record's number: a record that was altered, moved, repeated, left out
   or brought from another file does not open.
3. Opening reads from the front and cuts the file off before the first record that is not whole: what was half written,
   and what was altered with all that follows it. Nothing behind a cut is trusted.
4. A record is one write: the kill of a process takes none that was written. They are synced once a second, as they are
   written: a power cut takes the last second's at most.
5. One process at a time has a file open (flock); a second one is refused.
"""

import fcntl
import os
import stat
from array import array
from pathlib import Path
from time import monotonic

from matcher.domain.ids import RandomBytes
from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.store.crypto import NONCE_BYTES, TAG_BYTES, Aead, subkey
from matcher.store.files import sync_folder

MOST_BYTES = 1 << 20  # of a record as it lies in the file; a template of 4,096 dimensions takes 16 KiB
SYNCED_EVERY = 1.0  # seconds

_MAGIC = b"WLMATCHJ"
_VERSION = 1
_SALT_BYTES = 32
_LENGTH_BYTES = 4
_PIECE = 1 << 20
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RecordFile:
    """An open, locked record file. `cut` is how many bytes at its end were cut off when it was opened."""

    def __init__(self, path: Path, key: bytes, random: RandomBytes) -> None:
        self._path = path
        self._name = path.stem
        self._key = key
        self._random = random
        self._offsets = array("Q")
        self.cut = 0
        try:
            self._file = _locked(path)
            try:
                self._begin()
            except BaseException:
                os.close(self._file)
                raise
        except OSError as error:
            raise self._failed(error) from None
        self._synced = monotonic()

    def __len__(self) -> int:
        return len(self._offsets)

    def append(self, record: bytes) -> None:
        """Adds a record. Raises StorageFailed; then the file is good for reading only."""
        number, nonce = len(self), self._random(NONCE_BYTES)
        sealed = nonce + self._aead.seal(nonce, record, self._bound_to(number))
        if len(sealed) > MOST_BYTES:
            raise ValueError(f"a record of {len(sealed)} bytes is too long")
        try:
            _write(self._file, len(sealed).to_bytes(_LENGTH_BYTES, "little") + sealed, self._end)
            self._offsets.append(self._end)
            self._end += _LENGTH_BYTES + len(sealed)
            if monotonic() - self._synced >= SYNCED_EVERY:
                os.fdatasync(self._file)
                self._synced = monotonic()
        except OSError as error:
            raise self._failed(error) from None

    def read(self, number: int) -> bytes:
        """A record. Raises IntegrityError when it was altered since it was opened, StorageFailed."""
        offset = self._offsets[number]
        end = self._offsets[number + 1] if number + 1 < len(self) else self._end
        try:
            sealed = os.pread(self._file, end - offset, offset)[_LENGTH_BYTES:]
        except OSError as error:
            raise self._failed(error) from None
        return self._aead.open(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound_to(number))

    def clear(self) -> None:
        """Begins anew, with another key. Raises StorageFailed."""
        try:
            os.ftruncate(self._file, 0)
            self._begin()
        except OSError as error:
            raise self._failed(error) from None

    def discard(self) -> None:
        """Removes the file; it stays open and locked until `close`. Raises StorageFailed."""
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Syncs and unlocks. Raises StorageFailed."""
        try:
            try:
                os.fdatasync(self._file)
            finally:
                os.close(self._file)
        except OSError as error:
            raise self._failed(error) from None

    def _begin(self) -> None:
        """Takes over what is whole in the file; a file that does not begin as it should is begun anew."""
        self._offsets = array("Q")
        fixed = _fixed(self._name)
        self._header = os.pread(self._file, len(fixed) + _SALT_BYTES + len(self._name), 0)
        salt = self._header[len(fixed) : len(fixed) + _SALT_BYTES]
        if len(salt) != _SALT_BYTES or self._header != fixed + salt + self._name.encode("ascii"):
            self._cut_to(0)
            salt = self._random(_SALT_BYTES)
            self._header = fixed + salt + self._name.encode("ascii")
            _write(self._file, self._header, 0)
            os.fsync(self._file)
            sync_folder(self._path.parent)
        self._aead = Aead(subkey(self._key, f"records/{self._name}", salt))
        self._end = len(self._header)
        self._take_over()
        self._cut_to(self._end)

    def _take_over(self) -> None:
        """Counts the records from the front that open."""
        with os.fdopen(os.dup(self._file), "rb", buffering=_PIECE) as stream:
            stream.seek(self._end)
            while True:
                length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
                sealed = stream.read(length) if NONCE_BYTES + TAG_BYTES <= length <= MOST_BYTES else b""
                if not sealed or len(sealed) != length:
                    return
                try:
                    self._aead.open(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound_to(len(self)))
                except IntegrityError:
                    return
                self._offsets.append(self._end)
                self._end += _LENGTH_BYTES + length

    def _cut_to(self, length: int) -> None:
        self.cut = os.fstat(self._file).st_size - length
        if self.cut:
            os.ftruncate(self._file, length)

    def _bound_to(self, number: int) -> bytes:
        return self._header + number.to_bytes(8, "big")

    def _failed(self, error: OSError) -> StorageFailed:
        return StorageFailed(f"the journal of a load cannot be kept in {self._path.parent}: {error.strerror}")


def _fixed(name: str) -> bytes:
    return _MAGIC + _VERSION.to_bytes(2, "little") + len(name).to_bytes(2, "little")


def _locked(path: Path) -> int:
    """The file, made if need be, as nobody else has it. Raises Refused while another process does, OSError."""
    while True:
        descriptor = os.open(path, _OPEN, 0o600)
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise IntegrityError(f"{path.name} is not a regular file: it was put in its place")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed it between our opening and our locking it.
            if os.path.samestat(facts, path.lstat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Refused("this very load is under way in another process: wait for it, or stop it first") from None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):  # a write may be short, on a disk that is nearly full or after a signal
        done += os.pwrite(descriptor, data[done:], offset + done)
