"""Alerts: the photograph, the place of its face and whom it may show are sealed; what the queue needs is not.

Each sealed value is bound to its alert and candidate, so that rows cannot be exchanged unnoticed.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, insert, select, update

from matcher.domain.erasure import PLACE, PROBE, part_of
from matcher.domain.face import NOWHERE, FacePlace
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.ports import Vault
from matcher.domain.records import AlertLine, AlertRecord, CandidateRecord
from matcher.store.claims import SqlClaims
from matcher.store.failures import well_formed
from matcher.store.judgements import SqlJudgements
from matcher.store.log import canonical_json
from matcher.store.origins import Origins
from matcher.store.queue import OPEN, SqlQueue
from matcher.store.schema import alerts, candidates, case_searches, known_items
from matcher.store.transaction import Transaction

_SAME = ("alert_id", "list_id", "revision_id", "certificate_digest", "report_digest", "policy_digest")
_PLAIN = (*_SAME, "threshold", "reason", "searches_of_case", "submitted_by")
_LINE_COLUMNS = (
    "alert_id",
    "list_id",
    "policy_digest",
    "submitted_by",
    "submitted_at",
    "closed_reason",
    "closed_at",
    "concluded_at",
    "rejected",
)
_KNOWN = exists().where(known_items.c.alert_id == alerts.c.alert_id)
_LINE = (*(alerts.c[name] for name in _LINE_COLUMNS), _KNOWN.label("known_answer"))


class SqlAlerts(SqlClaims, SqlJudgements, SqlQueue):
    """Implements `tables.Alerts`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, vault: Vault, alert: AlertRecord) -> None:
        """Adds an alert with its candidates, sealed. Raises Refused for a candidate below the threshold."""
        row = {name: getattr(alert, name) for name in _PLAIN} | {
            "case_reference": alert.case,
            "submitted_at": utc_text(alert.submitted_at),
            "probe": vault.seal(purpose_of(alert.alert_id, PROBE), alert.probe),
            "place": vault.seal(purpose_of(alert.alert_id, PLACE), place_bytes(alert.place)),
        }
        self._transaction.run(insert(alerts), row)
        for candidate in alert.candidates:
            purpose = purpose_of(alert.alert_id, part_of(candidate.candidate_id))
            found = {
                "alert_id": alert.alert_id,
                "candidate_id": candidate.candidate_id,
                "subject": vault.seal(purpose, candidate.subject_id.encode()),
                "score": candidate.score,
                "rank": candidate.rank,
            }
            self._transaction.run(insert(candidates), found)

    def get(self, vault: Vault, alert_id: str) -> AlertRecord | None:
        """The alert, opened, its candidates by rank; what was erased of it is empty.

        Raises IntegrityError when a seal does not open.
        """
        row = self._transaction.row(select(alerts).where(alerts.c.alert_id == alert_id))
        if row is None:
            return None
        query = select(candidates).where(candidates.c.alert_id == alert_id).order_by(candidates.c.rank)
        with well_formed("an alert"):
            return AlertRecord(
                **{name: getattr(row, name) for name in _PLAIN},
                case=row.case_reference,
                submitted_at=utc_time(row.submitted_at),
                probe=vault.open(purpose_of(alert_id, PROBE), row.probe) if row.probe else b"",
                place=place_of(vault.open(purpose_of(alert_id, PLACE), row.place)) if row.place else NOWHERE,
                candidates=tuple(_candidate(vault, found) for found in self._transaction.rows(query)),
            )

    def fingerprint(self, alert_id: str) -> str:
        """sha256 (hex) over all an alert was made with, candidates and sealed bytes as they were first included."""
        row = self._transaction.row(select(alerts).where(alerts.c.alert_id == alert_id))
        query = select(candidates).where(candidates.c.alert_id == alert_id).order_by(candidates.c.candidate_id)
        first = Origins(self._transaction, alert_id=alert_id)
        found = [
            [one.candidate_id, one.score, one.rank, first.digest(alert_id, part_of(one.candidate_id), one.subject)]
            for one in self._transaction.rows(query)
        ]
        if row is None:
            return ""
        plain = [getattr(row, name) for name in (*_PLAIN, "case_reference", "submitted_at")]
        sealed = [first.digest(alert_id, PROBE, row.probe), first.digest(alert_id, PLACE, row.place)]
        return hashlib.sha256(canonical_json([plain, sealed, found]).encode()).hexdigest()

    def lines(self) -> Sequence[AlertLine]:
        """Every alert of a search, oldest first; known-answer items are not among them."""
        return self._lines(~_KNOWN)

    def known_lines(self) -> Sequence[AlertLine]:
        """Every known-answer item, oldest first."""
        return self._lines(_KNOWN)

    def _lines(self, which: ColumnElement[bool]) -> Sequence[AlertLine]:
        of_alert: dict[str, list[str]] = defaultdict(list)
        query = select(candidates.c.alert_id, candidates.c.candidate_id).join(alerts).where(which)
        for row in self._transaction.rows(query.order_by(candidates.c.alert_id, candidates.c.rank)):
            of_alert[row.alert_id].append(row.candidate_id)
        rows = self._transaction.rows(select(*_LINE).where(which).order_by(alerts.c.submitted_at, alerts.c.alert_id))
        return [_line(row, of_alert[row.alert_id]) for row in rows]

    def closings(self, since: datetime) -> Sequence[tuple[datetime, str, int]]:
        """When, why and how many alerts were closed after `since`."""
        query = select(alerts.c.closed_at, alerts.c.closed_reason, func.count().label("n"))
        query = query.where(alerts.c.closed_at > utc_text(since)).group_by(alerts.c.closed_at, alerts.c.closed_reason)
        with well_formed("an alert"):
            return [(utc_time(row.closed_at), row.closed_reason, row.n) for row in self._transaction.rows(query)]

    def line(self, alert_id: str) -> AlertLine | None:
        """What the queue needs of one alert."""
        row = self._transaction.row(select(*_LINE).where(alerts.c.alert_id == alert_id))
        if row is None:
            return None
        query = select(candidates.c.candidate_id).where(candidates.c.alert_id == alert_id).order_by(candidates.c.rank)
        return _line(row, [found.candidate_id for found in self._transaction.rows(query)])

    def searches_of_case(self, list_id: str, case: str) -> int:
        """Searches counted for this case on this list so far."""
        of_case = (case_searches.c.list_id == list_id, case_searches.c.case_reference == case)
        row = self._transaction.row(select(case_searches.c.n).where(*of_case))
        return 0 if row is None else int(row.n)

    def count_search(self, list_id: str, case: str) -> int:
        """Adds one and returns the new count."""
        of_case = (case_searches.c.list_id == list_id, case_searches.c.case_reference == case)
        if self._transaction.run(update(case_searches).where(*of_case).values(n=case_searches.c.n + 1)) == 0:
            self._transaction.run(insert(case_searches), {"list_id": list_id, "case_reference": case, "n": 1})
        return self.searches_of_case(list_id, case)

    def cases(self) -> Mapping[tuple[str, str], int]:
        """Searches counted by list id and case."""
        return {(row.list_id, row.case_reference): row.n for row in self._transaction.rows(select(case_searches))}

    def mark_concluded(self, alert_id: str, now: datetime, rejected: bool) -> None:
        """Notes that an alert needs nobody any more; the second time changes nothing.

        `rejected`: every candidate is *not a lead*. Raises Refused unless two people judged each of them *different*.
        """
        statement = update(alerts).where(alerts.c.alert_id == alert_id, alerts.c.concluded_at.is_(None))
        self._transaction.run(statement, {"concluded_at": utc_text(now), "rejected": int(rejected)})

    def close(self, list_id: str, reason: str, now: datetime) -> int:
        """Closes every alert of a list that is neither concluded nor closed, and returns how many these were."""
        open_ones = (alerts.c.list_id == list_id, *OPEN)
        said = {"closed_reason": reason, "closed_at": utc_text(now)}
        return self._transaction.run(update(alerts).where(*open_ones), said)

    def waiting(self, list_id: str) -> int:
        """How many alerts of a list are neither concluded nor closed."""
        open_ones = (alerts.c.list_id == list_id, *OPEN)
        return self._transaction.number(select(func.count()).select_from(alerts).where(*open_ones))


def purpose_of(alert_id: str, what: str) -> str:
    """What a sealed part of an alert is sealed for."""
    return f"alert/{alert_id}/{what}"


def place_bytes(place: FacePlace) -> bytes:
    """A face's place as it is sealed."""
    return canonical_json([place.box, place.landmarks]).encode()


def place_of(data: bytes) -> FacePlace:
    """The inverse of `place_bytes`."""
    box, landmarks = json.loads(data)
    x, y, width, height = box
    right_eye, left_eye, nose, right_mouth, left_mouth = (_point(*point) for point in landmarks)
    return FacePlace((x, y, width, height), (right_eye, left_eye, nose, right_mouth, left_mouth))


def _point(x: float, y: float) -> tuple[float, float]:
    return x, y


def _candidate(vault: Vault, row: Row[Any]) -> CandidateRecord:
    sealed_for = purpose_of(row.alert_id, part_of(row.candidate_id))
    subject = vault.open(sealed_for, row.subject).decode() if row.subject else ""
    return CandidateRecord(row.candidate_id, subject, row.score, row.rank)


def _line(row: Row[Any], candidate_ids: list[str]) -> AlertLine:
    with well_formed("an alert"):
        return AlertLine(
            alert_id=row.alert_id,
            list_id=row.list_id,
            policy_digest=row.policy_digest,
            submitted_by=row.submitted_by,
            submitted_at=utc_time(row.submitted_at),
            candidate_ids=tuple(candidate_ids),
            closed_reason=row.closed_reason,
            closed_at=None if row.closed_at is None else utc_time(row.closed_at),
            concluded_at=None if row.concluded_at is None else utc_time(row.concluded_at),
            rejected=None if row.rejected is None else bool(row.rejected),
            known_answer=bool(row.known_answer),
        )
