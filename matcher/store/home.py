"""The home: a private folder that holds everything of one installation.

    home.toml      written last by `init`: format version and whether this is a demonstration
    matcher.db     the database with its log, or
    database.toml  which home's database on a PostgreSQL server is this folder's (`belonging.py`)
    sealed/        containers
    log.key        the Ed25519 key that signs checkpoints of the log (`log_key.py`)

1. The folder is 0700 and belongs to the account that runs the program, or it is not opened; the message has the command
   that mends it. Nobody else gets past the folder, whatever the modes inside.
2. Files are made 0600 (`files.write_private`, containers); `private_files` covers libraries that make files themselves.
3. A home of a newer program is not touched.
"""

import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from matcher.errors import BadInput, IntegrityError, Refused, StorageFailed
from matcher.store.files import sync_folder, write_private
from matcher.toml_text import parsed

FORMAT = 1
MARKER = "home.toml"
SEALED = "sealed"
_DATABASE = ("matcher.db", "matcher.db-wal", "matcher.db-shm", "matcher.db-journal", "database.toml")
_UNFINISHED = (SEALED, *_DATABASE, "log.key")
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_SMALL = 65_536  # bytes; the files `read_file` reads are keys and marks


@dataclass(frozen=True, slots=True)
class Home:
    """An opened home. `demo` marks a demonstration: invented people, weaker passphrase cost."""

    path: Path
    demo: bool

    @property
    def sealed(self) -> Path:
        """The folder of containers."""
        return self.path / SEALED

    def write_file(self, name: str, data: bytes) -> None:
        """Keeps a small file (a public key, a wrapped key), 0600, whole or not at all. Raises StorageFailed."""
        try:
            write_private(self._small_file(name), data)
        except OSError as error:
            raise StorageFailed(f"{name} cannot be written to {self.path}: {error.strerror}") from None

    def read_file(self, name: str) -> bytes | None:
        """A small file, or None where there is none. Raises StorageFailed."""
        try:
            return _read_small(self._small_file(name))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(f"{name} cannot be read from {self.path}: {error.strerror}") from None

    def _small_file(self, name: str) -> Path:
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no file of a home")
        return self.path / name


@contextmanager
def new_home(path: Path, demo: bool) -> Iterator[Home]:
    """A home under construction in a new or empty folder; parents are made as usual.

    The marker is written on leaving, so that a home opens whole or not at all; whatever ends the construction, Ctrl-C
    included, takes away what was made, and remains of one that was killed are cleared.

    Raises BadInput for a file or a folder with something else in it, Refused for a home, StorageFailed.
    """
    made = not path.exists()
    try:
        _require_free(path)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        try:
            (path / SEALED).mkdir(mode=0o700)
            yield Home(path, demo)
            write_private(path / MARKER, f"format = {FORMAT}\ndemo = {str(demo).lower()}\n".encode())
        except BaseException:
            with suppress(OSError):
                _clear(path)
                if made:
                    path.rmdir()
            raise
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise StorageFailed(f"a home cannot be made in {path}: {error.strerror}") from None


def open_home(path: Path) -> Home:
    """The home in a folder. Raises BadInput where there is none, Refused when others can read it or it is newer."""
    try:
        marker = _read_small(path / MARKER)
        _require_private(path)
        _require_private(path / SEALED)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{path} is no home: make one with `matcher init`") from None
    except OSError as error:
        raise StorageFailed(f"the home {path} cannot be opened: {error.strerror}") from None
    return Home(path, _demo(path, marker))


@contextmanager
def private_files() -> Iterator[None]:
    """While it lasts every file this process makes is 0600 and every folder 0700 (the umask is the process's)."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _require_free(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise BadInput(f"{path} is not a folder: name another place for the home")
    if (path / MARKER).exists():
        raise Refused(f"{path} is a home already: use it, or name another place")
    if any(entry.name not in _UNFINISHED for entry in path.iterdir()):
        raise BadInput(f"{path} holds something else: name a new or empty folder for the home")
    if path.stat().st_uid != os.geteuid():
        raise BadInput(f"{path} belongs to another account: name another place for the home")
    _clear(path)


def _clear(path: Path) -> None:
    """Takes away what an `init` that never finished left: without a marker nobody can have used it."""
    for name in _UNFINISHED:
        entry = path / name
        if entry.is_dir() and not entry.is_symlink():
            entry.rmdir()  # an unfinished home has nothing sealed: anything else is not ours to remove
        else:
            entry.unlink(missing_ok=True)


def _require_private(path: Path) -> None:
    facts = path.stat()
    if facts.st_uid != os.geteuid():
        raise Refused(
            f"{path} belongs to another account: run as its owner, or `chown -R {os.geteuid()} {_quoted(path)}`"
        )
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise Refused(f"{path} can be opened by others: run `chmod 700 {_quoted(path)}`")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _demo(path: Path, marker: bytes) -> bool:
    """The demonstration mark, after checking the format."""
    try:
        facts = parsed(marker.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        facts = {}
    found, demo = facts.get("format"), facts.get("demo")
    if type(found) is int and found > FORMAT:
        raise Refused(f"the home {path} was made by a newer program (format {found}): upgrade this one")
    if found != FORMAT or type(found) is not int or not isinstance(demo, bool) or len(facts) != 2:
        raise IntegrityError(f"{path / MARKER} was altered: restore it from a backup")
    return demo


def _read_small(path: Path) -> bytes:
    """At most 64 KiB of a regular file; a link or FIFO put in its place is not followed. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IntegrityError(f"{path} is not a regular file: something was put in its place")
        return file.read(_SMALL)
