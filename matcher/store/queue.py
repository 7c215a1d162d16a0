"""Which alerts wait for a reviewer, found by the database: a queue may be 100,000 alerts long and shows some hundreds.

An alert waits for a reviewer while it is open, it is not their own search where the policy forbids that, they are not
through with it, nobody else's claim on it holds, and fewer reviewers have ended their part than its policy asks for.
Where that many have, only their judgements say whether a third is needed (`services/review_files.py`): those few are
named by `quorate` and looked at one by one. A part has ended when it was finished, or when its claim lapsed after the
scores were shown.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Case, ColumnElement, Select, and_, case, exists, false, func, or_, select

from matcher.domain.desk import QueueEntry, QueueOrder
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.records import QueueRules
from matcher.store.failures import well_formed
from matcher.store.schema import alerts, candidates, known_items, progress
from matcher.store.transaction import Transaction

OPEN = (alerts.c.closed_reason.is_(None), alerts.c.concluded_at.is_(None))


class SqlQueue:
    """The waiting alerts of every reviewer."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def open_policies(self) -> Sequence[str]:
        """Digests of the policies that open alerts were made under."""
        query = select(alerts.c.policy_digest).where(*OPEN).distinct()
        return [row.policy_digest for row in self._transaction.rows(query)]

    def count_waiting(self, reviewer: str, now: datetime, rules: QueueRules) -> int:
        """How many wait for a reviewer, but for the quorate."""
        return self._transaction.number(_waiting(select(func.count()), reviewer, now, rules))

    def waiting_for(
        self, reviewer: str, now: datetime, rules: QueueRules, order: QueueOrder, most: int
    ) -> Sequence[QueueEntry]:
        """The first `most` of them in an order."""
        count = select(func.count()).where(candidates.c.alert_id == alerts.c.alert_id).scalar_subquery()
        begun = exists().where(progress.c.alert_id == alerts.c.alert_id, progress.c.reviewer == reviewer)
        columns = (alerts.c.alert_id, alerts.c.submitted_at, count.label("n"), begun.label("begun"))
        query = _waiting(select(*columns), reviewer, now, rules)
        first: dict[QueueOrder, list[ColumnElement[Any]]] = {
            QueueOrder.OLDEST: [],
            QueueOrder.BEGUN: [begun.desc()],
            QueueOrder.CANDIDATES: [count.desc()],
            QueueOrder.FEWEST: [count.asc()],
        }
        newest = [alerts.c.submitted_at.desc(), alerts.c.alert_id]
        oldest = [alerts.c.submitted_at, alerts.c.alert_id]
        query = query.order_by(*(newest if order is QueueOrder.NEWEST else [*first[order], *oldest])).limit(most)
        with well_formed("an alert"):
            return [
                QueueEntry(row.alert_id, utc_time(row.submitted_at), row.n, bool(row.begun))
                for row in self._transaction.rows(query)
            ]

    def quorate(self, now: datetime, rules: QueueRules) -> Sequence[str]:
        """Open alerts that as many reviewers have ended as their policies ask for."""
        if not rules.required:
            return []
        query = select(alerts.c.alert_id).where(*OPEN, _ended(now) >= _required(rules))
        query = query.order_by(alerts.c.submitted_at, alerts.c.alert_id)
        return [row.alert_id for row in self._transaction.rows(query)]


def _waiting(query: Select[Any], reviewer: str, now: datetime, rules: QueueRules) -> Select[Any]:
    if not rules.required:
        return query.select_from(alerts).where(false())
    mine = and_(progress.c.alert_id == alerts.c.alert_id, progress.c.reviewer == reviewer)
    through = exists().where(mine, or_(progress.c.finished_at.is_not(None), progress.c.recused_at.is_not(None)))
    held = exists().where(
        progress.c.alert_id == alerts.c.alert_id,
        progress.c.reviewer != reviewer,
        progress.c.claimed_until > utc_text(now),
        progress.c.finished_at.is_(None),
        progress.c.recused_at.is_(None),
    )
    known = exists().where(known_items.c.alert_id == alerts.c.alert_id)
    ended = exists().where(
        known_items.c.alert_id == alerts.c.alert_id, known_items.c.cohort_revision_id.in_(rules.ended)
    )
    own = and_(alerts.c.policy_digest.in_(rules.lenient), ~known)  # whoever searched knows what was found
    allowed = and_(or_(alerts.c.submitted_by != reviewer, own), ~ended)
    return query.select_from(alerts).where(*OPEN, allowed, ~through, ~held, _ended(now) < _required(rules))


def _required(rules: QueueRules) -> Case[int]:
    return case(dict(rules.required), value=alerts.c.policy_digest)


def _ended(now: datetime) -> ColumnElement[int]:
    over = or_(progress.c.finished_at.is_not(None), progress.c.claimed_until <= utc_text(now))
    counted = (progress.c.alert_id == alerts.c.alert_id, progress.c.disclosed_at.is_not(None))
    return select(func.count()).where(*counted, progress.c.recused_at.is_(None), over).scalar_subquery()
