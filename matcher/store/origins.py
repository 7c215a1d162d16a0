"""What a sealed value was when the log wrote it down: home keys are rotated since, and the log stays."""

import hashlib
from collections import defaultdict

from sqlalchemy import select

from matcher.store.schema import erased_parts, resealed_parts
from matcher.store.transaction import Transaction


class Origins:
    """Digests of sealed values as they were first, of one alert or of one part of every alert; needs no key."""

    def __init__(self, transaction: Transaction, *, alert_id: str | None = None, part: str | None = None) -> None:
        self._erased: dict[tuple[str, str], str] = {}
        self._resealed: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for table in (erased_parts, resealed_parts):
            query = select(table).order_by(table.c.erasure.desc())
            query = query if alert_id is None else query.where(table.c.alert_id == alert_id)
            query = query if part is None else query.where(table.c.part == part)
            for row in transaction.rows(query):
                if table is erased_parts:
                    self._erased[row.alert_id, row.part] = row.digest
                else:
                    self._resealed[row.alert_id, row.part].append((row.after, row.before))

    def digest(self, alert_id: str, part: str, sealed: bytes) -> str:
        """sha256 (hex) of a value before it was ever sealed anew; where it is empty, of what an erasure emptied."""
        key = alert_id, part
        digest = hashlib.sha256(sealed).hexdigest()
        if not sealed:
            digest = self._erased.get(key, digest)
        for after, before in self._resealed.get(key, ()):  # the newest first
            if after == digest:
                digest = before
        return digest
