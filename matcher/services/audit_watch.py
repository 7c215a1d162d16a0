"""The watch played again: every search and rejection counted from the log, and every look taken anew.

1. The searches of every report, and the refutations, are the log's, no more, no fewer.
2. A refutation has the counts that the log had when it was entered, and its numbers follow from them and the policy.
3. No look that the log makes due exceeds what was certified without a refutation: a suspension that was taken out of
   tables *and* log is missed here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matcher.calibration.sequential import look
from matcher.domain.tables import UnitOfWork
from matcher.domain.watch import Refutation, Search
from matcher.errors import BadInput, IntegrityError
from matcher.services.watch import first_exceeded

if TYPE_CHECKING:
    from matcher.domain.policy import Certification


@dataclass(slots=True)
class WatchFacts:
    """What the log knows of searches, rejected alerts and refutations; `counted` is k and the cases at their entry."""

    searches: dict[str, list[Search]] = field(default_factory=lambda: defaultdict(list))
    rejected: set[str] = field(default_factory=set)
    refutations: dict[str, Refutation] = field(default_factory=dict)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)

    def search(self, report: str, case: str, place: int | None, alert_id: str | None) -> None:
        """Plays a search."""
        self.searches[report].append(Search(case, place, alert_id))

    def refute(self, details: dict[str, Any]) -> Refutation:
        """Plays a refutation."""
        report, n = details["report"], details["n"]
        floats = (float(details[name]) for name in ("alpha", "spent", "lower"))
        found = Refutation(report, details["look"], n, details["k"], *floats)
        self.refutations[report] = found
        self.counted[report] = (sum(place <= n for place in self.false_alarms(report)), self.cases(report))
        return found

    def false_alarms(self, report: str) -> list[int]:
        """Places of the cases that are estimated false alarms, ascending."""
        return [one.place for one in self.searches[report] if one.place is not None and one.alert_id in self.rejected]

    def cases(self, report: str) -> int:
        """How many cases count."""
        return sum(one.place is not None for one in self.searches[report])


def check_watch(work: UnitOfWork, facts: WatchFacts) -> int:
    """How many searches were counted. Raises IntegrityError naming the first thing that is wrong."""
    if work.watch.searches() != facts.searches:
        raise IntegrityError("the searches: the tables say something else than the log; the tables were altered")
    if {one.report: one for one in work.watch.refutations()} != facts.refutations:
        raise IntegrityError("the refutations: the tables say something else than the log; the tables were altered")
    for report, searches in facts.searches.items():
        _check_places(report, searches)
        _check_looks(work, facts, report)
    return sum(len(searches) for searches in facts.searches.values())


def _check_places(report: str, searches: list[Search]) -> None:
    seen: set[str] = set()
    for one in searches:
        due = None if one.case in seen else len(seen) + 1
        seen.add(one.case)
        if one.place != due:
            raise IntegrityError(f"a search under report {report[:16]} is counted where it does not belong")


def _check_looks(work: UnitOfWork, facts: WatchFacts, report: str) -> None:
    stored = work.reports.get(report)
    if stored is None:
        raise IntegrityError(f"the report {report[:16]} behind a search is missing")
    limits, found = work.reports.policy(stored.policy_digest).certification, facts.refutations.get(report)
    if found is None:
        missed = first_exceeded(report, facts.false_alarms(report), facts.cases(report), limits)
        if missed is not None:
            raise IntegrityError(f"report {report[:16]} should have been refuted and was not: {missed.reason}")
        return
    k, cases = facts.counted[report]
    if found.n > cases or found.k != k or _taken_again(found, limits) != found or not found.lower > found.alpha:
        raise IntegrityError(f"the refutation of report {report[:16]} does not follow from the searches in the log")


def _taken_again(found: Refutation, limits: Certification) -> Refutation:
    try:
        again = look(found.k, found.n, limits.alpha, limits.delta)
    except BadInput as error:
        raise IntegrityError(f"the refutation of report {found.report[:16]} is no look: {error}") from None
    return Refutation(found.report, again.number, again.n, again.k, again.alpha, again.spent, again.lower)
