"""What a killed load leaves behind: containers of revisions that were never committed, and the journal of what it did.

All of it is sealed. Containers are swept once they have been silent for an hour: the load that goes on writes its own.
Once the home key is rotated none of them can be committed any more, and `discard` does not wait.
The journal is what it goes on from; it is kept for as long as the caller says.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from matcher.errors import StorageFailed
from matcher.store.erasing import NEXT
from matcher.store.load_journal import SUFFIX


def sweep(folder: Path, known: frozenset[str], before: float) -> int:
    """Removes containers whose revision is not `known` and which nobody has written since `before` (seconds, epoch).

    A load that is under way touches its files as it goes, so an hour's silence means that nobody is coming back.
    Returns how many files were removed. Raises StorageFailed.
    """

    def left_behind(path: Path) -> bool:
        # What a committed erasure left to be exchanged is exchanged before anything is swept.
        return path.suffix == NEXT or _uncommitted(path, known)

    return _sweep(folder, left_behind, before)


def discard(folder: Path, known: frozenset[str]) -> int:
    """Removes every container whose revision is not `known`, of loads that are under way too. Raises StorageFailed."""
    return _sweep(folder, lambda path: _uncommitted(path, known), math.inf)


def sweep_journals(folder: Path, before: float) -> int:
    """Removes journals of loads that nobody has written to since `before` (seconds, epoch). Raises StorageFailed."""
    return _sweep(folder, lambda path: path.suffix == SUFFIX, before)


def _uncommitted(path: Path, known: frozenset[str]) -> bool:
    part = path.name.startswith(".") and path.suffix == ".part"
    return part or (path.suffix == ".box" and path.name.partition("-")[0] not in known)


def _sweep(folder: Path, left_behind: Callable[[Path], bool], before: float) -> int:
    removed = 0
    try:
        for path in folder.iterdir():
            # Another load may have removed, or kept under another name, what was listed here.
            with suppress(FileNotFoundError):
                if left_behind(path) and path.lstat().st_mtime < before:
                    path.unlink()
                    removed += 1
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be swept: {error.strerror}") from None
    return removed
