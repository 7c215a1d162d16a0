"""Signing in at the terminal interface; implements `rooms.Reception`."""

from collections.abc import Sequence

from matcher.domain.people import Role
from matcher.domain.rooms import ListOffice, ReviewDesk
from matcher.services.list_office import Office
from matcher.services.review_desk import Confidence, Desk
from matcher.services.workplace import Workplace, refusals_logged, sign_in

_SCREEN_ROLES = (Role.REVIEWER, Role.APPROVER, Role.AUDITOR)


class Lobby:
    """Lets reviewers, approvers and auditors of one home in; only a reviewer is ever given an alert."""

    def __init__(self, place: Workplace, confidence: Confidence) -> None:
        self._place = place
        self._confidence = confidence

    def names(self) -> Sequence[str]:
        """Reviewers, approvers and auditors who can sign in."""
        with self._place.work(write=False) as work:
            users = work.users.all()
        return [user.name for user in users if not user.suspended and user.roles & set(_SCREEN_ROLES)]

    def sign_in(self, name: str, passphrase: str) -> tuple[ReviewDesk, ListOffice]:
        """Raises WrongPassphrase, MissingRole or Refused."""
        session = sign_in(self._place, name, passphrase)
        with refusals_logged(session, "sign in", name):
            session.user.require(*_SCREEN_ROLES)
        return Desk(session, self._confidence), Office(session)
