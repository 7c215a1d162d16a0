"""Exchanging files after an erasure, and searching a home for what was erased. No key is needed for either.

    `<container>.<erasure>.next`    what a container is to be replaced with, sealed before the erasure is committed

1. Until the erasure is committed the successors are nothing: `drop` removes them, and after an hour's silence the sweep
   does. Once it is, `exchange` puts each in its container's place; what was exchanged already is not looked at again.
2. A file that is replaced or removed loses its header first, synced: without the salt in it nobody derives its key, so
   that blocks which a disk keeps for a while are noise to whoever holds the home key too.
3. `sought_in` reads every file of the home, the database, its WAL and journals among them, whatever its name.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from matcher.domain.erasure import Sought
from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.store.container_format import check_id
from matcher.store.files import sync_folder
from matcher.store.load_journal import SUFFIX

NEXT = ".next"
_HEADER = 4_096  # bytes overwritten; a header has at most 144
_PIECE = 1 << 22
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def successor_path(folder: Path, container_id: str, erasure_id: str) -> Path:
    """Where what replaces a container waits. Raises IntegrityError for an id that none can have."""
    return folder / f"{check_id(container_id)}.{check_id(erasure_id)}{NEXT}"


def drop(folder: Path, erasure_id: str) -> None:
    """Removes the successors of an erasure that was never committed. Raises StorageFailed."""
    try:
        for path in folder.glob(f"*.{check_id(erasure_id)}{NEXT}"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _failed(folder, error) from None


def hold(folder: Path, erasure_id: str, container_ids: Sequence[str]) -> None:
    """Touches every successor, so that no sweep takes it. Raises StorageFailed where one is not there."""
    try:
        for container_id in container_ids:
            os.utime(successor_path(folder, container_id, erasure_id))
    except OSError as error:
        raise _failed(folder, error) from None


def exchange(folder: Path, erasure_id: str, gone: Sequence[str]) -> None:
    """Puts every successor in its place and removes the containers that are `gone`. Raises StorageFailed.

    Two processes must not be in here at once: the second would overwrite what the first has just put there.
    """
    try:
        for path in sorted(folder.glob(f"*.{check_id(erasure_id)}{NEXT}")):
            container = folder / f"{path.name.partition('.')[0]}.box"
            _shred(container)
            path.replace(container)
        for container_id in gone:
            container = folder / f"{check_id(container_id)}.box"
            _shred(container)
            container.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise _failed(folder, error) from None


def discard_journals(folder: Path) -> int:
    """Removes the journals of interrupted loads; how many there were. Raises Refused while a load is under way."""
    removed = 0
    try:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            descriptor = os.open(path, _OPEN)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _overwrite(descriptor)
                path.unlink()
                removed += 1
            except BlockingIOError:
                raise Refused("a load is under way in another process: wait for it, or stop it first") from None
            finally:
                os.close(descriptor)
    except OSError as error:
        raise _failed(folder, error) from None
    return removed


def sample_of(folder: Path, container_id: str, length: int) -> bytes:
    """The last bytes of a container as they lie in its file; nothing where there is none."""
    try:
        descriptor = os.open(folder / f"{check_id(container_id)}.box", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, length, max(0, size - length))
    except OSError as error:
        raise _failed(folder, error) from None
    finally:
        os.close(descriptor)


def sought_in(home: Path, samples: Sequence[bytes]) -> Sought:
    """How often samples of what was erased are in the files of a home. Raises StorageFailed."""
    longest = max((len(one) for one in samples), default=1)
    files = size = found = 0
    try:
        for path in sorted(home.rglob("*")) if samples else ():
            if path.is_symlink() or not path.is_file():
                continue
            files += 1
            with path.open("rb") as file:
                before = b""
                while piece := file.read(_PIECE):
                    size += len(piece)
                    window = before + piece
                    found += sum(one in window for one in samples)
                    before = window[-(longest - 1) :] if longest > 1 else b""
    except OSError as error:
        raise _failed(home, error) from None
    return Sought(files, size, len(samples), found)


def _shred(container: Path) -> None:
    try:
        descriptor = os.open(container, _OPEN)
    except FileNotFoundError:
        return
    try:
        _overwrite(descriptor)
    finally:
        os.close(descriptor)


def _overwrite(descriptor: int) -> None:
    length = min(_HEADER, os.fstat(descriptor).st_size)
    if os.pwrite(descriptor, bytes(length), 0) != length:
        raise IntegrityError("the header of what was erased could not be overwritten: erase again")
    os.fsync(descriptor)


def _failed(folder: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"what is erased cannot be taken out of {folder}: {error.strerror}")
