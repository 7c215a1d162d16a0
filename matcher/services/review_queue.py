"""What waits for one reviewer, and what was closed lately.

1. Alerts that need a third reviewer stand among the others: a place of their own would tell that two disagree.
2. Nothing waits for a reviewer who is suspended from judging; the page says so. Whoever is suspended as a user, or was
   removed, since they signed in is refused.
"""

from collections.abc import Sequence
from datetime import timedelta

from matcher.domain.desk import QueueEntry, QueueOrder, QueuePage
from matcher.domain.people import Role
from matcher.services.conclusion import settle
from matcher.services.review_files import Standing, queue_rules, standing
from matcher.services.vigilance import suspension_of, suspension_text
from matcher.services.workplace import Session, still_here

CLOSINGS_SHOWN = timedelta(days=7)
_TAKEN = "Nothing waits for you while your right to confirm is suspended; lists, log and your own figures stay open."


def waiting_page(session: Session, order: QueueOrder, most: int) -> QueuePage:
    """The first `most` alerts waiting for this reviewer, in an order, and how many wait in all."""
    now, name = session.place.clock(), session.user.name
    if Role.REVIEWER not in session.user.roles:
        with session.place.work(write=False) as work:
            still_here(session, work)
        return QueuePage((), 0)
    with session.place.work(write=False) as work:
        still_here(session, work)
        taken = suspension_of(work, name)
        if taken is not None:
            return QueuePage((), 0, _TAKEN)
        rules = queue_rules(work, now)
        waiting = work.alerts.waiting_for(name, now, rules, order, most)
        count = work.alerts.count_waiting(name, now, rules)
        lines = [work.alerts.line(alert_id) for alert_id in work.alerts.quorate(now, rules)]
        standings = [standing(work, line, now) for line in lines if line is not None]
    settle(session, [found for found in standings if found.settled], now)
    disputed = [_entry(found, name) for found in standings if found.waits_for(name, now)]
    entries = sorted([*disputed, *waiting], key=order.key)[:most]
    return QueuePage(tuple(entries), count + len(disputed))


def closings(session: Session) -> Sequence[str]:
    """What was closed as inconclusive in the last week, or stopped with nothing waiting, and why; newest first."""
    since = session.place.clock() - CLOSINGS_SHOWN
    with session.place.work(write=False) as work:
        taken = suspension_of(work, session.user.name)
        closed = work.alerts.closings(since)
        stops = [one.suspension for one in work.lists.all() if one.suspension and one.suspension.at > since]
    counts = {(stop.at, f"list suspended: {stop.reason}"): 0 for stop in stops}
    counts |= {(at, reason): count for at, reason, count in closed}
    newest = sorted(counts.items(), key=lambda entry: str(entry[0]), reverse=True)
    own = [] if taken is None else [suspension_text(taken)]
    return own + [f"{count} closed as inconclusive: {reason}" for (_, reason), count in newest]


def _entry(found: Standing, reviewer: str) -> QueueEntry:
    line = found.line
    return QueueEntry(line.alert_id, line.submitted_at, len(line.candidate_ids), found.own(reviewer) is not None)
