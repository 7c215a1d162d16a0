"""Concluding an alert once no further reviewer is needed; it counts for the watch on its list (`services/watch.py`)."""

from collections.abc import Iterable
from datetime import datetime

from matcher.domain.case import Outcome, independent
from matcher.domain.events import Action, event
from matcher.domain.tables import UnitOfWork
from matcher.errors import IntegrityError
from matcher.services.review_files import Standing, standing
from matcher.services.unsealing import require_signed
from matcher.services.watch import take_looks
from matcher.services.workplace import Session


def settle(session: Session, lapsed: Iterable[Standing], now: datetime) -> None:
    """Concludes alerts whose last reviewer saw the scores and never came back: their judgements stand."""
    for one in lapsed:
        with session.place.work() as work:
            line = work.alerts.line(one.line.alert_id)
            found = None if line is None else standing(work, line, now)
            if found is not None and found.is_open and found.settled:
                conclude_alert(work, found, session.user.name, now)
                work.commit()


def conclude_alert(work: UnitOfWork, found: Standing, actor: str, now: datetime) -> str:
    """Concludes an alert; says why the list stopped, where this conclusion makes it one rejection too many."""
    alert_id = found.line.alert_id
    work.alerts.mark_concluded(alert_id, now, all(one is Outcome.NOT_A_LEAD for _, one in found.outcomes))
    counts = {outcome: sum(one is outcome for _, one in found.outcomes) for outcome in Outcome}
    for candidate, outcome in found.outcomes:
        if outcome is Outcome.LEAD:
            require_signed(work, alert_id)
            work.alerts.add_lead(alert_id, candidate, now)
            work.log.append(event(Action.UNSEALED, actor, alert=alert_id, candidate=candidate))
    work.log.append(
        event(
            Action.CONCLUDED,
            actor,
            alert=alert_id,
            leads=counts[Outcome.LEAD],
            not_leads=counts[Outcome.NOT_A_LEAD],
            inconclusive=counts[Outcome.INCONCLUSIVE],
            reviewers=",".join(sorted(file.reviewer for file in found.files)),
            independent=independent(found.files),
        )
    )
    if found.line.known_answer:
        return ""
    report = work.watch.report_of(alert_id)
    if report is None:
        raise IntegrityError("the search behind this alert was never counted: restore a backup")
    return take_looks(work, report, actor, now)
