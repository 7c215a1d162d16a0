"""Writing a file of the models folder."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """A file, whole or not at all, flushed to the disk."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:  # also for Ctrl-C: nothing stays behind
        part.unlink(missing_ok=True)
        raise
