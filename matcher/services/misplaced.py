"""References that are refused for what other references are: under two subjects, or nearer to another subject.

1. One picture (or one embedding) under two subjects: nobody here can tell whose it is, so it is refused under all of
   them. What the list holds already stays; then only the new one is refused.
2. A reference of a subject with two or more is refused where its best score with another subject's references is above
   its best with its own: a look-alike or a wrong label; either way a search would name the other. With one reference
   there is nothing to compare, and nothing is refused.
3. A wrong label makes its neighbours look wrong as well. So the worst is refused first (the largest difference of the
   two scores; of equal ones the first by subject and digest), the others are looked at again without it, and so on:
   the order of the manifest does not matter, and a subject keeps at least one of its references.
4. Only new references are refused: a load adds, and what is in already is not taken out.
5. Watchlists only. Of a cohort it would take the very samples that raise false alarms, and the list would pass a test
   that it should fail; doubtful pairs of cohort people are put before a person instead (`calibration/adjudication.py`).
6. The detail holds scores, never whom a reference resembles: identifiers are sealed.
"""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.rejection import Reason
from matcher.domain.template import MILLION, Floats, Scores
from matcher.kernels.threads import in_parallel, processors, spans

Key = tuple[str, str]
_AT_ONCE = 4096  # queries of one call


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One template of a list, float32 (d,), and whether it came with this load."""

    subject_id: str
    digest: str
    template: Floats = field(repr=False)
    new: bool

    @property
    def key(self) -> Key:
        """Subject and item: one of each in a list."""
        return self.subject_id, self.digest


def misplaced(references: Sequence[Reference]) -> dict[Key, tuple[Reason, str]]:
    """The new references that are refused, by subject and item digest, with reason and detail. Keys must differ."""
    refused = {one.key: (Reason.UNDER_TWO_SUBJECTS, "") for one in _under_two(references)}
    left = sorted((one for one in references if one.key not in refused), key=lambda one: one.key)
    if any(one.new for one in left):
        for one, other, own in _Standing.of(left).worst_first():
            words = f"{other / MILLION:.4f} with another subject, {own / MILLION:.4f} with its own"
            refused[left[one].key] = Reason.NEARER_TO_ANOTHER, words
    return refused


def _under_two(references: Sequence[Reference]) -> list[Reference]:
    subjects: dict[str, set[str]] = defaultdict(set)
    for one in references:
        subjects[one.digest].add(one.subject_id)
    return [one for one in references if one.new and len(subjects[one.digest]) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """References in order of their keys, their subjects' numbers int32 (n,), and which are still in."""

    rows: Floats
    owner: Scores
    new: npt.NDArray[np.bool_]
    alive: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, references: Sequence[Reference]) -> "_Standing":
        numbers: dict[str, int] = {}
        owner = [numbers.setdefault(one.subject_id, len(numbers)) for one in references]
        return cls(
            np.ascontiguousarray([one.template for one in references], np.float32),
            np.array(owner, np.int32),
            np.array([one.new for one in references]),
            np.ones(len(references), bool),
        )

    def worst_first(self) -> list[tuple[int, int, int]]:
        """(row, best score with another subject, best with its own) of each refused one; empties `alive` of them."""
        suspects = [(own - other, row) for row, other, own in self._first_look() if other > own]
        heapq.heapify(suspects)
        refused = []
        while suspects:
            known, row = heapq.heappop(suspects)
            found = self._scores(row)
            if found is None or found[0] <= found[1]:
                continue
            other, own = found
            if own - other != known:
                heapq.heappush(suspects, (own - other, row))
                continue
            self.alive[row] = False
            refused.append((row, other, own))
            for mate in np.flatnonzero(self.new & self.alive & (self.owner == self.owner[row])).tolist():
                again = self._scores(mate)
                if again is not None and again[0] > again[1]:
                    heapq.heappush(suspects, (again[1] - again[0], mate))
        return refused

    def _first_look(self) -> list[tuple[int, int, int]]:
        """(row, other, own) of every new reference whose subject has more than one."""
        counts = np.bincount(self.owner)
        asked = np.flatnonzero(self.new & (counts[self.owner] > 1)).astype(np.int32)

        def others(span: tuple[int, int]) -> Scores:
            rows = asked[span[0] : span[1]]
            return kernels.maxima(self.rows[rows], self.rows, self.owner, self.owner[rows])

        parts = in_parallel(others, spans(len(asked), max(processors(), -(-len(asked) // _AT_ONCE))))
        best = np.concatenate(parts).tolist() if parts else []
        return [(row, other, self._own(row)) for row, other in zip(asked.tolist(), best, strict=True)]

    def _own(self, row: int) -> int:
        first, last = np.searchsorted(self.owner, (self.owner[row], self.owner[row] + 1)).tolist()
        scores = kernels.canonical_scores(self.rows[row : row + 1], self.rows[first:last])[0]
        counted = self.alive[first:last].copy()
        counted[row - first] = False
        return int(scores[counted].max())

    def _scores(self, row: int) -> tuple[int, int] | None:
        """Best with another and with its own of what is still in; None without one of either, or out itself."""
        mine = self.owner == self.owner[row]
        if not self.alive[row] or (self.alive & mine).sum() < 2 or not (self.alive & ~mine).any():
            return None
        scores = kernels.canonical_scores(self.rows[row : row + 1], self.rows)[0]
        return int(scores[self.alive & ~mine].max()), self._own(row)
