"""What a killed load leaves behind: containers of revisions that were never committed. They are sealed, and swept."""

from pathlib import Path

from matcher.errors import StorageFailed


def sweep(folder: Path, known: frozenset[str], before: float) -> int:
    """Removes containers whose revision is not `known` and which nobody has written since `before` (seconds, epoch).

    A load that is under way touches its files as it goes, so an hour's silence means that nobody is coming back.
    Returns how many files were removed. Raises StorageFailed.
    """
    removed = 0
    try:
        for path in folder.iterdir():
            part = path.name.startswith(".") and path.suffix == ".part"
            unknown = path.suffix == ".box" and path.name.partition("-")[0] not in known
            if (part or unknown) and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be swept: {error.strerror}") from None
    return removed
