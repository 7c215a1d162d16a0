"""Erasing what is over: lists past their end, cohorts past theirs, and photographs that a policy keeps no longer.

1. Nothing is erased by a clock alone: somebody runs this. It says first what waits for judgement and leaves that alone,
   unless whoever runs it asks for it to be closed; then each alert says why it was closed.
2. Of a retired or expired list, and of an expired cohort, everything is erased: every revision, and of every alert the
   probe and whom it may show. Terms, digests, counts, reports, judgements and outcomes stay.
3. Of an alert under a policy with `retention.probe_days` the probe with its place is erased so many days after it was
   concluded or closed, whatever its list; an alert that waits keeps it however old it is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from matcher.domain.erasure import PLACE, PROBE, Erasure
from matcher.domain.events import Detail
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.services.collections import find_list
from matcher.services.erase import OVER, Erased, Target, erase, found_cohort, found_list, log_erasure
from matcher.services.erasing import Emptied, empty_part
from matcher.services.finish_erasure import finish
from matcher.services.workplace import Session, Workplace, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class Expired:
    """What was erased, and what was left because alerts of it wait: names of lists and how many."""

    erased: tuple[Erased, ...]
    waiting: tuple[tuple[str, int], ...]


def erase_expired_lists(session: Session, name: str | None, close_waiting: bool) -> Expired:
    """Rules 2 and 3, for every list or one. Raises BadInput, MissingRole, Refused, IntegrityError."""
    with refusals_logged(session, "watchlist.erase", name or ""):
        session.user.require(Role.ADMIN)
        with session.place.work(write=False) as work:
            lists = work.lists.all() if name is None else [find_list(work, name)]
            over = [one for one in lists if _is_over(session.place, work, one)]
        done, left = [], []
        for one in over:
            with session.place.work(write=False) as work:
                target = found_list(work, one.name, "over")
                waiting = work.erasures.waiting(one.list_id)
            if waiting and not close_waiting:
                left.append((one.name, len(waiting)))
                continue
            done.append(erase(session, target, None, lambda _: None))
        done += _erase_probes(session, lists)
    return Expired(tuple(done), tuple(left))


def erase_expired_cohorts(session: Session, name: str | None) -> Expired:
    """Rule 2. Known-answer items of an expired cohort wait for nobody any more; they are closed with it."""
    with refusals_logged(session, "cohort.erase", name or ""):
        session.user.require(Role.ADMIN)
        now = session.place.clock()
        with session.place.work(write=False) as work:
            cohorts = work.cohorts.all() if name is None else [found_cohort(work, name, "over").collection]
            targets = [found_cohort(work, one.name, "over") for one in cohorts]
        over = [one for one in targets if not isinstance(one.collection, Watchlist) and one.collection.expired(now)]
        done = [erase(session, one, None, lambda _: None) for one in over if _holds_somebody(one)]
    return Expired(tuple(done), ())


def expired_reminders(place: Workplace) -> Sequence[str]:
    """What an admin is told with every command, until it is erased."""
    now = place.clock()
    with place.work(write=False) as work:
        lists = [one for one in work.lists.all() if _is_over(place, work, one)]
        cohorts = [found_cohort(work, one.name, "over") for one in work.cohorts.all() if one.expired(now)]
    return [
        *(f"list {one.name} is {one.state(now).value}: matcher watchlist erase {one.name} --expired" for one in lists),
        *(
            f"cohort {one.collection.name} expired: matcher cohort erase {one.collection.name} --expired"
            for one in cohorts
            if _holds_somebody(one)
        ),
    ]


def _is_over(place: Workplace, work: UnitOfWork, watchlist: Watchlist) -> bool:
    """Whether its life is over and it still holds somebody."""
    over = watchlist.state(place.clock()) in OVER
    return over and _holds_somebody(found_list(work, watchlist.name, "over"))


def _holds_somebody(target: Target) -> bool:
    return any(one.left is None or one.left.digest is not None for one in target.revisions)


def _erase_probes(session: Session, lists: Sequence[Watchlist]) -> list[Erased]:
    """Rule 3, one erasure for each list that has such alerts."""
    due: dict[str, list[str]] = defaultdict(list)
    now = session.place.clock()
    with session.place.work(write=False) as work:
        for digest in work.erasures.policies():
            days = work.reports.policy(digest).retention.probe_days
            if days is not None:
                for list_id, alert_id in work.erasures.ended(digest, now - timedelta(days=days)):
                    due[list_id].append(alert_id)
    return [_without_probes(session, one, due[one.list_id]) for one in lists if one.list_id in due]


def _without_probes(session: Session, watchlist: Watchlist, alerts: Sequence[str]) -> Erased:
    erasure_id, now, emptied = new_id(session.place.random), session.place.clock(), Emptied()
    with session.place.work() as work:
        still_here(session, work)
        number = work.erasures.begin(erasure_id, watchlist.list_id, session.user.name, now)
        for alert_id in alerts:
            for part in (PROBE, PLACE):
                empty_part(work, number, emptied, alert_id, part)
        facts: dict[str, Detail] = {"subjects_erased": 0, "items_erased": 0, "out_of_service": False}
        log_erasure(work, session, Target(watchlist, (), "retention"), (number, emptied), facts)
        work.commit()
    erasure = Erasure(number, erasure_id, watchlist.list_id, session.user.name, now)
    sought = finish(session.place, erasure, emptied.samples)
    return Erased(watchlist.name, number, 0, 0, 0, len(emptied.alerts), 0, (), None, False, sought)
