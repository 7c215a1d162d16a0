"""Reading a picture's bytes from a path that a stranger may have prepared.

Only a regular file is read, never through a symbolic link as its last part, at most 64 MB, and without ever waiting: a
FIFO, socket or device in place of a file is a counted rejection. Folders on the way (`..`, linked folders) are the
business of whoever read the path from a manifest.
"""

import errno
import os
import stat
from pathlib import Path

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.limits import MAX_BYTES, too_many_bytes


def read_picture_file(path: Path, name: str | None = None) -> Picture | Rejected:
    """The bytes of one file; `name` is what to call it (the path as given, unless said)."""
    source = str(path) if name is None else name
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        return _not_opened(source, error)
    try:
        return _read(handle, source)
    except OSError as error:
        return Rejected(source, Reason.UNREADABLE, error.strerror or "read failed")
    finally:
        os.close(handle)


def _read(handle: int, source: str) -> Picture | Rejected:
    # Asked of the open file: the path may stand for another one by now.
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        return Rejected(source, Reason.NOT_A_FILE, _kind(status.st_mode))
    if status.st_size > MAX_BYTES:
        return Rejected(source, Reason.TOO_LARGE, too_many_bytes(status.st_size))
    with os.fdopen(handle, "rb", closefd=False) as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return Rejected(source, Reason.TOO_LARGE, too_many_bytes(len(data)))
    return Picture(source, data)


def _not_opened(source: str, error: OSError | ValueError) -> Rejected:
    code = error.errno if isinstance(error, OSError) else errno.ENOENT
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return Rejected(source, Reason.MISSING_FILE)
    if code == errno.ELOOP:
        return Rejected(source, Reason.NOT_A_FILE, "symbolic link")
    if code == errno.ENXIO:
        return Rejected(source, Reason.NOT_A_FILE, "socket or device")
    return Rejected(source, Reason.UNREADABLE, os.strerror(code) if code else "cannot be opened")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "FIFO"), (stat.S_ISSOCK, "socket"))
    return next((word for test, word in kinds if test(mode)), "device")
