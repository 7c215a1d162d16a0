"""Erasures (`domain/erasure.py`): begun and finished, what is left of revisions, values emptied and sealed anew."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, func, insert, select, update

from matcher.domain.erasure import ANSWER, PLACE, PROBE, Erasure, Shown, part_of
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.ports import Vault
from matcher.domain.revision import Remains
from matcher.store.alerts import purpose_of
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.queue import OPEN
from matcher.store.schema import (
    alerts,
    candidates,
    erased_parts,
    erasures,
    known_items,
    leads,
    remains,
    resealed_parts,
)
from matcher.store.transaction import Transaction
from matcher.store.vigilance import opened_answer

_ENDED = alerts.c.concluded_at.is_not(None) | alerts.c.closed_at.is_not(None)


class SqlErasures:
    """Implements `tables.Erasures`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def begin(self, erasure_id: str, collection_id: str, by: str, now: datetime) -> int:
        """Numbers an erasure. Raises Refused for who is no admin."""
        number = 1 + self._transaction.number(select(func.coalesce(func.max(erasures.c.number), 0)))
        row = {"number": number, "erasure_id": erasure_id, "collection_id": collection_id}
        self._transaction.run(insert(erasures), row | {"erased_by": by, "erased_at": utc_text(now)})
        return number

    def leave(self, number: int, revision_id: str, left: Remains) -> None:
        """Notes what is left of a revision. Raises Refused for one that serves."""
        row = {"revision_id": revision_id, "erasure": number, "digest": left.digest}
        counts = {"subjects": left.subjects, "templates": left.templates, "rejected": left.rejected}
        self._transaction.run(insert(remains), row | counts)

    def empty(self, number: int, alert_id: str, part: str) -> bytes:
        """Empties a sealed value and returns what it was; nothing where it is empty already.

        Raises Refused while the alert waits.
        """
        table, column, where = _place_of(alert_id, part)
        row = self._transaction.row(select(table.c[column].label("sealed")).where(*where))
        if row is None or not row.sealed:
            return b""
        sealed = bytes(row.sealed)
        written = {"alert_id": alert_id, "part": part, "digest": hashlib.sha256(sealed).hexdigest(), "erasure": number}
        self._transaction.run(insert(erased_parts), written)
        self._transaction.run(update(table).where(*where), {column: b""})
        return sealed

    def alerts(self) -> Sequence[str]:
        """Every alert, known-answer items among them."""
        return [row.alert_id for row in self._transaction.rows(select(alerts.c.alert_id).order_by(alerts.c.alert_id))]

    def reseal(self, number: int, vaults: tuple[Vault, Vault], alert_id: str) -> Sequence[bytes]:
        """Seals the values of an alert anew, from the first vault to the second; what they were, the empty left out.

        Raises Refused unless the erasure is of the home and under way, IntegrityError where a seal does not open.
        """
        query = select(candidates.c.candidate_id).where(candidates.c.alert_id == alert_id)
        parts = [part_of(row.candidate_id) for row in self._transaction.rows(query.order_by(candidates.c.candidate_id))]
        resealed = [self._reseal(number, vaults, alert_id, part) for part in (PROBE, PLACE, ANSWER, *parts)]
        return [before for before in resealed if before]

    def _reseal(self, number: int, vaults: tuple[Vault, Vault], alert_id: str, part: str) -> bytes:
        table, column, where = _place_of(alert_id, part)
        row = self._transaction.row(select(table.c[column].label("sealed")).where(*where))
        if row is None or not row.sealed:
            return b""
        old, new = vaults
        before, purpose = bytes(row.sealed), purpose_of(alert_id, part)
        after = new.seal(purpose, old.open(purpose, before))
        digests = {"before": hashlib.sha256(before).hexdigest(), "after": hashlib.sha256(after).hexdigest()}
        self._transaction.run(insert(resealed_parts), digests | {"alert_id": alert_id, "part": part, "erasure": number})
        self._transaction.run(update(table).where(*where), {column: after})
        return before

    def close(self, alert_ids: Sequence[str], reason: str, now: datetime) -> None:
        """Closes alerts that wait, as inconclusive."""
        said = {"closed_reason": reason, "closed_at": utc_text(now)}
        for alert_id in alert_ids:
            self._transaction.run(update(alerts).where(alerts.c.alert_id == alert_id, *OPEN), said)

    def shown(self, vault: Vault, list_id: str) -> Iterator[Shown]:
        """Candidates of searches of a list, but for the erased."""
        query = _SHOWN.where(alerts.c.list_id == list_id, known_items.c.alert_id.is_(None))
        return (_shown(vault, row) for row in self._transaction.rows(query))

    def practised(self, vault: Vault, revision_ids: frozenset[str]) -> Iterator[Shown]:
        """Candidates of known-answer items made of these cohort revisions, but for the erased."""
        for row in self._transaction.rows(_SHOWN.where(known_items.c.cohort_revision_id.in_(revision_ids))):
            yield _shown(vault, row)

    def policies(self) -> Sequence[str]:
        """Digests of the policies of alerts that ended and still have their probe."""
        query = select(alerts.c.policy_digest).where(_ENDED, func.length(alerts.c.probe) > 0).distinct()
        return sorted(row.policy_digest for row in self._transaction.rows(query))

    def ended(self, policy_digest: str, before: datetime) -> Sequence[tuple[str, str]]:
        """(list, alert) of alerts under a policy that were concluded or closed before, and still have their probe."""
        ended_at = func.coalesce(alerts.c.concluded_at, alerts.c.closed_at)
        query = select(alerts.c.list_id, alerts.c.alert_id).where(alerts.c.policy_digest == policy_digest, _ENDED)
        query = query.where(ended_at < utc_text(before), func.length(alerts.c.probe) > 0)
        return [(row.list_id, row.alert_id) for row in self._transaction.rows(query.order_by(alerts.c.alert_id))]

    def waiting(self, list_id: str) -> Sequence[str]:
        """Alerts of a list that wait, known-answer items among them."""
        query = select(alerts.c.alert_id).where(alerts.c.list_id == list_id, *OPEN).order_by(alerts.c.alert_id)
        return [row.alert_id for row in self._transaction.rows(query)]

    def cases(self, alert_ids: Sequence[str]) -> Sequence[str]:
        """Case references of alerts of searches, each once."""
        query = select(alerts.c.case_reference).outerjoin(known_items).where(known_items.c.alert_id.is_(None))
        rows = [self._transaction.row(query.where(alerts.c.alert_id == alert_id)) for alert_id in alert_ids]
        return sorted({row.case_reference for row in rows if row is not None})

    def finish(self, number: int, now: datetime) -> None:
        """Notes that nothing of an erasure is left to do. Raises Refused the second time."""
        self._transaction.run(update(erasures).where(erasures.c.number == number), {"finished_at": utc_text(now)})

    def all(self) -> Sequence[Erasure]:
        """Every one, in order."""
        return [_erasure(row) for row in self._transaction.rows(select(erasures).order_by(erasures.c.number))]

    def unfinished(self) -> Sequence[Erasure]:
        """Those whose files are still to be exchanged."""
        query = select(erasures).where(erasures.c.finished_at.is_(None)).order_by(erasures.c.number)
        return [_erasure(row) for row in self._transaction.rows(query)]

    def left(self, number: int) -> Sequence[tuple[str, Remains]]:
        """What an erasure left of each revision that it touched."""
        query = select(remains).where(remains.c.erasure == number).order_by(remains.c.revision_id)
        return [
            (row.revision_id, Remains(row.digest, row.subjects, row.templates, row.rejected))
            for row in self._transaction.rows(query)
        ]

    def parts(self, number: int) -> int:
        """How many sealed values an erasure emptied or sealed anew."""
        tables = (erased_parts, resealed_parts)
        queries = [select(func.count()).select_from(one).where(one.c.erasure == number) for one in tables]
        return sum(self._transaction.number(query) for query in queries)

    def fingerprint(self, number: int) -> str:
        """sha256 (hex) over what an erasure left of revisions, what it emptied and what it sealed anew."""
        query = select(erased_parts).where(erased_parts.c.erasure == number)
        emptied = [
            [row.alert_id, row.part, row.digest]
            for row in self._transaction.rows(query.order_by(erased_parts.c.alert_id, erased_parts.c.part))
        ]
        left = [[revision, r.digest, r.subjects, r.templates, r.rejected] for revision, r in self.left(number)]
        query = select(resealed_parts).where(resealed_parts.c.erasure == number)
        resealed = [
            [row.alert_id, row.part, row.before, row.after]
            for row in self._transaction.rows(query.order_by(resealed_parts.c.alert_id, resealed_parts.c.part))
        ]
        whole = [left, emptied, resealed] if resealed else [left, emptied]
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()


_SHOWN = (
    select(
        candidates,
        known_items.c.answer,
        alerts.c.closed_reason,
        alerts.c.concluded_at,
        leads.c.candidate_id.label("lead"),
    )
    .select_from(
        candidates.join(alerts)
        .outerjoin(known_items, known_items.c.alert_id == candidates.c.alert_id)
        .outerjoin(
            leads, (leads.c.alert_id == candidates.c.alert_id) & (leads.c.candidate_id == candidates.c.candidate_id)
        )
    )
    .where(func.length(candidates.c.subject) > 0)
    .order_by(candidates.c.alert_id, candidates.c.rank)
)


def _shown(vault: Vault, row: Row[Any]) -> Shown:
    sealed_for = purpose_of(row.alert_id, part_of(row.candidate_id))
    return Shown(
        alert_id=row.alert_id,
        candidate_id=row.candidate_id,
        subject_id=vault.open(sealed_for, row.subject).decode(),
        open=row.closed_reason is None and row.concluded_at is None,
        lead=row.lead is not None,
        person=opened_answer(vault, row).person if row.answer else None,
    )


def _place_of(alert_id: str, part: str) -> tuple[Table, str, tuple[Any, ...]]:
    """Table and column of a sealed value, and which row it is in."""
    if part in (PROBE, PLACE):
        return alerts, part, (alerts.c.alert_id == alert_id,)
    if part == ANSWER:
        return known_items, "answer", (known_items.c.alert_id == alert_id,)
    candidate_id = part.partition("/")[2]
    return candidates, "subject", (candidates.c.alert_id == alert_id, candidates.c.candidate_id == candidate_id)


def _erasure(row: Row[Any]) -> Erasure:
    with well_formed("an erasure"):
        finished = None if row.finished_at is None else utc_time(row.finished_at)
        at = utc_time(row.erased_at)
        return Erasure(row.number, row.erasure_id, row.collection_id, row.erased_by, at, finished)
