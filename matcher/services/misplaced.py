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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.rejection import Reason
from matcher.domain.template import MILLION, Floats, Millionths, Scores
from matcher.kernels.codes import encode, scan_threshold
from matcher.kernels.threads import in_parallel, processors, spans

Key = tuple[str, str]
Array = TypeVar("Array", Scores, npt.NDArray[np.int64])
_Best = list[tuple[int, int]]  # row of a new reference, its best score with another subject
COPIES: Millionths = 900_000
_WHICH = "keep it under the right subject_id"
_ALONE = np.iinfo(np.int32).min  # the best score with others of one's own where there are none
_AT_ONCE = 64  # queries of one call: it may return, at the worst, a dozen bytes for each with every row


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
        best = standing.first_look(copies)
        for one, other in standing.without_copies(best, copies):
            words = f"practically the same: {other / MILLION:.4f} with another subject's; {_WHICH}"
            refused[left[one].key] = Reason.UNDER_TWO_SUBJECTS, words
        for one, other, own in standing.worst_first(best):
            words = f"{other / MILLION:.4f} with another subject, {own / MILLION:.4f} with its own"
            refused[left[one].key] = Reason.NEARER_TO_ANOTHER, f"{words}: check whose picture it is"
    return refused


def _under_two(references: Sequence[Reference]) -> list[Reference]:
    first: dict[str, str] = {}
    several = {one.digest for one in references if first.setdefault(one.digest, one.subject_id) != one.subject_id}
    return [one for one in references if one.new and one.digest in several]


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
        lost = self.owner[~self.alive]
        asked = {row for row, _ in best} | set(np.flatnonzero(self.new & np.isin(self.owner, lost)).tolist())
        found_now = ((row, self._scores(row)) for row in sorted(asked))
        suspects = [(own - other, row) for row, scores in found_now if scores for other, own in [scores] if other > own]
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

    def first_look(self, copies: Millionths | None) -> _Best:
        """The new references that score with another subject higher than with their own, or `copies` or more."""
        counts = np.bincount(self.owner)
        asked = np.flatnonzero(self.new & ((copies is not None) | (counts[self.owner] > 1))).astype(np.int32)
        limits = self._best_of_own(asked)
        if copies is not None:
            limits = np.where(limits == _ALONE, copies - 1, np.minimum(limits, copies - 1)).astype(np.int32)
        suspects = np.concatenate([np.empty(0, np.int64), *self._in_waves(self._may_exceed(asked, limits), len(asked))])
        asked, limits = asked[suspects], limits[suspects]

        def others(span: tuple[int, int]) -> Scores:
            rows = asked[span[0] : span[1]]
            return kernels.maxima(self.rows[rows], self.rows, self.owner, self.owner[rows])

        best = np.concatenate([np.empty(0, np.int32), *self._in_waves(others, len(asked))])
        above = best > limits
        return list(zip(asked[above].tolist(), best[above].tolist(), strict=True))

    def _may_exceed(self, asked: Scores, limits: Scores) -> Callable[[tuple[int, int]], npt.NDArray[np.int64]]:
        """Of a span of `asked`, by ascending limit: the places where another subject's row may score above the limit.

        Screening codes leave out only rows that cannot (`ext/README.md`).
        """
        order = np.argsort(limits, kind="stable")
        codes = encode(self.rows, 4)

        def found(span: tuple[int, int]) -> npt.NDArray[np.int64]:
            places = order[span[0] : span[1]]
            rows, least = asked[places], int(limits[places[0]]) + 1
            if least > MILLION:  # nothing scores higher than what is equal
                return places[:0]
            near = scan_threshold(codes, (0, codes.blocks), self.rows[rows], least)
            owners = self.owner[rows][near.queries]
            above = (self.owner[near.rows] != owners) & (near.at_most > limits[places][near.queries])
            kept: npt.NDArray[np.int64] = places[np.unique(near.queries[above])]
            return kept

        return found

    def _in_waves(self, call: Callable[[tuple[int, int]], Array], count: int) -> Iterator[Array]:
        """`call` of spans of `count`, as many at once as there are processors: a Ctrl-C waits for one wave."""
        parts, at_once = spans(count, max(1, -(-count // _AT_ONCE))), processors()
        for start in range(0, len(parts), at_once):
            yield from in_parallel(call, parts[start : start + at_once])

    def _best_of_own(self, asked: Scores) -> Scores:
        """The best score of each with its subject's other references, all of which are still in."""
        best = np.empty(len(asked), np.int32)
        first = np.searchsorted(self.owner, self.owner[asked]).tolist()
        last = np.searchsorted(self.owner, self.owner[asked], side="right").tolist()
        start = 0
        while start < len(asked):
            one, end = slice(first[start], last[start]), start + 1
            while end < len(asked) and end - start < _AT_ONCE and first[end] == one.start:
                end += 1
            scores = kernels.canonical_scores(self.rows[asked[start:end]], self.rows[one])
            scores[np.arange(end - start), asked[start:end] - one.start] = _ALONE
            best[start:end] = scores.max(axis=1)
            start = end
        return best

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
