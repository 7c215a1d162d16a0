"""The rows of what goes in, whatever file they come from, and the rules every one of them keeps.

1. Text is NFC, without control characters, line separators or lone surrogates, at most 1,000 characters a cell. A
   subject id holds printable characters only: two that look alike on every screen must not be two people.
2. Watchlist: `name` and `note` are sealed labels, every other column is a declared attribute. Cohort: `session` marks
   the capture session, every other column declares groups. Empty cells are left out.
3. Cohort: at most 50 labels in a column, and one person has at most one label in each.
4. The same subject and image come once.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matcher.domain.revision import Pairs
from matcher.errors import BadInput

Kind = Literal["watchlist", "cohort"]

LABELS = ("name", "note")
LONGEST_CELL = 1_000  # characters
MOST_COLUMNS = 100
MOST_LABELS = 50
MOST_ROWS = 10_000_000

_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row: who, which picture, sealed labels, declared attributes (both sorted by column), capture session.

    `name` is the picture's path as the manifest has it, or relative to the folder; empty for embeddings. `folder` is
    where the picture lies, None for embeddings: rows share it, because a path of its own takes more than all the rest.
    """

    subject_id: str
    folder: Path | None
    name: str
    labels: Pairs
    attributes: Pairs
    session: str | None

    @property
    def image(self) -> Path | None:
        """The picture's path, None for embeddings."""
        return None if self.folder is None else self.folder / self.name.rpartition("/")[2]


class RowMaker:
    """Makes rows of cells and keeps the rules that need more than one row.

    `where` names the file; `unit` is what it counts ("line", "row"); `columns` are all names, as the cells are ordered.
    """

    def __init__(self, where: str, unit: str, columns: Sequence[str], kind: Kind) -> None:
        self._where = where
        self._unit = unit
        self._kind = kind
        self._subject = columns.index("subject_id")
        named = sorted((name, place) for place, name in enumerate(columns) if name not in ("subject_id", "image"))
        sealed, marking = (LABELS, "") if kind == "watchlist" else ((), "session")
        self._labels = [(name, place) for name, place in named if name in sealed]
        self._attributes = [(name, place) for name, place in named if name not in (*sealed, marking)]
        self._session = dict(named).get(marking)
        self._shared: dict[Pairs, Pairs] = {}  # a million rows have few different labels
        self._groups: dict[str, set[str]] = {}
        self._declared: dict[str, Pairs] = {}
        self._seen: set[tuple[str, Path, str]] = set()

    def row(self, number: int, cells: Sequence[str], folder: Path | None, name: str = "") -> ManifestRow:
        """A row of cells that `checked_cells` returned. Raises BadInput."""
        subject = cells[self._subject]
        if not subject or not subject.isprintable():
            raise self.refused(
                number, "subject_id is empty" if not subject else "subject_id has an invisible character"
            )
        if folder is not None:
            seen = subject, folder, name.rpartition("/")[2]
            if seen in self._seen:
                raise self.refused(number, "the same subject and image appear twice; keep one of them")
            self._seen.add(seen)
        labels = self._pairs(self._labels, cells)
        attributes = self._pairs(self._attributes, cells)
        if self._kind == "cohort" and attributes:
            self._check_groups(number, subject, attributes)
        session = None if self._session is None else cells[self._session] or None
        return ManifestRow(subject, folder, name, labels, attributes, session)

    def checked_cells(self, number: int, cells: Sequence[str]) -> list[str]:
        """Cells without surrounding blanks, in NFC. Raises BadInput for what is no text, or too long."""
        if _NO_TEXT.search("".join(cells)):
            raise self.refused(number, "a cell holds a control character or a line break")
        if max(map(len, cells)) > LONGEST_CELL:
            raise self.refused(number, f"a cell is longer than {LONGEST_CELL:,} characters")
        return [cell.strip() if cell.isascii() else unicodedata.normalize("NFC", cell).strip() for cell in cells]

    def refused(self, number: int, what: str) -> BadInput:
        """The error that names this file and row; it never quotes a cell, because cells are personal data."""
        return BadInput(f"{self._where}, {self._unit} {number}: {what}")

    def _pairs(self, columns: Sequence[tuple[str, int]], cells: Sequence[str]) -> Pairs:
        pairs = tuple([(name, cells[place]) for name, place in columns if cells[place]])
        return self._shared.setdefault(pairs, pairs)

    def _check_groups(self, number: int, subject: str, attributes: Pairs) -> None:
        declared = self._declared.setdefault(subject, attributes)
        if declared is not attributes:
            merged = dict(attributes)
            for column, label in declared:
                if merged.setdefault(column, label) != label:
                    raise self.refused(
                        number, f"one person has two labels in column {column}; keep one for each person"
                    )
            self._declared[subject] = tuple(sorted(merged.items()))
        for column, label in attributes:
            labels = self._groups.setdefault(column, set())
            labels.add(label)
            if len(labels) > MOST_LABELS:
                what = f"column {column} has more than {MOST_LABELS} labels, so it declares no groups: remove it"
                raise self.refused(number, what)


def check_columns(where: str, columns: Sequence[str], needed: Sequence[str]) -> None:
    """Raises BadInput for a missing, empty, repeated or unprintable column name, or too many of them."""
    for column in needed:
        if column not in columns:
            raise BadInput(f"{where} has no column {column}: it needs {' and '.join(needed)}")
    if len(columns) > MOST_COLUMNS:
        raise BadInput(f"{where} has {len(columns)} columns; at most {MOST_COLUMNS} are read")
    if len(set(columns)) != len(columns) or "" in columns:
        raise BadInput(f"{where} has an empty or repeated column name")
    if any(len(column) > MOST_COLUMNS or not column.isprintable() for column in columns):
        raise BadInput(f"{where} has a column name that is too long or holds an invisible character")
