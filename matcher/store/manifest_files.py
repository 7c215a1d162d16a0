"""What goes in: a CSV manifest or a folder of pictures. Every structural fault is one BadInput; nothing is half read.

1. CSV is UTF-8 (a byte order mark is allowed) with a header row; `subject_id` and `image` are required, every row has
   as many cells as the header, empty lines are skipped.
2. Image paths are relative and may not leave the manifest's folder, neither as written nor through linked folders. The
   picture itself is opened later, without following a link.
3. A folder holds one sub-folder per subject, and those hold files; what else lies there is a fault, because a picture
   that is silently left out is a person who is silently missing. Names that begin with a dot are passed over.
4. Whether a picture can be read is not asked here: that is a counted rejection, not a fault of structure.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from matcher.errors import BadInput
from matcher.store.input_files import open_input
from matcher.store.manifest_rows import MOST_ROWS, Kind, ManifestRow, RowMaker, check_columns

__all__ = ["Kind", "ManifestRow", "read_manifest"]

_LONGEST_LINE = 1 << 20  # bytes; a hundred cells of a thousand characters fit


def read_manifest(path: Path, kind: Kind) -> tuple[ManifestRow, ...]:
    """The rows of a CSV manifest, or of a folder with one sub-folder per subject, in order. Raises BadInput."""
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        return _folder_rows(path, kind)
    with open_input(path) as file:
        try:
            return tuple(_csv_rows(path, file, kind))
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _csv_rows(path: Path, file: BinaryIO, kind: Kind) -> Iterator[ManifestRow]:
    records = _records(path, file)
    columns = [column.strip() for column in next(records, (0, []))[1]]
    check_columns(str(path), columns, ("subject_id", "image"))
    maker = RowMaker(str(path), "line", columns, kind)
    place = columns.index("image")
    pictures = _Pictures(path.parent)
    count = 0
    for line, raw in records:
        if len(raw) != len(columns):
            raise maker.refused(line, f"{len(raw)} cells under a header of {len(columns)}")
        cells = maker.checked_cells(line, raw)
        # The cell as written: a file's name is the bytes it has, not their NFC.
        folder = pictures.folder_of(raw[place].strip())
        if folder is None:
            raise maker.refused(line, "the image path is empty, absolute, or leaves the manifest's folder")
        yield maker.row(line, cells, folder, raw[place].strip().removeprefix("./"))
        count += 1
        if count > MOST_ROWS:
            raise maker.refused(line, f"more than {MOST_ROWS:,} rows; split the manifest")
    if not count:
        raise BadInput(f"{path} holds no rows: one for each picture is needed")


def _records(path: Path, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not empty."""
    reader = csv.reader(_lines(path, file), strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadInput(f"{path}, line {reader.line_num}: {error}") from None
        if cells is None:
            return
        if cells:
            yield reader.line_num, cells


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    number = 0
    while raw := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(raw) > _LONGEST_LINE:
            raise BadInput(f"{path}, line {number}: longer than {_LONGEST_LINE:,} bytes")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadInput(f"{path}, line {number}: not UTF-8; save the file as UTF-8 text") from None


class _Pictures:
    """Where pictures lie. Folders are resolved once each: a million pictures lie in few folders."""

    def __init__(self, folder: Path) -> None:
        self._root = os.path.realpath(folder)
        self._folders: dict[str, Path | None] = {}

    def folder_of(self, image: str) -> Path | None:
        """Where the picture lies, or None when its path is none or leaves the manifest's folder."""
        parent, _, name = image.rpartition("/")
        if image.startswith("/") or name in ("", ".", ".."):
            return None
        if parent not in self._folders:
            self._folders[parent] = self._resolved(parent)
        return self._folders[parent]

    def _resolved(self, parent: str) -> Path | None:
        found = Path(os.path.realpath(Path(self._root, parent)))
        return found if ".." not in parent.split("/") and found.is_relative_to(self._root) else None


def _folder_rows(path: Path, kind: Kind) -> tuple[ManifestRow, ...]:
    maker = RowMaker(str(path), "picture", ("subject_id", "image"), kind)
    rows: list[ManifestRow] = []
    try:
        for folder in _visible(path):
            if folder.is_symlink() or not folder.is_dir():
                raise BadInput(
                    f"{path} must hold one sub-folder per subject, and {folder.name!r} is none: move it away"
                )
            pictures = _visible(folder)
            if not pictures:
                raise BadInput(f"{path}: sub-folder {folder.name!r} is empty; add pictures or remove it")
            for picture in pictures:
                number = len(rows) + 1
                if picture.is_dir() and not picture.is_symlink():
                    raise BadInput(
                        f"{path}: {picture.name!r} in {folder.name!r} is a folder, not a picture: move it away"
                    )
                cells = maker.checked_cells(number, (folder.name, picture.name))
                rows.append(maker.row(number, cells, folder, f"{folder.name}/{picture.name}"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if not rows:
        raise BadInput(f"{path} holds no sub-folder: one per subject is expected")
    return tuple(rows)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
