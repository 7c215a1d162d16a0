"""What a collection holds and what a load brings, in one content: items in canonical order with renumbered rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from matcher.domain.rejection import Reason, Rejected
from matcher.domain.revision import Item, RevisionContent
from matcher.domain.template import Floats
from matcher.services.enrol import Enrolled
from matcher.services.misplaced import COPIES, Reference, misplaced


def without_misplaced(kept: RevisionContent | None, new: Sequence[Enrolled], pictures: bool) -> list[Enrolled]:
    """The new ones, turned away where other references speak against them; `pictures`: they were seen here."""
    found = {one.key: Reference(*one.key, one.template, new=True) for one in new if one.template is not None}
    for item in () if kept is None else kept.items:
        if kept is not None and item.row is not None:
            key = item.subject_id, item.digest
            found[key] = Reference(*key, kept.templates[item.row], new=False)
    refused = misplaced(tuple(found.values()), COPIES if pictures else None)
    return [_turned_away(one, *refused[one.key]) if one.key in refused else one for one in new]


def _turned_away(one: Enrolled, reason: Reason, detail: str) -> Enrolled:
    item = replace(one.item, reason=reason, picture=None)
    return replace(one, item=item, template=None, rejected=Rejected(one.source, reason, detail))


def merged(kept: RevisionContent | None, new: Sequence[Enrolled], dim: int) -> tuple[RevisionContent, int]:
    """Old and new items in canonical order with renumbered rows, and how many new ones were there already."""
    found: dict[tuple[str, str], tuple[Item, Floats | None]] = {}
    if kept is not None:
        for item in kept.items:
            found[item.subject_id, item.digest] = item, None if item.row is None else kept.templates[item.row]
    duplicates = 0
    for one in new:
        duplicates += one.key in found
        if one.template is None and one.key in found and found[one.key][1] is not None:
            continue  # a load adds: what is in already is not taken out by stricter limits
        if one.unread is not None:
            found.pop(one.unread, None)
        found[one.key] = one.item, one.template
    items: list[Item] = []
    rows = np.empty((sum(template is not None for _, template in found.values()), dim), np.float32)
    count = 0
    for key in sorted(found):  # the canonical order
        item, template = found.pop(key)
        items.append(replace(item, row=None if template is None else count))
        if template is not None:
            rows[count] = template
            count += 1
    rows.flags.writeable = False
    return RevisionContent(tuple(items), rows), duplicates
