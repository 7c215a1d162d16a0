"""Which cohort faces make a known-answer item: a person and themselves, or a person and those who look most like them.

1. Whoever resembles another person of the cohort as much as two pictures of one person usually do (the median mated
   score of the calibration, where adjudication begins) is left out, ruled on or not: a pair that may be one person is
   no known answer.
2. A mate scores at least the list's threshold, as every real candidate does; below it a label may be wrong.
3. A non-mated item is made of the person, among those drawn, whose nearest other person scores highest.
4. The other candidates of either kind are the nearest people who are not in doubt, best first.
5. Every candidate is shown in one and the same number of pictures, so everybody in an item has one more than that: the
   probe's own person must.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher import kernels
from matcher.domain.template import Floats, Millionths, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Usable pictures of a cohort: unit templates float32 (n, d) and the number of each row's person, int32 (n,)."""

    templates: Floats
    owner: Scores

    def has(self, person: int, pictures: int) -> bool:
        """Whether a person has so many pictures."""
        return len(self.rows_of(person)) >= pictures

    def rows_of(self, person: int) -> Scores:
        """The rows of one person."""
        return np.flatnonzero(self.owner == person).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Limits:
    """`median`: where doubt begins; `tau`: the threshold that a mate reaches; `size`: candidates to show.

    `pictures`: how many are shown of each.
    """

    median: Millionths
    tau: Millionths
    size: int
    pictures: int = 1


@dataclass(frozen=True, slots=True)
class Pairing:
    """A probe's row and its candidates, (person, score) best first; `mated`: the probe's own person is one of them."""

    probe: int
    candidates: tuple[tuple[int, Millionths], ...]
    mated: bool


def mated_pairing(faces: Faces, drawn: Sequence[int], limits: Limits) -> Pairing | None:
    """The first of the probes drawn (rows) that has a mate; None where none has."""
    for probe in drawn:
        person = int(faces.owner[probe])
        others = faces.rows_of(person)
        others = others[others != probe]
        if len(others) < limits.pictures or _nearest(faces, person) >= limits.median:
            continue
        mate = int(kernels.canonical_scores(_rows(faces, [probe]), _rows(faces, others)).max())
        if mate < limits.tau:
            continue
        found = [(person, mate), *_neighbours(faces, probe, limits, limits.size - 1)]
        return Pairing(probe, tuple(sorted(found, key=lambda one: (-one[1], one[0]))), mated=True)
    return None


def nonmated_pairing(faces: Faces, drawn: Sequence[int], limits: Limits) -> Pairing | None:
    """The hardest of the probes drawn (rows); None where everybody is in doubt or has one picture."""
    nearest = [(_nearest(faces, int(faces.owner[probe])), probe) for probe in drawn]
    usable = [
        (score, probe)
        for score, probe in nearest
        if score < limits.median and faces.has(int(faces.owner[probe]), limits.pictures + 1)
    ]
    for _, probe in sorted(usable, reverse=True):
        if found := _neighbours(faces, probe, limits, limits.size):
            return Pairing(probe, tuple(found), mated=False)
    return None


def _nearest(faces: Faces, person: int) -> Millionths:
    """The best score of any picture of a person with anybody else's; the least int32 where there is nobody else."""
    rows = _rows(faces, faces.rows_of(person))
    return int(kernels.maxima(rows, faces.templates, faces.owner, np.full(len(rows), person, np.int32)).max())


def _neighbours(faces: Faces, probe: int, limits: Limits, count: int) -> list[tuple[int, Millionths]]:
    """The people nearest to a probe who are in doubt with nobody, best first."""
    person = int(faces.owner[probe])
    scores = kernels.canonical_scores(_rows(faces, [probe]), faces.templates)[0]
    found: list[tuple[int, Millionths]] = []
    seen = {person}
    for row in np.lexsort((faces.owner, -scores)).tolist():
        if len(found) == count:
            break
        other = int(faces.owner[row])
        enough = other not in seen and faces.has(other, limits.pictures + 1)
        if enough and _nearest(faces, other) < limits.median:
            found.append((other, int(scores[row])))
        seen.add(other)
    return found


def _rows(faces: Faces, rows: Scores | Sequence[int]) -> Floats:
    return np.ascontiguousarray(faces.templates[np.asarray(rows, np.int64)])
