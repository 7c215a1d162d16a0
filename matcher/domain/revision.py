"""A sealed revision: what one list or cohort held at one moment, and the digest of its content.

1. A revision is never edited; adding or replacing makes a new one.
2. The digest covers content only: subjects, item digests, attributes, labels, templates; no time, no random id.
3. An item without a template keeps its reason, so that a picture nobody could use still counts (FTA).
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from matcher.domain.face import FacePlace
from matcher.domain.rejection import Reason
from matcher.domain.template import Floats, ModelIdentity, Scores

Pairs = tuple[tuple[str, str], ...]
UNSEEN = "unseen"
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class PictureRef:
    """Where a sealed picture lies: container, offset and length in bytes, and the face in it."""

    container: str
    offset: int
    length: int
    place: FacePlace


@dataclass(frozen=True, slots=True)
class Item:
    """One reference or cohort sample.

    `digest` is sha256 (hex) of the picture's bytes or of the embedding row; `row` numbers its template in the revision;
    `labels` (name, note) are sealed until a lead; `attributes` are declared; `session` marks the capture session.
    """

    subject_id: str
    digest: str
    labels: Pairs
    attributes: Pairs
    session: str | None
    row: int | None
    reason: Reason | None
    picture: PictureRef | None


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left of a revision from which people were erased: digest and counts; no digest where nothing is."""

    digest: str | None
    subjects: int
    templates: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision's public facts: counts and digests, nothing sealed. `subjects` are those with a template.

    `loaders` are all who loaded what it holds, by name; `loaded_by` is the last of them. `quality` is the digest of the
    quality limits that its pictures were held to, "unseen" for embeddings, "mixed" for several. `touchstone` is what
    its machine made of the shipped faces (`touchstone.py`); empty for embeddings. `left` is None unless people were
    erased from it: all other facts go on telling what it held when it was made.
    """

    revision_id: str
    collection_id: str
    number: int
    digest: str
    model: ModelIdentity
    subjects: int
    templates: int
    rejected: int
    loaded_by: str
    loaded_at: datetime
    loaders: tuple[str, ...]
    quality: str
    touchstone: bytes = b""
    left: Remains | None = None

    @property
    def touchstone_digest(self) -> str:
        """sha256 (hex) of the touchstone, as the log holds it."""
        return hashlib.sha256(self.touchstone).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class RevisionContent:
    """The opened content of a revision: items in canonical order and float32 (n, d) unit templates (read-only)."""

    items: tuple[Item, ...]
    templates: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """What a search needs of a revision in memory, stamped with the digest of the content it was made from.

    `codes` are screening codes of `bits` bits (`ext/README.md`), uint8 aligned to 64 bytes; `subjects` int32 (n,) hold
    the number of each template row's subject; `subject_ids` names them.
    """

    revision_digest: str
    bits: Literal[4, 8]
    d: int
    codes: npt.NDArray[np.uint8] = field(repr=False)
    subjects: Scores
    subject_ids: tuple[str, ...] = field(repr=False)


def in_canonical_order(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Items sorted by subject, then digest: the order of enrolment must not matter."""
    return tuple(sorted(items, key=lambda item: (item.subject_id, item.digest)))


def content_digest(content: RevisionContent) -> str:
    """sha256 (hex) over the canonical items, each followed by the bytes of its template (little-endian float32)."""
    digest = hashlib.sha256(b"watchlist-matcher/revision/v1\n")
    templates = np.ascontiguousarray(content.templates, dtype="<f4")
    for item in content.items:
        facts = [item.subject_id, item.digest, item.labels, item.attributes, item.session, item.reason]
        digest.update(json.dumps(facts, separators=(",", ":"), ensure_ascii=True).encode())
        if item.row is not None:
            digest.update(templates[item.row].tobytes())
        digest.update(b"\n")
    return digest.hexdigest()
