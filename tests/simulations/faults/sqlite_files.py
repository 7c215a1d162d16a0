"""A VFS around the one that SQLite brings: it asks before, and tells after, every call to the files of a home.

1. It is put into the very SQLite of the program (the library inside sqlcipher3) as its default, by the interface that
   sqlite.org/vfs.html describes, and hands every call on: the real one writes and locks.
2. A call that is to fail answers what the real one answers for that error (os_unix.c): SQLITE_FULL for ENOSPC, and for
   a page that cannot be read SQLITE_IOERR_CORRUPTFS, which the program cannot tell from damage.
3. Shared memory (`-shm`) is not seen: SQLite makes it anew after a start.
"""

import ctypes
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulations.faults.watching import Event, HalfWrittenError, Watch

_OK = 0
_IOERR = 10
_FULL = 13
_CANTOPEN = 14
_OPEN_READONLY = 0x1
_OPEN_CREATE = 0x4
_KINDS = {"read": 1, "write": 3, "sync": 4, "truncate": 6, "remove": 10}  # of SQLITE_IOERR
_CORRUPTFS = 33
_FILE = ctypes.c_void_p
# A name is handed on by its address: SQLite keeps parameters behind the text.
_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _FILE, ctypes.c_int, ctypes.c_void_p)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_Transfer = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int)
_SetCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_GetCall = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_OpenFolder = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("path_length", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _Open),
        ("delete", _Delete),
        ("others", ctypes.c_void_p * 11),  # xAccess to xCurrentTimeInt64
        ("set_call", _SetCall),
        ("get_call", _GetCall),
        ("next_call", ctypes.c_void_p),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", _Transfer),
        ("write", _Transfer),
        ("truncate", _Truncate),
        ("sync", _Sync),
        ("others", ctypes.c_void_p * 13),  # xFileSize to xUnfetch
    )


class _Opened(ctypes.Structure):
    """`sqlite3_file`."""

    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


_IN_PLACE: list["SqliteFiles"] = []  # C holds addresses inside them for the rest of the process


class SqliteFiles:
    """The VFS of one process; once put in place it stays."""

    def __init__(self, watch: Watch) -> None:
        import sqlcipher3._sqlite3 as driver

        self._watch = watch
        self._library = ctypes.CDLL(driver.__file__)
        self._library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._real = self._library.sqlite3_vfs_find(None).contents
        self._names: dict[int, Path] = {}
        self._keep: list[Any] = []  # what C holds an address of

    def put_in_place(self) -> None:
        """Every database that is opened from now on is opened through it."""
        if self._real.version < 3:
            raise RuntimeError("this SQLite has a VFS that is not known here")
        mine = _Vfs.from_buffer_copy(self._real)
        mine.name = b"watched"
        mine.open = _Open(self._safely(self._open))
        mine.delete = _Delete(self._safely(self._delete))
        self._real_folder = _OpenFolder(self._real.get_call(ctypes.addressof(self._real), b"openDirectory"))
        folder = _OpenFolder(self._safely(self._open_folder))
        self._keep += [mine, mine.open, mine.delete, folder]
        if self._real.set_call(ctypes.addressof(self._real), b"openDirectory", ctypes.cast(folder, ctypes.c_void_p)):
            raise RuntimeError("the syncs of folders cannot be watched")
        if self._library.sqlite3_vfs_register(ctypes.byref(mine), 1):
            raise RuntimeError("the VFS cannot be put in place")
        _IN_PLACE.append(self)

    def _safely(self, what: Callable[..., int]) -> Callable[..., int]:
        """An error of ours must not be taken for success, which is what ctypes makes of it."""

        def call(*words: Any) -> int:
            try:
                return what(*words)
            except Exception as error:  # noqa: BLE001 - the edge to C
                self._watch.broken(error)
                return _IOERR

        return call

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        path = Path(ctypes.string_at(name).decode()) if name else Path()
        create = bool(flags & _OPEN_CREATE) and not path.exists()
        if create and self._failed("make", path):
            return _CANTOPEN
        result = self._real.open(vfs, name, file, flags, out)
        if result == _OK:
            self._names[file] = path
            self._replace_methods(_Opened.from_address(file))
            if create:
                self._watch.tell(Event("make", str(path)))
        return int(result)

    def _replace_methods(self, opened: _Opened) -> None:
        real = opened.methods.contents
        mine = _Methods.from_buffer_copy(real)
        mine.read = _Transfer(self._safely(lambda *words: self._read(real, *words)))
        mine.write = _Transfer(self._safely(lambda *words: self._write(real, *words)))
        mine.truncate = _Truncate(self._safely(lambda *words: self._truncate(real, *words)))
        mine.sync = _Sync(self._safely(lambda *words: self._sync(real, *words)))
        self._keep += [mine, real]
        opened.methods = ctypes.pointer(mine)

    def _read(self, real: _Methods, file: int, into: int, length: int, offset: int) -> int:
        return self._failed("read", self._names[file]) or int(real.read(file, into, length, offset))

    def _write(self, real: _Methods, file: int, data: int, length: int, offset: int) -> int:
        path = self._names[file]
        try:
            self._watch.ask("write", str(path))
        except OSError as error:
            if isinstance(error, HalfWrittenError):
                real.write(file, data, length // 2, offset)
            return _answer("write", error)
        result = int(real.write(file, data, length, offset))
        if result == _OK:
            self._watch.tell(Event("write", str(path), offset, ctypes.string_at(data, length)))
        return result

    def _truncate(self, real: _Methods, file: int, length: int) -> int:
        path = self._names[file]
        if failed := self._failed("truncate", path):
            return failed
        result = int(real.truncate(file, length))
        if result == _OK:
            self._watch.tell(Event("truncate", str(path), length))
        return result

    def _sync(self, real: _Methods, file: int, flags: int) -> int:
        path = self._names[file]
        if failed := self._failed("sync", path):
            return failed
        result = int(real.sync(file, flags))
        if result == _OK:
            self._watch.tell(Event("sync", str(path)))
        return result

    def _delete(self, vfs: int, name: bytes, sync: int) -> int:
        path = Path(name.decode())
        if failed := self._failed("remove", path):
            return failed
        result = int(self._real.delete(vfs, name, sync))
        if result == _OK:
            self._watch.tell(Event("remove", str(path)))
        return result

    def _open_folder(self, name: bytes, out: Any) -> int:
        """Is asked for a folder, by the name of a file in it, only in order to sync it."""
        folder = Path(name.decode()).parent
        if self._failed("sync", folder):
            return _CANTOPEN
        result = int(self._real_folder(name, out))
        if result == _OK:
            self._watch.tell(Event("sync", str(folder)))
        return result

    def _failed(self, kind: str, path: Path) -> int:
        """The answer of a call that is to fail; 0 where it may be made."""
        try:
            self._watch.ask(kind, str(path))
        except OSError as error:
            return _answer(kind, error)
        return _OK


def _answer(kind: str, error: OSError) -> int:
    if error.errno == errno.ENOSPC and kind == "write":
        return _FULL
    if kind == "read":
        return _IOERR | _CORRUPTFS << 8
    return _IOERR | _KINDS.get(kind, 0) << 8
