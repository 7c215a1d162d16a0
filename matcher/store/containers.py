"""Writing and reading container files (`container_format.py` says what is in them).

1. A container appears under its name whole and synced, or not at all; its file is 0600 and never overwritten.
2. Reading opens the chunks it needs and no more. Only regular files are opened, never through a link.
3. OSError becomes StorageFailed; a missing container is an IntegrityError, because something names it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from matcher.domain.ids import RandomBytes
from matcher.errors import IntegrityError, StorageFailed
from matcher.store.container_format import (
    CHUNK,
    SALT_BYTES,
    SEALED_CHUNK,
    ChunkSeal,
    Layout,
    check_id,
    header_for,
    header_length,
)
from matcher.store.files import sync_folder

_AT_ONCE = 16  # chunks per read call: 1 MiB


def container_path(folder: Path, container_id: str) -> Path:
    """The file of a container. Raises IntegrityError for an id that no container can have."""
    return folder / f"{check_id(container_id)}.box"


class Writer:
    """`ports.ContainerWriter`: chunks go to the file as soon as more follow; the last one is sealed by `keep`."""

    def __init__(self, path: Path, container_id: str, key: bytes, random: RandomBytes, before: bytes = b"") -> None:
        self.container_id = container_id
        self.kept = False
        self._path = path
        self._part = path.with_name(f".{path.stem}.{random(8).hex()}.part")
        header = header_for(container_id, random(SALT_BYTES))
        self._seal = ChunkSeal(key, header, container_id)
        self._number = 0
        self._length = 0
        self._rest = bytearray()
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
        self._file.write(before + header)

    def append(self, data: bytes) -> int:
        """Adds bytes and returns their offset. Raises StorageFailed."""
        offset = self._length
        self._length += len(data)
        try:
            self._write_full_chunks(memoryview(data).cast("B"))
        except OSError as error:
            raise self._failed(error) from None
        return offset

    def keep(self) -> None:
        """Syncs the container to disk under its name. Raises StorageFailed."""
        try:
            self._put(memoryview(self._rest), last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
            if self._path.exists():
                raise _used_twice(self.container_id)
            self._part.replace(self._path)
            self._sync_name()
            self.kept = True
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Closes the file and removes it unless it was kept. Raises OSError."""
        if self.kept:
            self._file.close()
            return
        with suppress(OSError):  # a full disk must not hide the error that brought us here, nor keep the file
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _write_full_chunks(self, data: memoryview) -> None:
        """A full chunk is written only once a byte follows it: the last one must be sealed as such."""
        taken = min(CHUNK - len(self._rest), len(data))
        self._rest += data[:taken]
        if taken == len(data):
            return
        self._put(memoryview(self._rest), last=False)
        while len(data) - taken > CHUNK:
            self._put(data[taken : taken + CHUNK], last=False)
            taken += CHUNK
        self._rest = bytearray(data[taken:])

    def _put(self, plain: memoryview, last: bool) -> None:
        self._file.write(self._seal.seal(self._number, last, plain))
        self._number += 1

    def _sync_name(self) -> None:
        try:
            sync_folder(self._path.parent)
        except OSError:
            self._path.unlink(missing_ok=True)  # a name that may be gone after a power cut was not kept
            raise

    def _failed(self, error: OSError) -> StorageFailed:
        return StorageFailed(f"container {self.container_id} cannot be written: {error.strerror}")


@contextmanager
def new_container(folder: Path, key: bytes, container_id: str, random: RandomBytes) -> Iterator[Writer]:
    """A container under construction. Raises StorageFailed, also for an id that was used before."""
    path = container_path(folder, container_id)
    if path.exists():
        raise _used_twice(container_id)
    try:
        writer = Writer(path, container_id, key, random)
    except OSError as error:
        raise StorageFailed(f"container {container_id} cannot be made in {folder}: {error.strerror}") from None
    try:
        yield writer
    finally:
        _close(writer)


@contextmanager
def new_successor(path: Path, key: bytes, container_id: str, random: RandomBytes) -> Iterator[Writer]:
    """What is to replace a container, under construction at another `path`. Raises StorageFailed."""
    try:
        writer = Writer(path, container_id, key, random)
    except OSError as error:
        raise StorageFailed(f"container {container_id} cannot be made anew: {error.strerror}") from None
    try:
        yield writer
    finally:
        _close(writer)


class Reader:
    """An open container file; `start` is where in the file the container begins."""

    def __init__(self, descriptor: int, container_id: str, key: bytes, start: int = 0, own: bool = False) -> None:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise IntegrityError(f"container {container_id} is not a regular file: it was put in its place")
        self._descriptor = descriptor
        self._start = start
        self._id = container_id
        self._layout = Layout.of_file(container_id, facts.st_size - start)
        self._seal = ChunkSeal(key, self.header(), container_id, own)

    def header(self) -> bytes:
        """What stands before the chunks."""
        return self._bytes(0, header_length(self._id))

    def size(self) -> int:
        """The plain length, after opening the last chunk. Raises IntegrityError."""
        self._chunks(self._layout.chunks - 1, 1)
        return self._layout.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these plain bytes. Raises IntegrityError when the container ends before them."""
        if offset < 0 or length < 0 or offset + length > self._layout.size:
            raise IntegrityError(f"container {self._id} ends before byte {offset + length}: its file was cut")
        if not length:
            return b""
        first, end = offset // CHUNK, -(-(offset + length) // CHUNK)
        plain = [part for at in range(first, end, _AT_ONCE) for part in self._chunks(at, min(_AT_ONCE, end - at))]
        skip = offset - first * CHUNK
        plain[-1] = plain[-1][: offset + length - (end - 1) * CHUNK]
        plain[0] = plain[0][skip:]
        return b"".join(plain)

    def _chunks(self, first: int, count: int) -> list[bytes]:
        sealed = memoryview(self._bytes(*self._layout.span(first, count)))
        end = self._layout.chunks - 1
        try:
            return [
                self._seal.open(first + i, first + i == end, sealed[i * SEALED_CHUNK : (i + 1) * SEALED_CHUNK])
                for i in range(count)
            ]
        except IntegrityError:
            raise IntegrityError(f"container {self._id} does not verify: its file was altered") from None

    def _bytes(self, offset: int, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = os.pread(self._descriptor, length - len(parts), self._start + offset + len(parts))
            if not part:
                raise IntegrityError(f"container {self._id} was cut while it was read")
            if len(part) == length:
                return part
            parts += part
        return bytes(parts)


@contextmanager
def opened(folder: Path, key: bytes, container_id: str, own: bool = False) -> Iterator[Reader]:
    """An open container, by the home's container key or by its `own`.

    Raises IntegrityError when it is missing or altered, StorageFailed when the disk fails.
    """
    path = container_path(folder, container_id)
    try:
        # Without O_NONBLOCK a FIFO put in place of the file would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise IntegrityError(f"container {container_id} is missing from {folder}: restore a backup") from None
    except OSError as error:
        raise StorageFailed(f"container {container_id} cannot be opened: {error.strerror}") from None
    try:
        yield Reader(descriptor, container_id, key, own=own)
    except OSError as error:
        raise StorageFailed(f"container {container_id} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def remove(folder: Path, container_id: str) -> None:
    """Removes a container's file, and what killed writers of it left; none is no error. Raises StorageFailed."""
    path = container_path(folder, container_id)
    try:
        path.unlink(missing_ok=True)
        for part in folder.glob(f".{path.stem}.*.part"):
            part.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise StorageFailed(f"container {container_id} cannot be removed: {error.strerror}") from None


def _close(writer: Writer) -> None:
    try:
        writer.close()
    except OSError as error:
        raise StorageFailed(f"container {writer.container_id} cannot be closed: {error.strerror}") from None


def _used_twice(container_id: str) -> StorageFailed:
    return StorageFailed(f"container {container_id} exists already: an id is never used twice")
