"""Watching after activation: taking the looks that are due, and telling how a list does against what was certified.

1. Looks are taken in the transaction of every search and every conclusion, at each 2^j cases reached so far, for the
   report of that search (the rules of counting are in `domain/watch.py`, the bound is in `calibration/sequential.py`).
2. The first look that exceeds what was certified refutes the report: a list that serves with it is suspended, and its
   waiting alerts close as inconclusive, as with every suspension.
3. The log entry has for its actor whose search or judgement completed the count, and holds every number of the look, so
   that anybody can take it again; nobody decided it, so nobody signs it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from matcher.calibration.sequential import Look, look
from matcher.domain.events import Action, event
from matcher.domain.tables import UnitOfWork
from matcher.domain.watch import Refutation, Watched
from matcher.domain.watchlist import Watchlist
from matcher.errors import IntegrityError

if TYPE_CHECKING:
    # pydantic is only loaded where a policy is read
    from matcher.domain.policy import Certification


@dataclass(frozen=True, slots=True)
class Record:
    """How a list does under the report that serves. `last_look` is at the counts of now, None before two cases."""

    report: str
    watched: Watched
    alpha: float
    last_look: Look | None
    next_look_at: int
    refutation: Refutation | None


def due_looks(places: Sequence[int], cases: int, limits: Certification) -> Iterator[Look]:
    """Looks at the first 2, 4, 8, ... of the cases so far; `places` of estimated false alarms, ascending."""
    n = 2
    while n <= cases:
        yield look(bisect_right(places, n), n, limits.alpha, limits.delta)
        n *= 2


def first_exceeded(report: str, places: Sequence[int], cases: int, limits: Certification) -> Refutation | None:
    """The refutation that the first exceeded of the due looks makes."""
    if not places:
        return None
    exceeded = (one for one in due_looks(places, cases, limits) if one.exceeded)
    return next((Refutation(report, o.number, o.n, o.k, o.alpha, o.spent, o.lower) for o in exceeded), None)


def take_looks(work: UnitOfWork, report: str, actor: str, now: datetime) -> str:
    """Takes the looks that are due for a report, and stops the list that a refuted one serves; the reason, or nothing.

    To be called after every search and conclusion, in the same transaction.
    """
    places = work.watch.false_alarms(report)
    if not places or work.watch.refutation(report) is not None:
        return ""
    stored = work.reports.get(report)
    watchlist = None if stored is None else work.lists.by_id(stored.list_id)
    if stored is None or watchlist is None:
        raise IntegrityError("the report behind a search, or its list, is missing: restore a backup")
    limits = work.reports.policy(stored.policy_digest).certification
    found = first_exceeded(report, places, work.watch.watched(report).cases, limits)
    return "" if found is None else _refute(work, watchlist, found, (actor, now))


def record(work: UnitOfWork, watchlist: Watchlist) -> Record | None:
    """How a list does; None for one that was never activated."""
    if watchlist.certificate is None:
        return None
    binding = watchlist.certificate.terms.binding
    watched = work.watch.watched(binding.report_digest)
    # What waits is shown with known-answer items, as in every number of waiting alerts; no look counts it.
    watched = replace(watched, waiting=watched.waiting + work.vigilance.waiting(binding.report_digest))
    limits = work.reports.policy(binding.policy_digest).certification
    places = work.watch.false_alarms(binding.report_digest)
    last = watched.cases.bit_length() - 1
    taken = look(bisect_right(places, 1 << last), 1 << last, limits.alpha, limits.delta) if last >= 1 else None
    next_at = 1 << max(1, last + 1)
    return Record(binding.report_digest, watched, limits.alpha, taken, next_at, watchlist.refutation)


def record_text(found: Record) -> str:
    """A record in one sentence; what nobody has judged is never left out."""
    seen, taken = found.watched, found.last_look
    parts = [
        f"{seen.cases} cases: {seen.false_alarms} estimated false alarms, {seen.waiting} waiting, "
        f"{seen.closed} closed unjudged (all {seen.searches} searches: {seen.rejected} rejected)",
        f"at most {100 * found.alpha:g} % certified",
        "no look yet" if taken is None else _look_text(taken),
        "refuted in service" if found.refutation else f"next look at {found.next_look_at} cases",
    ]
    return "; ".join(parts)


def record_facts(found: Record) -> dict[str, object]:
    """A record for `--json`; rates are k of n."""
    seen, taken, refuted = found.watched, found.last_look, found.refutation
    return {
        "report": found.report,
        "searches": seen.searches,
        "rejected": seen.rejected,
        "cases": seen.cases,
        "false_alarms": seen.false_alarms,
        "waiting": seen.waiting,
        "closed_unjudged": seen.closed,
        "alpha": found.alpha,
        "last_look": None if taken is None else _look_facts(taken.number, taken),
        "next_look_at": None if refuted else found.next_look_at,
        "refuted_by": None if refuted is None else _look_facts(refuted.look, refuted),
    }


def _refute(work: UnitOfWork, watchlist: Watchlist, found: Refutation, act: tuple[str, datetime]) -> str:
    actor, now = act
    stopped = watchlist.refuted(found, actor, now)
    suspends = stopped != watchlist
    closed = 0
    if suspends:
        work.lists.save(stopped)
        closed = work.alerts.close(watchlist.list_id, f"list suspended: {found.reason}", now)
    work.watch.refute(found)
    work.log.append(
        event(
            Action.LIST_REFUTED,
            actor,
            list=watchlist.name,
            report=found.report,
            look=found.look,
            n=found.n,
            k=found.k,
            alpha=repr(found.alpha),
            spent=repr(found.spent),
            lower=repr(found.lower),
            suspends=suspends,
            alerts_closed=closed,
        )
    )
    return found.reason if suspends else ""


def _look_text(taken: Look) -> str:
    return f"look {taken.number}: {taken.k} of {taken.n}, lower bound {100 * taken.lower:.3g} %"


def _look_facts(number: int, found: Look | Refutation) -> dict[str, object]:
    return {"look": number, "n": found.n, "k": found.k, "spent": found.spent, "lower": found.lower}
