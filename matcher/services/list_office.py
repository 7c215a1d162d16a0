"""What the lists and calibration screens read and do; implements `rooms.ListOffice`."""

from collections.abc import Sequence

from matcher.domain.desk import ListLine
from matcher.domain.rooms import LogReader
from matcher.errors import Refused
from matcher.services.activate import activate, prepare
from matcher.services.collections import find_list, suspend_list
from matcher.services.list_lines import list_line
from matcher.services.log_reader import Reader
from matcher.services.workplace import Session, still_here


class Office:
    """Lists for one signed-in person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lists(self) -> Sequence[ListLine]:
        """Every list. Raises Refused, as everything here, for who was suspended or removed since they signed in."""
        with self._session.place.work(write=False) as work:
            still_here(self._session, work)
            return [list_line(work, one, self._session.place.clock()) for one in work.lists.all()]

    def report(self, list_name: str) -> bytes:
        """Canonical JSON of the newest report of the newest revision. Raises Refused when there is none."""
        with self._session.place.work(write=False) as work:
            still_here(self._session, work)
            digest = find_list(work, list_name).latest_report
            stored = None if digest is None else work.reports.get(digest)
        if stored is None:
            raise Refused(f"list {list_name} has no report for its newest revision: matcher calibrate makes one")
        return stored.body

    def consequence(self, list_name: str) -> tuple[str, int]:
        """The sentence an approver signs, and its number."""
        prepared = prepare(self._session, list_name)
        return prepared.consequence, prepared.number

    def activate(self, list_name: str, typed: int) -> None:
        """Activates with the typed number; a list that misses most of a group is activated on the command line."""
        activate(self._session, prepare(self._session, list_name), typed, None)

    def suspend(self, list_name: str, reason: str) -> int:
        """The stop button; how many alerts were closed with it."""
        return suspend_list(self._session, list_name, reason)

    def log(self) -> LogReader:
        """The log as this person may read it."""
        return Reader(self._session)
