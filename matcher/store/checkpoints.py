"""Signed checkpoints of the log, each under the number of entries it is about."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, insert, select

from matcher.domain.records import StoredCheckpoint
from matcher.store.failures import well_formed
from matcher.store.schema import checkpoints
from matcher.store.transaction import Transaction

_BATCH = 1000


class SqlCheckpoints:
    """Implements `tables.Checkpoints`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, checkpoint: StoredCheckpoint) -> None:
        """Adds one. Raises Refused unless its size is that of the log."""
        row = {column.name: getattr(checkpoint, column.name) for column in checkpoints.columns}
        self._transaction.run(insert(checkpoints), row)

    def newest(self) -> StoredCheckpoint | None:
        """The one of the most entries."""
        row = self._transaction.row(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1))
        return None if row is None else _checkpoint(row)

    def all(self) -> Iterator[StoredCheckpoint]:
        """Every one, the oldest first; read in batches."""
        after = 0
        while True:
            query = select(checkpoints).where(checkpoints.c.size > after).order_by(checkpoints.c.size).limit(_BATCH)
            found = self._transaction.rows(query)
            yield from (_checkpoint(row) for row in found)
            if len(found) < _BATCH:
                return
            after = found[-1].size

    def signed_by(self, log_key: bytes) -> bool:
        """Whether any is signed by this public key."""
        return bool(self._transaction.rows(select(checkpoints.c.size).where(checkpoints.c.log_key == log_key).limit(1)))


def _checkpoint(row: Row[Any]) -> StoredCheckpoint:
    with well_formed("a checkpoint"):
        return StoredCheckpoint(row.size, bytes(row.log_key), bytes(row.peaks), row.note)
