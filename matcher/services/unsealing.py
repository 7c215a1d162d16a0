"""Before a name is unsealed, what was said is held against the signatures under it.

1. A lead rests on judgements and corrections that verify with the keys of the people who are said to have made them:
   rows that somebody wrote into the database unseal nothing.
2. Whoever was suspended since they signed in is shown no name.
"""

from matcher.domain.certificate import verify_signature
from matcher.domain.ids import utc_text
from matcher.domain.records import SignedCorrection, SignedJudgement
from matcher.domain.tables import UnitOfWork
from matcher.errors import IntegrityError
from matcher.services.review_files import signed_bytes


def require_signed(work: UnitOfWork, alert_id: str) -> None:
    """Raises IntegrityError for words about an alert that their reviewer did not sign."""
    said: list[SignedJudgement | SignedCorrection] = [*work.alerts.judgements(alert_id)]
    said += work.alerts.corrections(alert_id)
    for one in said:
        user = work.users.get(one.reviewer)
        if user is None:
            raise IntegrityError(f"alert {alert_id} holds words of {one.reviewer}, who is not in this home")
        verify_words(one, user.public_key)


def verify_words(one: SignedJudgement | SignedCorrection, public_key: bytes) -> bytes:
    """What was signed. Raises IntegrityError where it was not signed with the key."""
    what = one.judgement if isinstance(one, SignedJudgement) else one.correction
    message = signed_bytes(one.alert_id, one.reviewer, what, utc_text(one.made_at))
    verify_signature(public_key, one.signature, message, f"judgement of alert {one.alert_id}")
    return message
