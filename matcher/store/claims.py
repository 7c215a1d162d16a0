"""Who works on which alert: claims are leases, and every reviewer's steps are taken once.

1. While one reviewer's claim lasts and they neither finished nor stepped back, nobody else can claim the alert.
2. The order of candidates on screen is fixed by a reviewer's first claim.
3. Disclosed, finished and recused are set once and stay.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from matcher.domain.ids import utc_text, utc_time
from matcher.domain.people import SignedIn
from matcher.domain.records import Progress
from matcher.errors import BadInput, Refused
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.schema import alerts, progress
from matcher.store.transaction import Transaction

_STEPS = {"disclosed": "disclosed_at", "finished": "finished_at", "recused": "recused_at"}


class SqlClaims:
    """Claims and progress of every alert."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def claim(self, alert_id: str, who: SignedIn, order: tuple[str, ...], now: datetime, until: datetime) -> bool:
        """Takes or renews the claim; False while another reviewer's has not lapsed (rules 1 and 2).

        Raises BadInput for an unknown alert.
        """
        # A transaction that writes is alone, on both engines. On PostgreSQL a session from outside may still hold the
        # alert: nobody waits for it, the alert counts as taken.
        alert = select(alerts.c.alert_id).where(alerts.c.alert_id == alert_id)
        if self._transaction.row(alert.with_for_update(skip_locked=True, key_share=True)) is None:
            if self._transaction.row(alert) is None:
                raise BadInput("there is no such alert in this home")
            return False
        reviewer = who.user.name
        held = select(progress.c.reviewer).where(
            progress.c.alert_id == alert_id,
            progress.c.reviewer != reviewer,
            progress.c.claimed_until > utc_text(now),
            progress.c.finished_at.is_(None),
            progress.c.recused_at.is_(None),
        )
        if self._transaction.rows(held):
            return False
        seat = {"account": who.seat.account, "terminal": who.seat.terminal, "claimed_until": utc_text(until)}
        own = update(progress).where(progress.c.alert_id == alert_id, progress.c.reviewer == reviewer)
        if self._transaction.run(own, seat) == 0:
            first = {"alert_id": alert_id, "reviewer": reviewer, "candidate_order": canonical_json(order)}
            number = self._next_number(alert_id, progress.c.claim_number)
            self._transaction.run(insert(progress), seat | first | {"claim_number": number})
        return True

    def release(self, alert_id: str, reviewer: str) -> None:
        """Gives a claim back; nothing happens when there is none."""
        own = update(progress).where(progress.c.alert_id == alert_id, progress.c.reviewer == reviewer)
        self._transaction.run(own, {"claimed_until": None})

    def mark(self, alert_id: str, reviewer: str, step: str, now: datetime) -> None:
        """Takes a step ("disclosed", "finished" or "recused"); the second time changes nothing.

        Raises Refused when the reviewer never claimed the alert.
        """
        column = progress.c[_STEPS[step]]
        mine = (progress.c.alert_id == alert_id, progress.c.reviewer == reviewer)
        if self._transaction.row(select(progress.c.reviewer).where(*mine)) is None:
            raise Refused("open the alert first: you hold no claim on it")
        values: dict[str, str | int] = {column.name: utc_text(now)}
        if step == "finished":
            values["finish_number"] = self._next_number(alert_id, progress.c.finish_number)
        self._transaction.run(update(progress).where(*mine, column.is_(None)), values)

    def progress(self, alert_id: str) -> Sequence[Progress]:
        """Every reviewer's path: the finished in the order of finishing, then the others in the order of claiming."""
        unfinished = progress.c.finish_number.is_(None)
        query = select(progress).where(progress.c.alert_id == alert_id)
        query = query.order_by(unfinished, progress.c.finish_number, progress.c.claim_number)
        return [_progress(row) for row in self._transaction.rows(query)]

    def progress_of(self, reviewer: str) -> Sequence[Progress]:
        """One reviewer's path through every alert that they claimed."""
        query = select(progress).where(progress.c.reviewer == reviewer).order_by(progress.c.alert_id)
        return [_progress(row) for row in self._transaction.rows(query)]

    def _next_number(self, alert_id: str, column: Any) -> int:
        highest = func.coalesce(func.max(column), 0)
        return 1 + self._transaction.number(select(highest).where(progress.c.alert_id == alert_id))


def _progress(row: Row[Any]) -> Progress:
    with well_formed("a reviewer's progress"):
        return Progress(
            alert_id=row.alert_id,
            reviewer=row.reviewer,
            account=row.account,
            terminal=row.terminal,
            order=tuple(json.loads(row.candidate_order)),
            claimed_until=_time(row.claimed_until),
            disclosed_at=_time(row.disclosed_at),
            finished_at=_time(row.finished_at),
            recused_at=_time(row.recused_at),
        )


def _time(text: str | None) -> datetime | None:
    return None if text is None else utc_time(text)
