"""Whether somebody was listed on a day, shown after the list is gone.

1. With every activation the log holds the root of a Merkle tree (`merkle.py`, RFC 6962) over the subjects that the list
   was searched for. A leaf is sha256 over a salt and the subject's id; leaves stand in ascending order.
2. A salt is of 256 bits that nobody computes without the home key, another one for each subject of each revision:
   root, leaves and proofs tell nothing of anybody but the one whose salt is shown.
3. A proof shows one subject's id and salt, and the way from that leaf to the root. Whoever has the log checks it
   without a key, whatever became of the list.
4. That somebody was *not* listed is a statement of whoever holds the home key, who computes the salt and finds no leaf.
   It is no proof to others: they cannot tell whether the salt was the right one.
"""

import hashlib
from dataclasses import dataclass

from matcher.domain.merkle import verify_inclusion

_CONTEXT = b"watchlist-matcher/listed/v1\n"
LEAF_BYTES = 32


@dataclass(frozen=True, slots=True)
class ListedProof:
    """That `subject_id` stands at `place` (from 0) among the `size` subjects of an activation; bytes are hex."""

    certificate: str
    root: str
    size: int
    subject_id: str
    salt: str
    place: int
    path: tuple[str, ...]

    def holds(self) -> bool:
        """Whether the way leads from the subject to the root; what is not hex leads nowhere."""
        try:
            salt, root = bytes.fromhex(self.salt), bytes.fromhex(self.root)
            path = [bytes.fromhex(step) for step in self.path]
        except ValueError:
            return False
        return verify_inclusion(leaf_of(salt, self.subject_id), self.place, self.size, path, root)


def leaf_of(salt: bytes, subject_id: str) -> bytes:
    """What stands for a subject in the tree."""
    return hashlib.sha256(_CONTEXT + salt + subject_id.encode()).digest()
