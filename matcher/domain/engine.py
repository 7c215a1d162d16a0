"""Which engine answers for a list: the exact one, or an approximate one that its report was tested with.

1. The exact engine has no name (an empty text): what was signed before there was another stays what it is.
2. An approximate engine is named by a FAISS factory and how much of it a search looks at: `IVF256,Flat;nprobe=16` or
   `HNSW32;efSearch=512`. Only these two forms exist; both keep every row as it is, so only omissions are possible.
3. What is certified is one built index: its factory and the digest of its structure.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

from matcher.errors import BadInput

EXACT = ""
MOST_LISTS = 65_536
MOST_EFFORT = 65_536
LINKS = range(4, 65)
_IVF = re.compile(r"IVF([1-9][0-9]{0,4}),Flat(?:;nprobe=([1-9][0-9]{0,4}))?", re.ASCII)
_HNSW = re.compile(r"HNSW([1-9][0-9]?)(?:;efSearch=([1-9][0-9]{0,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Factory:
    """An approximate engine that may be asked for. Raises BadInput for numbers that no such engine has.

    `size` is the number of lists (IVF) or of links of a row (HNSW); `effort` how many lists or rows a search looks at.
    """

    family: Literal["IVF", "HNSW"]
    size: int
    effort: int

    def __post_init__(self) -> None:
        if self.family == "IVF" and not 1 <= self.effort <= self.size <= MOST_LISTS:
            raise BadInput(f"an index of {self.size} lists is searched in 1 to {self.size} of at most {MOST_LISTS:,}")
        if self.family == "HNSW" and not (self.size in LINKS and 1 <= self.effort <= MOST_EFFORT):
            raise BadInput(f"HNSW has {LINKS[0]} to {LINKS[-1]} links and looks at 1 to {MOST_EFFORT:,} rows")

    @property
    def faiss(self) -> str:
        """What `faiss.index_factory` is given."""
        return f"IVF{self.size},Flat" if self.family == "IVF" else f"HNSW{self.size}"

    @property
    def text(self) -> str:
        """The whole name."""
        return f"{self.faiss};{'nprobe' if self.family == 'IVF' else 'efSearch'}={self.effort}"


def factory_from(text: str) -> Factory:
    """The factory of a text; without an effort sqrt(lists) are searched, or 16 rows a link. Raises BadInput."""
    if found := _IVF.fullmatch(text):
        lists = int(found[1])
        return Factory("IVF", lists, math.isqrt(lists) if found[2] is None else int(found[2]))
    if found := _HNSW.fullmatch(text):
        links = int(found[1])
        return Factory("HNSW", links, 16 * links if found[2] is None else int(found[2]))
    raise BadInput(f"{text} is no index that may be certified: give IVF<lists>,Flat;nprobe=<n> or HNSW<m>;efSearch=<n>")


def engine_name(factory: str, structure: str) -> str:
    """What a certificate holds of an approximate engine: its factory's text and the digest of its structure."""
    return f"{factory} {structure}"
