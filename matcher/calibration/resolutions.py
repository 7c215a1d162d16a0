"""What an admin found who looked at pairs of cohort people: two different people, or one.

The file is CSV in UTF-8. Its first line is `one,other,ruling`; every further line holds two handles of a report and
`different` or `same`. A pair stands in it once, whichever handle comes first. Nothing else is accepted.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from matcher.calibration.handles import is_handle
from matcher.errors import BadInput

HEADER = ["one", "other", "ruling"]
MOST_BYTES = 4_000_000


class Ruling(StrEnum):
    """Of a pair: nobody has looked, or somebody has and says so."""

    OPEN = "open"
    DIFFERENT = "different"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Resolutions:
    """Rulings by pair of handles (ascending)."""

    rulings: Mapping[tuple[str, str], Ruling] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def digest(self) -> str | None:
        """sha256 (hex) of the pairs in order, however the file was written; None where there are none."""
        if not self.rulings:
            return None
        lines = (f"{one},{other},{ruling.value}\n" for (one, other), ruling in sorted(self.rulings.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def parse_resolutions(raw: bytes) -> Resolutions:
    """The file's rulings. Raises BadInput for anything else, naming the first bad line."""
    if len(raw) > MOST_BYTES:
        raise BadInput(f"the adjudication file is longer than {MOST_BYTES} bytes: give one line for each pair")
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise BadInput("the adjudication file is not UTF-8 text") from None
    except csv.Error as error:
        raise BadInput(f"the adjudication file is not CSV: {error}") from None
    if not lines or lines[0] != HEADER:
        raise BadInput(f"the adjudication file must begin with the line {','.join(HEADER)}")
    rulings: dict[tuple[str, str], Ruling] = {}
    for number, cells in enumerate(lines[1:], start=2):
        pair, ruling = _line(number, cells)
        if pair in rulings:
            raise _refused(number, "the pair stands in it twice")
        rulings[pair] = ruling
    return Resolutions(MappingProxyType(rulings))


def _line(number: int, cells: list[str]) -> tuple[tuple[str, str], Ruling]:
    if len(cells) != len(HEADER):
        raise _refused(number, f"{len(cells)} cells instead of {len(HEADER)}")
    one, other, said = cells
    if not (is_handle(one) and is_handle(other)):
        raise _refused(number, "a handle is 12 digits of 0-9 and a-f, as the report has it")
    if one == other:
        raise _refused(number, "a person and themselves are no pair")
    if said not in (Ruling.DIFFERENT, Ruling.SAME):
        raise _refused(number, "the ruling is the word different or same")
    return (min(one, other), max(one, other)), Ruling(said)


def _refused(number: int, why: str) -> BadInput:
    return BadInput(f"line {number} of the adjudication file: {why}")
