"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162, 2.1): one digest for a sequence of leaves, and short proofs.

Rules:

1. A leaf's hash is ``SHA-256(0x00 || leaf)`` and a node's ``SHA-256(0x01 || left || right)``: a node never passes
   for a leaf.
2. The root of no leaves is ``SHA-256("")``; of n > 1 leaves it is the node over the first k and the other n - k,
   where k is the largest power of two smaller than n.
3. An *inclusion proof* shows that one leaf stands at one place of a tree of a known root (RFC 9162, 2.1.3).
4. A *consistency proof* shows that one tree begins with exactly the leaves of an older one: nothing changed, nothing
   cut (2.1.4).
5. Verifying takes values and says yes or no. A proof that is too short, too long or of a wrong width is a no, never
   an error.

``Frontier`` keeps one hash a level and gives the root as leaves arrive; ``Tree`` keeps 64 bytes a leaf and gives
proofs too. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "Tree",
    "leaf_hash",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

_WIDTH = hashlib.sha256().digest_size
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The 32 bytes that stand for ``leaf`` in the tree."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32 bytes that stand for two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over ``leaves`` in their order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """The root of a growing sequence in one hash for each 1 bit of its size: 17 for 100,000 leaves at most."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """An empty one, or one that goes on where `peaks` of `size` leaves were kept."""
        if len(peaks) != size.bit_count() * _WIDTH:
            raise ValueError(f"{len(peaks)} bytes are not the peaks of {size:,} leaves")
        self.size = size
        self._peaks = [peaks[place : place + _WIDTH] for place in range(0, len(peaks), _WIDTH)]  # the largest first

    @property
    def peaks(self) -> bytes:
        """The roots of the complete subtrees, the largest first: all that is needed to go on from here."""
        return b"".join(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Put one more leaf at the end."""
        peak, carried = leaf_hash(leaf), self.size
        while carried & 1:
            peak = node_hash(self._peaks.pop(), peak)
            carried >>= 1
        self._peaks.append(peak)
        self.size += 1

    def root(self) -> bytes:
        """The root over every leaf so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Tree:
    """Every complete subtree of a sequence, level over level: roots of any earlier size, and proofs, in O(log² n)."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // _WIDTH

    def append(self, leaf: bytes) -> None:
        """Put one more leaf at the end."""
        level, value = 0, leaf_hash(leaf)
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            row = self._levels[level]
            row += value
            if len(row) // _WIDTH % 2:
                return
            value = node_hash(bytes(row[-2 * _WIDTH : -_WIDTH]), bytes(row[-_WIDTH:]))
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """The root over the first ``size`` leaves (default: all)."""
        end = self.size if size is None else size
        if not 0 <= end <= self.size:
            raise ValueError(f"A tree of {self.size:,} leaves has no root over {end:,}.")
        return self._range(0, end)

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that leaf ``index`` (from 0) stands in the tree of the first ``size`` leaves; RFC 9162, 2.1.3.1."""
        end = self.size if size is None else size
        if not 0 <= index < end <= self.size:
            raise ValueError(f"Leaf {index:,} does not stand among the first {end:,} of {self.size:,}.")
        start, proof = 0, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return tuple(reversed(proof))

    def consistency(self, first: int, second: int | None = None) -> tuple[bytes, ...]:
        """The proof that the tree of ``second`` leaves begins with that of ``first``; RFC 9162, 2.1.4.1."""
        end = self.size if second is None else second
        if not 0 < first <= end <= self.size:
            raise ValueError(f"A tree of {first:,} leaves cannot be compared with one of {end:,} here.")
        start, whole, proof = (
            0,
            True,
            [],
        )  # whole: the older tree's root is the node we stand at, and the verifier has it
        while first != end:
            middle = start + _split(end - start)
            if first <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        return tuple(reversed(proof))

    def _range(self, start: int, end: int) -> bytes:
        """The root over leaves ``start`` to ``end``, where the recursion put them: ``start`` divides evenly."""
        size = end - start
        if size == 0:
            return EMPTY_ROOT
        level = size.bit_length() - 1
        if size == 1 << level:
            place = (start >> level) * _WIDTH
            return bytes(self._levels[level][place : place + _WIDTH])
        middle = start + _split(size)
        return node_hash(self._range(start, middle), self._range(middle, end))


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``leaf`` stands at ``index`` of the tree of ``size`` leaves with this root; RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or any(len(step) != _WIDTH for step in proof):
        return False
    place, last, value = index, size - 1, leaf_hash(leaf)
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            value = node_hash(step, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, step)
        place, last = place >> 1, last >> 1
    return last == 0 and value == root


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the tree of ``second`` leaves begins with the leaves of the tree of ``first``; RFC 9162, 2.1.4.2."""
    if not 0 < first <= second or any(len(step) != _WIDTH for step in proof):
        return False
    if first == second:
        return not proof and first_root == second_root
    steps = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not steps:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
