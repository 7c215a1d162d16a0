"""What the review interface asks of the program; nothing else reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from matcher.domain.case import Correction, Judgement, Verdict
from matcher.domain.desk import (
    MOST_WAITING,
    BlindAlert,
    ConcludedCandidate,
    DisclosedAlert,
    ListLine,
    LogPage,
    Practice,
    QueueOrder,
    QueuePage,
    Stage,
    WorkPeriod,
)
from matcher.domain.events import Verified
from matcher.domain.people import User


class ReviewDesk(Protocol):
    """Everything one signed-in reviewer can do with alerts. Implemented in `services/review_desk.py`."""

    @property
    def user(self) -> User:
        """Whose desk this is."""

    def queue(self, order: QueueOrder = QueueOrder.OLDEST, most: int = MOST_WAITING) -> QueuePage:
        """The first `most` alerts waiting for this reviewer, in an order, and how many wait in all."""

    def closings(self) -> Sequence[str]:
        """What was closed as inconclusive in the last days, or stopped with nothing waiting, and why; newest first."""

    def claim(self, alert_id: str) -> BlindAlert:
        """Opens an alert. Raises Refused while another reviewer holds it."""

    def judge(self, alert_id: str, judgement: Judgement) -> None:
        """Commits one blind judgement; a second one for the same candidate replaces it until disclosure."""

    def recuse(self, alert_id: str, reason: str) -> None:
        """Steps back ("I know this person")."""

    def progress(self, alert_id: str) -> tuple[Stage, Mapping[str, Verdict]]:
        """The reviewer's own stage and verdicts, of all terminals. Raises Refused once it waits for them no more."""

    def release(self, alert_id: str) -> None:
        """Gives the claim back."""

    def disclose(self, alert_id: str) -> DisclosedAlert:
        """Ends stage 1. Raises Refused until every candidate is judged."""

    def correct(self, alert_id: str, correction: Correction) -> None:
        """Withdraws *same*, or asks for a third reviewer by a change towards *same*."""

    def finish(self, alert_id: str) -> Sequence[ConcludedCandidate]:
        """Ends this reviewer's part and says where every candidate stands."""

    def own_work(self) -> Sequence[WorkPeriod]:
        """What this reviewer judged: the last week, the last month, and since the beginning."""

    def practice(self) -> Practice | None:
        """What this reviewer made of known-answer items; None for who is no reviewer."""


class LogReader(Protocol):
    """The log as one signed-in person may read it. Implemented in `services/log_reader.py`."""

    def newest(self, most: int) -> LogPage:
        """The newest entries."""

    def search(self, wanted: str, most: int, progress: Callable[[int, int], None]) -> LogPage:
        """The newest entries in which every word of `wanted` stands, looked for in the whole log.

        `progress` is told how many of how many entries were read; what it raises ends the search.
        """

    def verify(self, progress: Callable[[int, int], None]) -> Verified:
        """Checks log and tables. Raises IntegrityError naming the first thing that is wrong."""


class ListOffice(Protocol):
    """What the lists and calibration screens read and do. Implemented in `services/list_office.py`."""

    def lists(self) -> Sequence[ListLine]: ...
    def report(self, list_name: str) -> bytes:
        """The canonical JSON of the newest report of the list's latest revision. Raises Refused when there is none."""

    def consequence(self, list_name: str) -> tuple[str, int]:
        """The sentence an approver signs, and the number they must type."""

    def activate(self, list_name: str, typed: int) -> None:
        """Activates; raises AnotherPersonNeeded for the loader, Refused for a wrong number."""

    def suspend(self, list_name: str, reason: str) -> int:
        """Stops a list and returns how many waiting alerts were closed with it."""

    def log(self) -> LogReader:
        """The log."""


class Reception(Protocol):
    """Signing in."""

    def names(self) -> Sequence[str]:
        """Reviewers, approvers and auditors who can sign in."""

    def sign_in(self, name: str, passphrase: str) -> tuple[ReviewDesk, ListOffice]:
        """Raises WrongPassphrase or Refused."""
