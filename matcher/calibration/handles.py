"""Handles: how a public report points at a person without saying who it is.

1. A handle is the first 12 hexadecimal digits of sha256 over the digest of a revision, a subject id and the digests of
   that subject's items: the same revision gives the same handle, another revision another one.
2. The items are in it because ids can be guessed: whoever tries a list of names or staff numbers against a report finds
   nobody without the very files that were loaded.
3. An admin of the home can turn a handle back into an id; nobody can from the report alone.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

from matcher.errors import IntegrityError

LENGTH = 12  # 48 bits: one chance in seven million that any two of 6,600 people share one


class Sample(Protocol):
    """An item of a revision."""

    @property
    def subject_id(self) -> str: ...
    @property
    def digest(self) -> str: ...


def handle_of(revision_digest: str, subject_id: str, item_digests: Iterable[str]) -> str:
    """The handle of one subject of a revision."""
    told = "\0".join((revision_digest, subject_id, *sorted(set(item_digests))))
    return hashlib.sha256(told.encode()).hexdigest()[:LENGTH]


def handles_of(revision_digest: str, items: Iterable[Sample]) -> Mapping[str, str]:
    """Handles by subject id, in the order of the ids. Raises IntegrityError where two subjects share one."""
    digests: dict[str, list[str]] = defaultdict(list)
    for item in items:
        digests[item.subject_id].append(item.digest)
    found = {subject: handle_of(revision_digest, subject, digests[subject]) for subject in sorted(digests)}
    if len(set(found.values())) < len(found):
        raise IntegrityError("two people of one revision have the same handle: load it again without one of them")
    return found


def is_handle(text: str) -> bool:
    """Whether this is written as handles are."""
    return len(text) == LENGTH and not set(text) - set("0123456789abcdef")


def in_order(handles: Sequence[str]) -> bool:
    """Handles, ascending, each once."""
    return all(is_handle(one) for one in handles) and all(a < b for a, b in pairwise(handles))
