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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.domain.rejection import Reason
from matcher.domain.template import MILLION, Floats, Scores
from matcher.kernels.codes import encode, scan_threshold
from matcher.kernels.threads import in_parallel, processors, spans

Key = tuple[str, str]
Array = TypeVar("Array", Scores, npt.NDArray[np.int64])
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

    def worst_first(self) -> list[tuple[int, int, int]]:
        """(row, best score with another subject, best with its own) of each refused one; empties `alive` of them."""
        suspects = [(own - other, row) for row, other, own in self._first_look()]
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
        """(row, other, own) of every new reference that has mates and scores higher with another subject."""
        counts = np.bincount(self.owner)
        asked = np.flatnonzero(self.new & (counts[self.owner] > 1)).astype(np.int32)
        own = self._best_of_own(asked)
        suspects = np.concatenate([np.empty(0, np.int64), *self._in_waves(self._may_exceed(asked, own), len(asked))])
        asked, own = asked[suspects], own[suspects]

        def others(span: tuple[int, int]) -> Scores:
            rows = asked[span[0] : span[1]]
            return kernels.maxima(self.rows[rows], self.rows, self.owner, self.owner[rows])

        best = np.concatenate([np.empty(0, np.int32), *self._in_waves(others, len(asked))])
        above = best > own
        return list(zip(asked[above].tolist(), best[above].tolist(), own[above].tolist(), strict=True))

    def _may_exceed(self, asked: Scores, own: Scores) -> Callable[[tuple[int, int]], npt.NDArray[np.int64]]:
        """Of a span of `asked`, by ascending `own`: the places where a row of another subject may score above `own`.

        Screening codes leave out only rows that cannot (`ext/README.md`).
        """
        order = np.argsort(own, kind="stable")
        codes = encode(self.rows, 4)

        def found(span: tuple[int, int]) -> npt.NDArray[np.int64]:
            places = order[span[0] : span[1]]
            rows, least = asked[places], int(own[places[0]]) + 1
            if least > MILLION:  # nothing scores higher than what is equal
                return places[:0]
            near = scan_threshold(codes, (0, codes.blocks), self.rows[rows], least)
            owners = self.owner[rows][near.queries]
            above = (self.owner[near.rows] != owners) & (near.at_most > own[places][near.queries])
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
            scores[np.arange(end - start), asked[start:end] - one.start] = np.iinfo(np.int32).min
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
