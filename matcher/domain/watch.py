"""Watching after activation: what counts, and a report that its own service refutes.

1. Watched is the report. Renewing and raising rest on the same one: they neither clear the count nor give confidence
   back (a pilot is renewed every 24 hours). At a raised threshold false alarms can only fall, so searches there still
   test what the report certified. Another report starts another count.
2. A case counts once, with the first search of it under the report: one look-alike sought ten times is not ten false
   alarms, and the bound holds for independent searches only. All searches are numbered, and shown beside.
3. An estimated false alarm is a search whose alert was concluded with every candidate *not a lead* by quorum: reviewers
   err, so it is an estimate. An alert that waits, was closed, is inconclusive or holds a lead is none.
4. Look j is at the first 2^j cases. What it counts can only grow as alerts are concluded, so taking it again after each
   conclusion refutes no more often than taking it once, after the last.
5. Searches for people who are on the list count as searches and hardly ever as false alarms: a refutation comes later
   for them, never sooner.
6. A refuted report stops the list that it serves, and is never signed again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Search:
    """One search under a report; `place` numbers the first searches of cases from 1, others have none (rule 2)."""

    case: str
    place: int | None
    alert_id: str | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of the searches under a report: all of them, and of the `cases` that count.

    `false_alarms` are estimated (rule 3); `waiting` alerts may become some, those that were `closed` never will.
    """

    searches: int
    rejected: int
    cases: int
    false_alarms: int
    waiting: int
    closed: int


@dataclass(frozen=True, slots=True)
class Refutation:
    """A look at which false alarms in service exceeded what a report certified.

    `k` estimated false alarms in the first `n` cases: more than `lower`, at confidence 1 - `spent`, and `alpha` was
    certified.
    """

    report: str
    look: int
    n: int
    k: int
    alpha: float
    spent: float
    lower: float

    @property
    def reason(self) -> str:
        """Why the list stopped, in one line; it names nobody and no list."""
        return (
            f"reviewers rejected every candidate in {self.k} of the first {self.n} cases searched: more than "
            f"{100 * self.lower:.3g} % estimated false alarms (look {self.look}), at most {100 * self.alpha:g} % "
            "were certified"
        )
