"""Known-answer items, what each reviewer said of them, and who may judge; rules in `domain/vigilance.py`.

The answer is sealed for its alert; that an alert is an item is not, so whoever reads the database file can tell.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, insert, select

from matcher.domain.case import Verdict
from matcher.domain.erasure import ANSWER
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.ports import Vault
from matcher.domain.revision import PictureRef
from matcher.domain.vigilance import Answer, KnownItem, Result, Right
from matcher.store.alerts import SqlAlerts, place_bytes, place_of, purpose_of
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.origins import Origins
from matcher.store.schema import (
    alerts,
    candidates,
    judgements,
    known_items,
    known_results,
    progress,
    reviewer_rights,
)
from matcher.store.transaction import Transaction

_OPEN = (alerts.c.concluded_at.is_(None), alerts.c.closed_reason.is_(None))
_OF_SEARCH = alerts.c.alert_id.not_in(select(known_items.c.alert_id))


class SqlVigilance:
    """Implements `tables.Vigilance`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, vault: Vault, item: KnownItem) -> None:
        """Queues an item. Raises Refused for what no alert may be."""
        alert_id = item.alert.alert_id
        SqlAlerts(self._transaction).add(vault, item.alert)
        row = {"alert_id": alert_id, "cohort_revision_id": item.cohort_revision_id}
        sealed = vault.seal(purpose_of(alert_id, ANSWER), _answer_bytes(item.answer))
        self._transaction.run(insert(known_items), row | {"answer": sealed})

    def answer(self, vault: Vault, alert_id: str) -> Answer | None:
        """The truth of an item; None for an alert of a search, and for an item that was erased.

        Raises IntegrityError when the seal does not open.
        """
        row = self._transaction.row(select(known_items).where(known_items.c.alert_id == alert_id))
        return None if row is None or not row.answer else opened_answer(vault, row)

    def people_shown(self, vault: Vault, cohort_revision_id: str) -> frozenset[str]:
        """Cohort subjects whose face was the probe of an item already."""
        query = select(known_items).where(known_items.c.cohort_revision_id == cohort_revision_id)
        return frozenset(opened_answer(vault, row).person for row in self._transaction.rows(query) if row.answer)

    def cohort_revision(self, alert_id: str) -> str | None:
        """The cohort revision that an item was made of."""
        row = self._transaction.row(select(known_items.c.cohort_revision_id).where(known_items.c.alert_id == alert_id))
        return None if row is None else str(row.cohort_revision_id)

    def items(self) -> Mapping[str, str]:
        """sha256 (hex) of the sealed answer of every item as it was first, by alert, erased ones too; needs no key."""
        rows = self._transaction.rows(select(known_items.c.alert_id, known_items.c.answer))
        first = Origins(self._transaction, part=ANSWER)
        return {row.alert_id: first.digest(row.alert_id, ANSWER, row.answer) for row in rows}

    def counts(self, report: str) -> tuple[int, int]:
        """How many alerts of searches and how many items were queued under a report."""
        every = select(func.count()).select_from(alerts).where(alerts.c.report_digest == report)
        known = select(func.count()).select_from(known_items).where(_of(report))
        items = self._transaction.number(known)
        return self._transaction.number(every) - items, items

    def waiting(self, report: str) -> int:
        """How many items queued under a report wait for reviewers."""
        query = select(func.count()).select_from(known_items).where(_of(report, *_OPEN))
        return self._transaction.number(query)

    def sizes(self, report: str) -> Sequence[int]:
        """How many candidates each alert of a search has under a report."""
        query = select(func.count().label("n")).select_from(alerts.join(candidates))
        query = query.where(alerts.c.report_digest == report, _OF_SEARCH)
        return [int(row.n) for row in self._transaction.rows(query.group_by(alerts.c.alert_id))]

    def add_result(self, result: Result) -> None:
        """Enters what a reviewer said. Raises Refused before they saw the score, and out of turn."""
        row = {name: getattr(result, name) for name in ("reviewer", "number", "alert_id", "mate")}
        row |= {"said": result.said.value, "judged_at": utc_text(result.judged_at)}
        self._transaction.run(insert(known_results), row)

    def results(self, reviewer: str) -> Sequence[Result]:
        """A reviewer's results in order."""
        query = select(known_results).where(known_results.c.reviewer == reviewer).order_by(known_results.c.number)
        return [_result(row) for row in self._transaction.rows(query)]

    def add_right(self, right: Right) -> None:
        """Takes a right or gives it back. Raises Refused out of turn, and for whoever would restore themselves."""
        row = {name: getattr(right, name) for name in ("reviewer", "number", "reason", "results")}
        row |= {"suspended": int(right.suspended), "changed_by": right.by, "changed_at": utc_text(right.at)}
        self._transaction.run(insert(reviewer_rights), row)

    def rights(self, reviewer: str) -> Sequence[Right]:
        """Every change of a reviewer's right to judge, in order; none for who was never suspended."""
        query = select(reviewer_rights).where(reviewer_rights.c.reviewer == reviewer)
        return [_right(row) for row in self._transaction.rows(query.order_by(reviewer_rights.c.number))]

    def blind_verdicts(self) -> Sequence[tuple[str, str, str, Verdict]]:
        """(alert, candidate, reviewer, blind verdict) of concluded alerts of searches; who stepped back is left out."""
        newest = select(func.max(judgements.c.number)).select_from(judgements)
        newest = newest.group_by(judgements.c.alert_id, judgements.c.candidate_id, judgements.c.reviewer)
        rows = self._transaction.rows(_verdicts(newest.add_columns(judgements.c.alert_id)))
        with well_formed("a judgement"):
            return [(row.alert_id, row.candidate_id, row.reviewer, Verdict(row.verdict)) for row in rows]


def _verdicts(newest: Select[Any]) -> Select[Any]:
    last = newest.subquery()
    number, alert_id = last.c
    joined = judgements.join(last, (judgements.c.number == number) & (judgements.c.alert_id == alert_id))
    joined = joined.join(alerts, alerts.c.alert_id == judgements.c.alert_id)
    own = (progress.c.alert_id == judgements.c.alert_id) & (progress.c.reviewer == judgements.c.reviewer)
    joined = joined.join(progress, own & progress.c.disclosed_at.is_not(None) & progress.c.recused_at.is_(None))
    shown = (judgements.c.alert_id, judgements.c.candidate_id, judgements.c.reviewer, judgements.c.verdict)
    query = select(*shown).select_from(joined).where(alerts.c.concluded_at.is_not(None), _OF_SEARCH)
    return query.order_by(*shown[:3])


def _of(report: str, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """That an item was queued under a report; from the few items to their alerts, not from all alerts."""
    mine = alerts.c.alert_id == known_items.c.alert_id
    return exists(select(1).select_from(alerts).where(mine, alerts.c.report_digest == report, *conditions))


def _answer_bytes(answer: Answer) -> bytes:
    shown = {
        candidate: [[one.container, one.offset, one.length, place_bytes(one.place).decode()] for one in pictures]
        for candidate, pictures in answer.references
    }
    return canonical_json({"mate": answer.mate, "person": answer.person, "references": shown}).encode()


def opened_answer(vault: Vault, row: Row[Any]) -> Answer:
    """The answer in a row of `known_items`. Raises IntegrityError."""
    found = json.loads(vault.open(purpose_of(row.alert_id, ANSWER), row.answer))
    with well_formed("a known-answer item"):
        references = tuple(
            (candidate, tuple(PictureRef(name, at, size, place_of(place.encode())) for name, at, size, place in shown))
            for candidate, shown in found["references"].items()
        )
        return Answer(found["mate"], found["person"], references)


def _result(row: Row[Any]) -> Result:
    with well_formed("a result"):
        made = utc_time(row.judged_at)
        return Result(row.reviewer, row.number, row.alert_id, row.mate, Verdict(row.said), made)


def _right(row: Row[Any]) -> Right:
    with well_formed("a reviewer's right"):
        at = utc_time(row.changed_at)
        return Right(row.reviewer, row.number, bool(row.suspended), row.changed_by, row.reason, row.results, at)
