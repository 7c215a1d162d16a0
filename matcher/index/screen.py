"""What an index keeps in memory of a sealed revision, made once when the revision is sealed."""

import numpy as np

from matcher.domain.revision import RevisionContent, Screen
from matcher.kernels import codes

BITS: codes.Bits = 4  # the code set for searches at a threshold; 8-bit codes are for top-k, which no list is asked


def screen_of(content: RevisionContent, revision_digest: str) -> Screen:
    """Codes, the subject of each row, and the subjects' ids in order. Raises BadInput for rows that are not unit."""
    searched = [item for item in content.items if item.row is not None]
    names = sorted({item.subject_id for item in searched})
    number = {name: place for place, name in enumerate(names)}
    subjects = np.empty(len(searched), np.int32)
    for item in searched:
        subjects[item.row or 0] = number[item.subject_id]
    subjects.flags.writeable = False
    made = codes.encode(content.templates, BITS)
    return Screen(revision_digest, made.bits, made.d, made.data, subjects, tuple(names))
