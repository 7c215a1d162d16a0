"""What is in a backup, and how a home is made of one.

    manifest   length (4, little-endian) | JSON (msgspec): name, size, sha256 of every file
    files      one behind the other, in that order

1. The database is one state of one moment, a SQLite file in the home, which is removed, also a killed backup's: what
   `VACUUM INTO` writes, or a copy of what is on a server (`postgres_copy.py`), so that whatever is restored has its
   database in its folder. The containers are those of the revisions in that state, and must be the same bytes twice:
   when their digests are taken, and when they are written.
2. A home is made in `.NAME.restoring` beside its place, held by one process (flock), and takes its name only when it is
   whole, synced and verified. What fails takes away all that it made; what was killed is cleared by the next restore.
3. Names, sizes and digests must be those of the manifest; a name leads nowhere but into the home.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from matcher.domain.backup import BackupHead
from matcher.domain.ports import Vault
from matcher.errors import BadInput, IntegrityError, Refused, StorageFailed
from matcher.store.backup_file import require_free
from matcher.store.belonging import NOTE
from matcher.store.database import snapshot
from matcher.store.engine import DATABASE, revisions_in, unfinished_in
from matcher.store.files import sync_folder
from matcher.store.home import MARKER, SEALED

Progress = Callable[[int, int], None]
Entry = tuple[str, int, str]  # name, bytes, sha256 (hex)

_NAME = re.compile(rf"({SEALED}/)?[a-z0-9][a-z0-9.-]{{0,110}}")
_SNAPSHOT = ".backup.db"
_PIECE = 1 << 20
_MOST_MANIFEST = 1 << 26  # bytes: half a million files


class _Opened(Protocol):
    def size(self) -> int: ...
    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class HomeArchive:
    """`ports.Archive` of one home."""

    home: Path
    engine: Engine

    def require_free(self, out: Path) -> None:
        """Raises BadInput where a backup cannot be written."""
        require_free(out)

    def write(self, vault: Vault, out: Path, head: BackupHead, progress: Progress) -> int:
        """Writes a backup, which gets its name when it is whole; how many bytes are in it. Raises StorageFailed."""
        try:
            with self._snapshot() as database, vault.new_backup(out, head) as writer:
                files = [(DATABASE, database), *self._small_files(), *self._containers(database)]
                manifest = [(name, path.stat().st_size, _digest(path)) for name, path in files]
                total = sum(size for _, size, _ in manifest)
                writer.append(_encoded(manifest))
                done = 0
                for (name, size, digest), (_, path) in zip(manifest, files, strict=True):
                    said = hashlib.sha256()
                    for piece in _pieces(path):
                        said.update(piece)
                        writer.append(piece)
                        done += len(piece)
                        progress(done, total)
                    if said.hexdigest() != digest or path.stat().st_size != size:
                        raise StorageFailed(f"{name} changed while it was backed up: back up again")
                writer.keep()
        except FileNotFoundError as error:
            raise StorageFailed(f"{error.filename} went away while it was backed up: back up again") from None
        except OSError as error:
            raise StorageFailed(f"the backup {out} cannot be written: {error.strerror}") from None
        return total

    @contextmanager
    def _snapshot(self) -> Iterator[Path]:
        """The database of this moment, as a file. One backup of a home at a time: its name is the lock."""
        path = self.home / _SNAPSHOT
        with _held(self.home, "another backup of this home is under way: wait for it"):
            path.unlink(missing_ok=True)
            try:
                snapshot(self.engine, path)
                if unfinished_in(path):  # its containers are still those of before, which it may not open any more
                    raise Refused("something was erased, or the home key rotated, at that moment: back up again")
                yield path
            finally:
                path.unlink(missing_ok=True)

    def _small_files(self) -> list[tuple[str, Path]]:
        kept = [path for path in self.home.iterdir() if path.is_file() and not path.is_symlink()]
        wanted = [
            path
            for path in kept
            if _NAME.fullmatch(path.name) and path.name != NOTE and not path.name.startswith(DATABASE)
        ]
        return sorted((path.name, path) for path in wanted)

    def _containers(self, database: Path) -> list[tuple[str, Path]]:
        known = revisions_in(database)
        found = [path for path in (self.home / SEALED).glob("*.box") if path.name.partition("-")[0] in known]
        return sorted((f"{SEALED}/{path.name}", path) for path in found)


def require_no_backup(home: Path) -> None:
    """Raises Refused while a backup is under way: nothing of the home could be exchanged. Raises StorageFailed."""
    try:
        with _held(home, "a backup of this home is under way: wait for it"):
            pass
    except OSError as error:
        raise StorageFailed(f"{home} cannot be opened: {error.strerror}") from None


def discard_snapshot(home: Path) -> None:
    """Removes what a killed backup left of the database. Raises Refused while a backup is under way, StorageFailed."""
    try:
        with _held(home, "a backup of this home is under way: wait for it, then open the home again"):
            (home / _SNAPSHOT).unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"{home / _SNAPSHOT} cannot be removed: {error.strerror}") from None


def require_no_home(target: Path) -> None:
    """Raises BadInput where something is already."""
    if target.exists() or target.is_symlink():
        raise BadInput(f"{target} is there already, and nothing is ever restored over it: name another home")


@contextmanager
def restoring(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, which it becomes on leaving. Raises BadInput where something is, Refused."""
    target = target.absolute()
    require_no_home(target)
    folder = target.with_name(f".{target.name}.restoring")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700, exist_ok=True)
        with _held(folder, f"{target} is being restored by another process: wait for it"):
            if folder.stat().st_uid != os.geteuid():
                raise Refused(f"{folder} belongs to another account: restore to another folder")
            folder.chmod(0o700)
            _clear(folder)
            try:
                yield folder
                sync_folder(folder)
                require_no_home(target)
                folder.rename(target)
            except BaseException:
                with suppress(OSError):
                    shutil.rmtree(folder)
                raise
        sync_folder(target.parent)
    except OSError as error:
        raise StorageFailed(f"a home cannot be restored to {target}: {error.strerror}") from None


def unpack(opened: _Opened, folder: Path, progress: Progress) -> None:
    """Writes the files of an opened backup to an empty folder, synced. Raises IntegrityError, OSError."""
    length = int.from_bytes(opened.read(0, 4), "little")
    if length > _MOST_MANIFEST:
        raise IntegrityError("its manifest is too long")
    manifest, at = _decoded(opened.read(4, length)), 4 + length
    total, done = sum(size for _, size, _ in manifest), 0
    if at + total != opened.size():
        raise IntegrityError("its files are not as long as its manifest says")
    (folder / SEALED).mkdir(mode=0o700)
    for name, size, digest in manifest:
        said = hashlib.sha256()
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for begin in range(at, at + size, _PIECE):
                piece = opened.read(begin, min(_PIECE, at + size - begin))
                said.update(piece)
                file.write(piece)
                done += len(piece)
                progress(done, total)
            file.flush()
            os.fsync(file.fileno())
        at += size
        if said.hexdigest() != digest:
            raise IntegrityError(f"{name} in it is not what was backed up")
    sync_folder(folder / SEALED)


@contextmanager
def _held(folder: Path, otherwise: str) -> Iterator[None]:
    """The folder, as nobody else has it. Raises Refused while another process does, OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(otherwise) from None
        yield
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _encoded(manifest: list[Entry]) -> bytes:
    import msgspec

    body = msgspec.json.encode(manifest)
    return len(body).to_bytes(4, "little") + body


def _decoded(body: bytes) -> list[Entry]:
    import msgspec

    try:
        manifest = msgspec.json.decode(body, type=list[Entry])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IntegrityError("its manifest cannot be read") from None
    names = {name for name, _, _ in manifest}
    if len(names) != len(manifest) or not {DATABASE, MARKER} <= names:
        raise IntegrityError("its manifest names no home")
    if not all(_NAME.fullmatch(name) and size >= 0 for name, size, _ in manifest):
        raise IntegrityError("its manifest names what no home holds")
    return manifest


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _digest(path: Path) -> str:
    said = hashlib.sha256()
    for piece in _pieces(path):
        said.update(piece)
    return said.hexdigest()
