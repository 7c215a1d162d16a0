"""Pairs of pictures with their truth, from a CSV: `image_a,image_b,same` and, if there are, `fold` and group columns.

1. UTF-8 with a header row; `same` is 1 for one person twice, 0 for two people.
2. Images are relative to a folder and never leave it.
3. A column that is asked for and not there, an empty cell of it, or a wrong cell ends the run with its line.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from matcher.errors import BadInput
from matcher.store.input_files import open_input

NEEDED = ("image_a", "image_b", "same")
FOLD = "fold"
MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class ImagePair:
    """Two pictures by their names, whether they show one person, and the pair's fold and group, if declared."""

    image_a: str
    image_b: str
    same: bool
    fold: str | None
    group: str | None


def read_pairs(path: Path, group: str | None) -> tuple[ImagePair, ...]:
    """Every pair in order; `group` names the column of the declared group. Raises BadInput."""
    with open_input(path) as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BadInput(f"{path} is longer than {MOST_BYTES:,} bytes")
    try:
        reader = csv.DictReader(raw.decode("utf-8-sig").splitlines(), strict=True)
        columns = reader.fieldnames or ()
        for name in (*NEEDED, *(() if group is None else (group,))):
            if name not in columns:
                raise BadInput(f"{path} has no column {name}: the first line must be image_a,image_b,same")
        pairs = tuple(_pairs(path, reader, group))
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8: save it as UTF-8 text") from None
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}: {error}") from None
    if not pairs:
        raise BadInput(f"{path} holds no pair")
    return pairs


def _pairs(path: Path, reader: "csv.DictReader[str]", group: str | None) -> Iterator[ImagePair]:
    folded = FOLD in (reader.fieldnames or ())
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if None in row or None in row.values():
            raise BadInput(f"{where}: has another number of cells than the first line")
        if row["same"] not in ("0", "1"):
            raise BadInput(f"{where}: same must be 1 or 0, not {row['same']!r}")
        for column in (*NEEDED, *((FOLD,) if folded else ()), *(() if group is None else (group,))):
            if not row[column]:
                raise BadInput(f"{where}: column {column} is empty")
        images = (_inside(where, row["image_a"]), _inside(where, row["image_b"]))
        fold, label = row[FOLD] if folded else None, None if group is None else row[group]
        yield ImagePair(*images, row["same"] == "1", fold, label)


def _inside(where: str, name: str) -> str:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts:
        raise BadInput(f"{where}: {name} leaves the folder of images")
    return name
