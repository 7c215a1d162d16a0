"""Public facts of revisions; what they hold is sealed elsewhere."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, func, insert, select

from matcher.domain.ids import utc_text, utc_time
from matcher.domain.revision import Remains, Revision
from matcher.domain.template import ModelIdentity
from matcher.store.failures import well_formed
from matcher.store.log import canonical_json
from matcher.store.schema import remains, revisions
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
        del row["left"]
        self._transaction.run(insert(revisions), row)

    def get(self, revision_id: str) -> Revision | None:
        """The revision of that id."""
        row = self._transaction.row(select(revisions).where(revisions.c.revision_id == revision_id))
        return None if row is None else revision_of(row, self._left(revision_id).get(revision_id))

    def all(self) -> Sequence[Revision]:
        """Every revision, by collection and number."""
        query = select(revisions).order_by(revisions.c.collection_id, revisions.c.number)
        left = self._left()
        return [revision_of(row, left.get(row.revision_id)) for row in self._transaction.rows(query)]

    def ids(self) -> frozenset[str]:
        """Every revision's id."""
        return frozenset(row.revision_id for row in self._transaction.rows(select(revisions.c.revision_id)))

    def named(self, revision_id: str | None) -> Revision | None:
        """The revision that another row refers to; None for no reference."""
        return None if revision_id is None else self.get(revision_id)

    def _left(self, revision_id: str | None = None) -> dict[str, Remains]:
        """What the newest erasure left of each revision, or of one."""
        newest = select(remains.c.revision_id, func.max(remains.c.erasure).label("erasure"))
        last = newest.group_by(remains.c.revision_id).subquery()
        query: Select[Any] = select(remains).join(
            last, (remains.c.revision_id == last.c.revision_id) & (remains.c.erasure == last.c.erasure)
        )
        if revision_id is not None:
            query = query.where(remains.c.revision_id == revision_id)
        rows = self._transaction.rows(query)
        return {row.revision_id: Remains(row.digest, row.subjects, row.templates, row.rejected) for row in rows}


def revision_of(row: Row[Any], left: Remains | None) -> Revision:
    """A row of `revisions` as a value. Raises IntegrityError."""
    with well_formed("a revision"):
        facts = row._asdict()
        model, loaded_at = ModelIdentity.parse(row.model), utc_time(row.loaded_at)
        loaders = tuple(json.loads(row.loaders))
        return Revision(**{**facts, "model": model, "loaded_at": loaded_at, "loaders": loaders, "left": left})
