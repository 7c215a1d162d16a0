"""A list from which people were removed, shown to be a part of what was tested.

1. A `Reduction` cannot be built unless every item of the smaller revision is in the larger one, with the same subject,
   digest, labels, attributes, session and the same bits of the template; and at least one item fewer.
2. Both contents are those that the revisions are named by; list, model identity and quality limits are the same.
3. Then the best score of any probe can only fall, so at the same threshold or a higher one nobody is flagged who was
   not before: FPIR can only fall. Nothing of the kind holds for an addition or a changed reference.
4. An empty list is no list: somebody with a template must be left.
"""

from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field, replace

import numpy as np

from matcher.domain.revision import Item, Revision, RevisionContent, content_digest
from matcher.domain.template import Floats
from matcher.errors import BadInput, IntegrityError, NotSearchable, Refused

NEEDS_A_TEST = (
    "it holds more than was removed from the list that serves: additions and changed references need a new calibration "
    "(matcher calibrate)"
)


@dataclass(frozen=True, slots=True)
class Reduction:
    """`part` holds a part of what `whole` holds, and nothing else; `contents` are theirs, opened (whole, part).

    Raises NotSearchable where that is not so, Refused for an empty part, IntegrityError for other contents.
    """

    whole: Revision
    part: Revision
    contents: InitVar[tuple[RevisionContent, RevisionContent]]
    subjects_removed: int = field(init=False)

    def __post_init__(self, contents: tuple[RevisionContent, RevisionContent]) -> None:
        for revision, content in zip((self.whole, self.part), contents, strict=True):
            if content_digest(content) != revision.digest:
                raise IntegrityError(f"the content of revision {revision.number} is another one: restore a backup")
        require_part(*contents)
        if self._kind(self.whole) != self._kind(self.part):
            raise NotSearchable("it was made of another list, by another model or under other limits: calibrate it")
        object.__setattr__(self, "subjects_removed", len(_subjects(contents[0]) - _subjects(contents[1])))

    @staticmethod
    def _kind(revision: Revision) -> tuple[str, str, str]:
        return revision.collection_id, revision.model.text(), revision.quality


def require_part(whole: RevisionContent, part: RevisionContent) -> None:
    """Passes only where `part` is a strict, non-empty part of `whole`. Raises NotSearchable, Refused."""
    if not len(part.templates):
        raise Refused("nobody with a usable picture would be left: retire the list instead (matcher watchlist retire)")
    known = {_key(item): item for item in whole.items}
    if len({_key(item) for item in part.items}) < len(part.items) or len(part.items) >= len(whole.items):
        raise NotSearchable(NEEDS_A_TEST)
    pairs = []
    for item in part.items:
        before = known.get(_key(item))
        if before is None or _facts(before) != _facts(item):
            raise NotSearchable(NEEDS_A_TEST)
        if item.row is not None and before.row is not None:
            pairs.append((before.row, item.row))
    if not _same_bits(whole.templates, part.templates, np.array(pairs, np.int64).reshape(-1, 2)):
        raise NotSearchable(NEEDS_A_TEST)


def without(content: RevisionContent, subjects: AbstractSet[str]) -> RevisionContent:
    """The content with none of these subjects. Raises BadInput for one who is not in it, Refused for all of them."""
    if absent := len(subjects - {item.subject_id for item in content.items}):
        raise BadInput(f"{absent} of the {len(subjects)} subjects are not on the list: nobody was removed")
    part = cut(content, subjects)
    require_part(content, part)
    return part


def cut(content: RevisionContent, subjects: AbstractSet[str]) -> RevisionContent:
    """What is left of a content without these subjects: all of it, or nothing."""
    kept = [item for item in content.items if item.subject_id not in subjects]
    rows = np.array([item.row for item in kept if item.row is not None], np.int64)
    number = {int(row): place for place, row in enumerate(rows)}
    items = tuple(replace(item, row=None if item.row is None else number[item.row]) for item in kept)
    templates = content.templates[rows]
    templates.flags.writeable = False
    return RevisionContent(items, templates)


def _key(item: Item) -> tuple[str, str]:
    return item.subject_id, item.digest


def _facts(item: Item) -> tuple[object, ...]:
    """What the content digest covers, and whether it has a template. Where its picture lies is no content."""
    return item.labels, item.attributes, item.session, item.reason, item.row is None


def _subjects(content: RevisionContent) -> frozenset[str]:
    return frozenset(item.subject_id for item in content.items)


def _same_bits(whole: Floats, part: Floats, pairs: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> bool:
    if whole.shape[1:] != part.shape[1:]:
        return False
    # compared as bits: -0.0 is not 0.0, and nothing here is NaN-tolerant by accident
    before, after = whole[pairs[:, 0]].view(np.uint32), part[pairs[:, 1]].view(np.uint32)
    return np.array_equal(before, after)
