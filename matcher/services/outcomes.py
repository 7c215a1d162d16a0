"""What reviewers concluded, with who and when. A name appears only for a lead, and only with a home key.

Known-answer items are not in it. Those that wait are in the number of alerts that wait: a queue with more in it than
that number would tell.
"""

from dataclasses import dataclass
from datetime import datetime

from matcher.domain.case import Outcome, ReviewFile, independent
from matcher.domain.desk import Label
from matcher.domain.people import Role
from matcher.domain.tables import UnitOfWork
from matcher.errors import IntegrityError
from matcher.services.review_files import Standing, standing
from matcher.services.unsealing import require_signed
from matcher.services.workplace import Session, Workplace, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class ConcludedAlert:
    """One candidate of a concluded alert."""

    alert_id: str
    candidate_id: str
    list_name: str
    case: str
    submitted_at: datetime
    outcome: Outcome
    reviewers: tuple[tuple[str, str], ...]
    independent: bool
    concluded_at: datetime | None
    closed_reason: str | None
    label: Label | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Everything concluded, how many alerts still wait, and those of them that only a third reviewer can conclude.

    `disputed` is for nobody who may still judge: the third reviewer judges blind too.
    """

    concluded: tuple[ConcludedAlert, ...]
    waiting: int
    disputed: tuple[ConcludedAlert, ...]


def outcomes(place: Workplace, session: Session | None, list_name: str | None) -> Outcomes:
    """Outcomes of one list or of all. Without a session (or as an auditor) labels stay sealed."""
    if session is None:
        return _outcomes(place, None, list_name)
    with refusals_logged(session, "outcomes", list_name or ""):
        session.user.require(*Role)
        return _outcomes(place, session, list_name)


def _outcomes(place: Workplace, session: Session | None, list_name: str | None) -> Outcomes:
    now = place.clock()
    with place.work(write=False) as work:
        if session is not None:
            still_here(session, work)
        names = {one.list_id: one.name for one in work.lists.all()}
        lines = [line for line in work.alerts.lines() if list_name in (None, names[line.list_id])]
        known = [line for line in work.alerts.known_lines() if list_name in (None, names[line.list_id])]
        found = [standing(work, line, now) for line in lines]
        done = [one for one in found if not one.is_open]
        concluded = [alert for one in done for alert in _concluded(work, session, one, names)]
        third = [one for one in found if one.is_open and any(out is Outcome.THIRD_NEEDED for _, out in one.outcomes)]
        disputed = [alert for one in third for alert in _concluded(work, session, one, names)]
    waiting = len(found) - len(done) + sum(not (line.concluded_at or line.closed_reason) for line in known)
    return Outcomes(tuple(concluded), waiting, tuple(disputed))


def _concluded(
    work: UnitOfWork, session: Session | None, found: Standing, names: dict[str, str]
) -> list[ConcludedAlert]:
    line = found.line
    result = []
    for candidate, outcome in found.outcomes:
        final = outcome if line.closed_reason is None else Outcome.INCONCLUSIVE
        if final is Outcome.LEAD:
            require_signed(work, line.alert_id)
        label, case = (None, "") if session is None else _opened(work, session, line.alert_id, candidate)
        result.append(
            ConcludedAlert(
                alert_id=line.alert_id,
                candidate_id=candidate,
                list_name=names[line.list_id],
                case=case,
                submitted_at=line.submitted_at,
                outcome=final,
                reviewers=tuple((file.reviewer, _said(file, candidate)) for file in found.files),
                independent=independent(found.files),
                concluded_at=line.concluded_at,
                closed_reason=line.closed_reason,
                label=label if final is Outcome.LEAD else None,
            )
        )
    return result


def _said(file: ReviewFile, candidate_id: str) -> str:
    """A reviewer's blind judgement, and what they changed after the score was shown."""
    blind = dict(file.verdicts)[candidate_id]
    counted, contested = file.counted(candidate_id)
    if contested:
        return f"{blind.value}, then asked for a third reviewer"
    return blind.value if counted is blind else f"{blind.value}, withdrawn"


def _opened(work: UnitOfWork, session: Session, alert_id: str, candidate_id: str) -> tuple[Label | None, str]:
    if session.keys.vault is None:
        return None, ""
    alert = work.alerts.get(session.vault, alert_id)
    revision = None if alert is None else work.revisions.get(alert.revision_id)
    if alert is None or revision is None:
        raise IntegrityError(f"alert {alert_id} or its revision is missing")
    subject = next(one.subject_id for one in alert.candidates if one.candidate_id == candidate_id)
    items = session.place.revisions.left(session.vault, revision).items
    found = next((item.labels for item in items if item.subject_id == subject), None)
    if found is None and revision.left is not None:
        return None, alert.case  # erased
    if found is None:
        raise IntegrityError(f"alert {alert_id} names somebody who was never on the list: restore a backup")
    labels = dict(found)
    return Label(subject, labels.get("name", ""), labels.get("note", "")), alert.case
