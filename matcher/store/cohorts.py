"""Cohorts, whole."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select, update

from matcher.domain.cohort import Cohort, CohortTerms
from matcher.domain.ids import utc_text, utc_time
from matcher.errors import BadInput
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.revisions import SqlRevisions
from matcher.store.schema import cohorts
from matcher.store.transaction import Transaction

_TERMS = ("source", "legal_basis", "consent_ref", "label_method", "captured")


class SqlCohorts:
    """Implements `tables.Cohorts`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._revisions = SqlRevisions(transaction)

    def add(self, cohort: Cohort) -> None:
        """Adds a cohort. Raises BadInput for a taken name."""
        row = {name: getattr(cohort.terms, name) for name in _TERMS} | {
            "cohort_id": cohort.cohort_id,
            "name": cohort.name,
            "expires": cohort.terms.expires.isoformat(),
            "uses": canonical_json(cohort.terms.uses),
            "created_by": cohort.created_by,
            "created_at": utc_text(cohort.created_at),
            "latest_id": _latest(cohort),
        }
        self._transaction.run(insert(cohorts), row)

    def named(self, name: str) -> Cohort | None:
        """The cohort of that name."""
        row = self._transaction.row(select(cohorts).where(cohorts.c.name == name))
        return None if row is None else self._cohort(row)

    def all(self) -> Sequence[Cohort]:
        """Every cohort, by name."""
        return [self._cohort(row) for row in self._transaction.rows(select(cohorts).order_by(cohorts.c.name))]

    def save(self, cohort: Cohort) -> None:
        """Stores the newest revision. Raises BadInput for a cohort that was never added."""
        statement = update(cohorts).where(cohorts.c.cohort_id == cohort.cohort_id)
        if self._transaction.run(statement, {"latest_id": _latest(cohort)}) != 1:
            raise BadInput(f"there is no cohort {cohort.name}: see matcher cohort list")

    def _cohort(self, row: Row[Any]) -> Cohort:
        with well_formed("a cohort"):
            return Cohort(
                cohort_id=row.cohort_id,
                name=row.name,
                terms=CohortTerms(
                    expires=date.fromisoformat(row.expires),
                    uses=tuple(json.loads(row.uses)),
                    **{name: getattr(row, name) for name in _TERMS},
                ),
                created_by=row.created_by,
                created_at=utc_time(row.created_at),
                latest=self._revisions.named(row.latest_id),
            )


def _latest(cohort: Cohort) -> str | None:
    return None if cohort.latest is None else cohort.latest.revision_id
