"""References that are refused for what other references are: under two subjects, or nearer to another subject.

1. One picture (or one embedding) under two subjects: nobody here can tell whose it is, so it is refused under all of
   them. What the list holds already stays; then only the new one is refused.
2. So is what scores `COPIES` or more with another subject's reference: the same picture stored anew, or a wrong label.
   Of 21.4 million pairs of different people of LFW (YuNet, SFace) 2 reach 0.90, and both are known wrong labels; the
   next scores 0.82 (one person under two spellings), the highest of 2.0 million demo pairs 0.78. Of 41 demo and LFW
   pictures stored anew all reach it at JPEG quality 50 to 95, 40 at three quarters of the size, 36 at half, 39 cropped
   by 8 %; in grey 34 of 40. For pictures only: nobody has measured what 0.90 means among templates from elsewhere.
3. A reference of a subject with two or more is refused where its best score with another subject's references is above
   its best with its own: a look-alike or a wrong label; either way a search would name the other. With one reference
   there is nothing to compare, and nothing is refused.
4. A wrong label makes its neighbours look wrong as well. So the worst is refused first (the largest difference of the
   two scores; of equal ones the first by subject and digest), the others are looked at again without it, and so on:
   the order of the manifest does not matter, and a subject keeps at least one of its references.
5. Only new references are refused: a load adds, and what is in already is not taken out.
6. Watchlists only. Of a cohort it would take the very samples that raise false alarms, and the list would pass a test
   that it should fail; doubtful pairs of cohort people are put before a person instead (`calibration/adjudication.py`).
7. The detail holds scores, never whom a reference resembles: identifiers are sealed.
"""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.rejection import Reason
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.kernels.threads import in_parallel, processors, spans

Key = tuple[str, str]
_Best = list[tuple[int, int]]  # row of a new reference, its best score with another subject
COPIES: Millionths = 900_000
_WHICH = "keep it under the right subject_id"
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


def misplaced(references: Sequence[Reference], copies: Millionths | None = None) -> dict[Key, tuple[Reason, str]]:
    """The new references that are refused, by subject and item digest, with reason and detail. Keys must differ.

    `copies`: the score from which two references are one picture; None where no such score is known.
    """
    refused = {one.key: (Reason.UNDER_TWO_SUBJECTS, f"the same file: {_WHICH}") for one in _under_two(references)}
    left = sorted((one for one in references if one.key not in refused), key=lambda one: one.key)
    if any(one.new for one in left):
        standing = _Standing.of(left)
        best = standing.with_others(every=copies is not None)
        for one, other in standing.without_copies(best, copies):
            words = f"practically the same: {other / MILLION:.4f} with another subject's; {_WHICH}"
            refused[left[one].key] = Reason.UNDER_TWO_SUBJECTS, words
        for one, other, own in standing.worst_first(best):
            words = f"{other / MILLION:.4f} with another subject, {own / MILLION:.4f} with its own"
            refused[left[one].key] = Reason.NEARER_TO_ANOTHER, f"{words}: check whose picture it is"
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

    def without_copies(self, best: _Best, copies: Millionths | None) -> list[tuple[int, int]]:
        """(row, best score with another subject) of new ones that are somebody else's picture; empties `alive`."""
        found = [] if copies is None else [(row, other) for row, other in best if other >= copies]
        self.alive[[row for row, _ in found]] = False
        return found

    def worst_first(self, best: _Best) -> list[tuple[int, int, int]]:
        """(row, best score with another subject, best with its own) of each refused one; empties `alive` of them."""
        mated = [(row, other) for row, other in best if self.alive[row] and self._mated(row)]
        suspects = [(own - other, row) for row, other in mated if other > (own := self._own(row))]
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

    def with_others(self, every: bool) -> _Best:
        """Of new references those whose subject has more than one, or every one, with the best of other subjects."""
        counts = np.bincount(self.owner)
        asked = np.flatnonzero(self.new & (every | (counts[self.owner] > 1))).astype(np.int32)

        def others(span: tuple[int, int]) -> Scores:
            rows = asked[span[0] : span[1]]
            return kernels.maxima(self.rows[rows], self.rows, self.owner, self.owner[rows])

        parts = in_parallel(others, spans(len(asked), max(processors(), -(-len(asked) // _AT_ONCE))))
        best = np.concatenate(parts).tolist() if parts else []
        return list(zip(asked.tolist(), best, strict=True))

    def _mated(self, row: int) -> bool:
        first, last = np.searchsorted(self.owner, (self.owner[row], self.owner[row] + 1)).tolist()
        return int(self.alive[first:last].sum()) > 1

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
