"""Where an export is written: a new folder, or one `.zip` file. Whole or not at all."""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TextIO

from matcher.errors import BadInput, StorageFailed

_WHEN = (1980, 1, 1, 0, 0, 0)  # an archive of the same export is the same file


@contextmanager
def new_export(out: Path) -> Iterator[Callable[[str], AbstractContextManager[TextIO]]]:
    """Yields what opens a file of the export by name. Raises BadInput where `out` is there already, StorageFailed."""
    if out.exists() or out.is_symlink():
        raise BadInput(f"{out} is there already: an export never replaces anything, name another place")
    part = out.with_name(f".{out.name}.{os.urandom(8).hex()}.part")
    try:
        part.mkdir(mode=0o700)
        try:
            yield lambda name: (part / name).open("x", encoding="utf-8", newline="\n")
            _put(part, out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(f"the export cannot be written to {out}: {error.strerror}") from None


def _put(part: Path, out: Path) -> None:
    if out.suffix != ".zip":
        part.rename(out)
        return
    packed = part / out.name
    with zipfile.ZipFile(packed, "x", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(one for one in part.iterdir() if one != packed):
            with file.open("rb") as source, archive.open(zipfile.ZipInfo(file.name, _WHEN), "w") as target:
                shutil.copyfileobj(source, target)
    packed.rename(out)
