"""Public facts of revisions; what they hold is sealed elsewhere."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select

from matcher.domain.ids import utc_text, utc_time
from matcher.domain.revision import Revision
from matcher.domain.template import ModelIdentity
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.schema import revisions
from matcher.store.transaction import Transaction


class SqlRevisions:
    """Implements `tables.RevisionTable`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, revision: Revision) -> None:
        """Adds a revision. Raises Refused when its collection has one of that number."""
        row = asdict(revision) | {
            "model": revision.model.text(),
            "loaded_at": utc_text(revision.loaded_at),
            "loaders": canonical_json(revision.loaders),
        }
        self._transaction.run(insert(revisions), row)

    def get(self, revision_id: str) -> Revision | None:
        """The revision of that id."""
        row = self._transaction.row(select(revisions).where(revisions.c.revision_id == revision_id))
        return None if row is None else revision_of(row)

    def all(self) -> Sequence[Revision]:
        """Every revision, by collection and number."""
        query = select(revisions).order_by(revisions.c.collection_id, revisions.c.number)
        return [revision_of(row) for row in self._transaction.rows(query)]

    def ids(self) -> frozenset[str]:
        """Every revision's id."""
        return frozenset(row.revision_id for row in self._transaction.rows(select(revisions.c.revision_id)))

    def named(self, revision_id: str | None) -> Revision | None:
        """The revision that another row refers to; None for no reference."""
        return None if revision_id is None else self.get(revision_id)


def revision_of(row: Row[Any]) -> Revision:
    """A row of `revisions` as a value. Raises IntegrityError."""
    with well_formed("a revision"):
        facts = row._asdict()
        model, loaded_at = ModelIdentity.parse(row.model), utc_time(row.loaded_at)
        loaders = tuple(json.loads(row.loaders))
        return Revision(**{**facts, "model": model, "loaded_at": loaded_at, "loaders": loaders})
