"""Errors per group if the labels of people meant nothing: labels permuted across people, many times, from a seed.

1. A person's false alarm and miss stay together: it is labels that move, so FPIR and FNIR are permuted jointly.
2. Labels move between people who were tested alike (a completed search, a mated search, both). Every group keeps its
   numbers of searches; otherwise a group with few mated people would be judged as if it had many.
3. Drawn as counts, which is the same thing: dealing each error in turn to one of the labels still free, all equally
   likely, gives the table of a permutation its exact probability (multivariate hypergeometric). The most frequent kind
   of person is what is left over and is not dealt.
4. Only raw 64-bit words of PCG64 are used: NumPy keeps that stream between releases (NEP 19), its samplers it may
   change, and a report must replay to the byte. The remainder's bias is below people / 2^64.
5. The order of people does not enter, and groups are put in the order of their counts, so neither does their naming.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from matcher.errors import BadInput

Counts = npt.NDArray[np.int64]
Drawn = npt.NDArray[np.int32]

# A kind of person is 3 * false alarm + miss, each 0 (not tested), 1 (tested, no error) or 2 (error).
KINDS = 9
NOT_TESTED, RIGHT, WRONG = 0, 1, 2
_TESTED_ALIKE = ((4, 5, 7, 8), (3, 6), (1, 2))


def permutation_seed(*digests: str) -> int:
    """A seed from digests and names; 48 bits, so that every JSON reader holds it exactly."""
    return int.from_bytes(hashlib.sha256("\0".join(digests).encode()).digest()[:6], "big")


def in_canonical_order(table: Counts) -> Counts:
    """The table (kinds, groups) with its groups in the order of their counts."""
    return table[:, np.lexsort(table[::-1])]


def permuted_errors(table: Counts, permutations: int, seed: int) -> tuple[Drawn, Drawn]:
    """False alarms and misses of each group in each permutation, both (groups, permutations).

    `table` (kinds, groups) counts the people of each kind. Raises BadInput below one permutation or seed 0.
    """
    if permutations < 1 or seed < 0:
        raise BadInput("the permutations are at least 1 and the seed at least 0")
    bits = np.random.PCG64(seed)
    errors = np.zeros((2, table.shape[1], permutations), dtype=np.int32)
    for kinds in _TESTED_ALIKE:
        for kind, dealt in _deal(bits, {kind: table[kind] for kind in kinds}, permutations):
            for error, state in enumerate(divmod(kind, 3)):
                if state == WRONG:
                    errors[error] += dealt
    return errors[0], errors[1]


def _deal(bits: np.random.PCG64, people: dict[int, Counts], permutations: int) -> list[tuple[int, Drawn]]:
    """How many people of each kind every group gets, (groups, permutations) each."""
    totals = {kind: int(counts.sum()) for kind, counts in people.items()}
    rarest_first = sorted(totals, key=lambda kind: (totals[kind], kind))
    sizes = np.cumsum(sum(people.values())).astype(np.int32)
    free = np.repeat(sizes[:, None], permutations, axis=1)  # labels still free in this group and those before it
    left, dealt = sum(totals.values()), []
    for kind in rarest_first[:-1]:
        before = free.copy()
        for _ in range(totals[kind]):
            place = (bits.random_raw(permutations) % np.uint64(left)).astype(np.int32)
            free -= place < free
            left -= 1
        dealt.append((kind, np.diff(before - free, axis=0, prepend=np.int32(0))))
    dealt.append((rarest_first[-1], np.diff(free, axis=0, prepend=np.int32(0))))
    return dealt
