"""Opening a file that goes in: a regular file, without ever waiting for one that is not."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from matcher.errors import BadInput


def open_input(path: Path) -> BinaryIO:
    """The open file. Raises BadInput when there is none, when it cannot be read, or for a FIFO, device or folder."""
    try:
        # Without O_NONBLOCK a FIFO would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadInput(f"no such file: {path}") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{path} cannot be read: {error}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(f"{path} is not a regular file: name a file")
    return os.fdopen(descriptor, "rb")
