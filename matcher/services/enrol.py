"""Enrolment: every row of a source becomes an item with a template, or with the reason why there is none.

1. Rows keep their order, however many pictures are looked at at once and whatever an earlier run has left.
2. In memory are the templates, once, and of pictures as many as the pipeline looks ahead.
3. What became of a picture is in the journal before the next one is looked at.
4. A picture that cannot be read is known by its name in the manifest, wherever the manifest lies.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from matcher.domain.face import Face, Picture
from matcher.domain.ports import ContainerWriter, LoadJournal
from matcher.domain.rejection import Rejected
from matcher.domain.revision import Item, PictureRef
from matcher.domain.template import Floats
from matcher.errors import BadInput
from matcher.services.sources import EmbeddingSource, PictureSource, Progress, Row


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """One row of the source: its item with a template or a reason."""

    row: Row
    item: Item
    template: Floats | None
    rejected: Rejected | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Subject and item: one of each in a revision."""
        return self.item.subject_id, self.item.digest

    @property
    def unread(self) -> tuple[str, str] | None:
        """The key of what stood for this picture while its file could not be read."""
        return None if self.row.image is None else (self.item.subject_id, _digest_unread(self.row.name))

    @property
    def source(self) -> str:
        """What the loader is told of where it came from."""
        return self.row.name if self.row.image is None else str(self.row.image)


def enrol_embeddings(source: EmbeddingSource) -> list[Enrolled]:
    """One template per row."""
    return [
        Enrolled(row, _item(row, hashlib.sha256(template.tobytes()).hexdigest()), template)
        for row, template in zip(source.rows, source.templates, strict=True)
    ]


def enrol_pictures(
    source: PictureSource, box: ContainerWriter, journal: LoadJournal | None, progress: Progress
) -> list[Enrolled]:
    """One result per row; pictures with a template are sealed into `box`. Raises BadInput, StorageFailed."""
    return _Enrolment(source, box, journal, progress).all()


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """A picture that the pipeline has and has not answered for: its row, and the digest it is known by."""

    place: int
    picture: Picture | Rejected
    digest: str


class _Enrolment:
    def __init__(
        self, source: PictureSource, box: ContainerWriter, journal: LoadJournal | None, progress: Progress
    ) -> None:
        self._source = source
        self._box = box
        self._journal = journal
        self._progress = progress
        self._ahead: deque[_Ahead] = deque()
        self._found: list[Enrolled | None] = [None] * len(source.rows)
        # Pages of rows that get no template are never touched.
        self._templates = np.empty((len(source.rows), source.model.dim), np.float32)
        self._done = self._known = 0

    def all(self) -> list[Enrolled]:
        for _, result in self._source.pipeline.references(self._new_pictures(), self._source.quality):
            one = self._ahead.popleft()
            if self._journal is not None and isinstance(one.picture, Picture):
                self._journal.add(one.digest, result)
            self._take(one, result)
        self._templates.flags.writeable = False
        return [one for one in self._found if one is not None]

    def _new_pictures(self) -> Iterator[Picture | Rejected]:
        """The pictures to look at, in order; those that the journal knows are taken as they are met."""
        for place, row in enumerate(self._source.rows):
            if row.image is None:
                raise BadInput(f"subject {row.subject_id} has no image column to read")
            picture = self._source.read(row.image)
            one = _Ahead(place, picture, _digest(row, picture))
            known = self._known_result(one)
            if known is None:
                self._ahead.append(one)
                yield picture
            else:
                self._known += 1
                self._take(one, known)

    def _known_result(self, one: _Ahead) -> Face | Rejected | None:
        if self._journal is None or isinstance(one.picture, Rejected):
            return None
        return self._journal.result(one.digest, one.picture.name)

    def _take(self, one: _Ahead, result: Face | Rejected) -> None:
        row = self._source.rows[one.place]
        item = _item(row, one.digest)
        if isinstance(result, Rejected):
            self._found[one.place] = Enrolled(row, replace(item, reason=result.reason), None, result)
        elif isinstance(one.picture, Rejected):
            raise TypeError("a template cannot come from a picture that was not read")
        else:
            data = one.picture.data
            sealed = PictureRef(self._box.container_id, self._box.append(data), len(data), result.place)
            template = self._templates[one.place]
            template[:] = result.template
            template.flags.writeable = False
            self._found[one.place] = Enrolled(row, replace(item, picture=sealed), template)
        self._done += 1
        self._progress(self._done, len(self._source.rows), self._known)


def _digest(row: Row, picture: Picture | Rejected) -> str:
    return hashlib.sha256(picture.data).hexdigest() if isinstance(picture, Picture) else _digest_unread(row.name)


def _digest_unread(name: str) -> str:
    return hashlib.sha256(f"unread:{name}".encode()).hexdigest()


def _item(row: Row, digest: str) -> Item:
    return Item(row.subject_id, digest, row.labels, row.attributes, row.session, None, None, None)
