"""Who could still judge an alert, and what is said of a candidate that waits."""

from matcher.domain.case import Outcome, Verdict
from matcher.domain.people import Role, User
from matcher.domain.tables import UnitOfWork
from matcher.services.review_files import Standing
from matcher.services.vigilance import suspension_of

_TWO_LEADS = "two candidates were judged the same person: at most one can be; a third reviewer judges blind too"
_DIFFER = "the judgements differ or leave it open; a third reviewer judges blind too"
_NOBODY_ELSE = "; nobody else in this home can judge it: an admin must add a reviewer"


def may_judge(work: UnitOfWork, user: User, found: Standing) -> bool:
    """Whether somebody could still be the next reviewer of an alert."""
    own = found.own(user.name)
    through = own is not None and (own.finished_at is not None or own.recused_at is not None)
    submitted = user.name == found.line.submitted_by and not found.submitter_may_review
    barred = user.suspended or suspension_of(work, user.name) is not None
    return Role.REVIEWER in user.roles and not (barred or through or submitted)


def waiting_text(found: Standing, candidate_id: str, nobody_else: bool) -> str:
    """What is still needed for a candidate, and why."""
    outcome = dict(found.outcomes)[candidate_id]
    if outcome is Outcome.INCONCLUSIVE:
        return "nothing is concluded from it"
    if outcome not in (Outcome.PENDING, Outcome.THIRD_NEEDED):
        return ""
    counted = [file.counted(candidate_id) for file in found.files if file.finished]
    agreed = all(verdict is Verdict.SAME and not contested for verdict, contested in counted)
    third = _TWO_LEADS if agreed else _DIFFER
    text = (
        "the outcome comes when another reviewer has judged, blind as you did" if outcome is Outcome.PENDING else third
    )
    return text + (_NOBODY_ELSE if nobody_else else "")
