"""What reviewers said: judgements and corrections, only ever added, and the one lead an alert may have."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, func, insert, select

from matcher.domain.case import Component, Correction, Finding, Judgement, Verdict
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.records import SignedCorrection, SignedJudgement
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.schema import corrections, judgements, leads
from matcher.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Lead:
    """The candidate of an alert whose identity was unsealed."""

    alert_id: str
    candidate_id: str
    unsealed_at: datetime


class SqlJudgements:
    """Judgements, corrections and leads of every alert."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add_judgement(self, judgement: SignedJudgement) -> None:
        """Adds a judgement; time on screen is kept in whole milliseconds.

        Raises Refused after its reviewer saw the score, or without a claim.
        """
        said = judgement.judgement
        row = {
            "alert_id": judgement.alert_id,
            "number": self._next(judgements, judgement.alert_id),
            "candidate_id": said.candidate_id,
            "reviewer": judgement.reviewer,
            "account": judgement.account,
            "terminal": judgement.terminal,
            "made_at": utc_text(judgement.made_at),
            "verdict": said.verdict.value,
            "checklist": canonical_json([[component.value, finding.value] for component, finding in said.checklist]),
            "mode": said.mode,
            "face_pixels": said.face_pixels,
            "milliseconds": round(said.seconds * 1000),
            "signature": judgement.signature,
        }
        self._transaction.run(insert(judgements), row)

    def judgements(self, alert_id: str) -> Sequence[SignedJudgement]:
        """Every judgement of an alert, oldest first; the newest of a reviewer on a candidate counts."""
        query = select(judgements).where(judgements.c.alert_id == alert_id).order_by(judgements.c.number)
        return [_judgement(row) for row in self._transaction.rows(query)]

    def add_correction(
        self, alert_id: str, reviewer: str, correction: Correction, made_at: datetime, signature: bytes
    ) -> None:
        """Adds a correction. Raises Refused before the score was shown and after finishing."""
        row = {
            "alert_id": alert_id,
            "number": self._next(corrections, alert_id),
            "candidate_id": correction.candidate_id,
            "reviewer": reviewer,
            "verdict": correction.verdict.value,
            "reason": correction.reason,
            "made_at": utc_text(made_at),
            "signature": signature,
        }
        self._transaction.run(insert(corrections), row)

    def corrections(self, alert_id: str) -> Sequence[SignedCorrection]:
        """Oldest first."""
        query = select(corrections).where(corrections.c.alert_id == alert_id).order_by(corrections.c.number)
        return [_correction(row) for row in self._transaction.rows(query)]

    def judgements_of(self, reviewer: str) -> Sequence[SignedJudgement]:
        """Every judgement of one reviewer, by alert, oldest first."""
        query = select(judgements).where(judgements.c.reviewer == reviewer)
        return [
            _judgement(row)
            for row in self._transaction.rows(query.order_by(judgements.c.alert_id, judgements.c.number))
        ]

    def corrections_of(self, reviewer: str) -> Sequence[SignedCorrection]:
        """Every correction of one reviewer, by alert, oldest first."""
        query = select(corrections).where(corrections.c.reviewer == reviewer)
        return [
            _correction(row)
            for row in self._transaction.rows(query.order_by(corrections.c.alert_id, corrections.c.number))
        ]

    def add_lead(self, alert_id: str, candidate_id: str, now: datetime) -> None:
        """Records that a candidate's identity is unsealed.

        Raises Refused unless the newest judgement of two different people is *same* and neither withdrew it, and when
        the alert has a lead.
        """
        row = {"alert_id": alert_id, "candidate_id": candidate_id, "unsealed_at": utc_text(now)}
        self._transaction.run(insert(leads), row)

    def leads(self) -> Sequence[Lead]:
        """Every lead, oldest first."""
        rows = self._transaction.rows(select(leads).order_by(leads.c.unsealed_at, leads.c.alert_id))
        with well_formed("a lead"):
            return [Lead(row.alert_id, row.candidate_id, utc_time(row.unsealed_at)) for row in rows]

    def _next(self, table: Table, alert_id: str) -> int:
        highest = func.coalesce(func.max(table.c.number), 0)
        return 1 + self._transaction.number(select(highest).where(table.c.alert_id == alert_id))


def _judgement(row: Row[Any]) -> SignedJudgement:
    with well_formed("a judgement"):
        return SignedJudgement(
            alert_id=row.alert_id,
            reviewer=row.reviewer,
            account=row.account,
            terminal=row.terminal,
            made_at=utc_time(row.made_at),
            judgement=Judgement(
                candidate_id=row.candidate_id,
                verdict=Verdict(row.verdict),
                checklist=tuple((Component(part), Finding(found)) for part, found in json.loads(row.checklist)),
                mode=row.mode,
                face_pixels=row.face_pixels,
                seconds=row.milliseconds / 1000,
            ),
            signature=row.signature,
        )


def _correction(row: Row[Any]) -> SignedCorrection:
    with well_formed("a correction"):
        said = Correction(row.candidate_id, Verdict(row.verdict), row.reason)
        return SignedCorrection(row.alert_id, row.reviewer, utc_time(row.made_at), said, row.signature)
