"""Float rows in memory, for survivors to be scored: the other `ports.RowReader` reads a sealed container."""

from dataclasses import dataclass, field

import numpy as np

from matcher.domain.template import Floats, Scores


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """Rows in a `faiss.IndexFlatIP`, which owns the only copy."""

    # Left out of repr: templates must not reach a log by way of a message.
    _store: object = field(repr=False)  # keeps the memory of `_rows` alive
    _rows: Floats = field(repr=False)  # (n, d), read-only

    @classmethod
    def of(cls, templates: Floats) -> "StoredRows":
        """A copy of float32 (n, d)."""
        import faiss

        n, d = templates.shape
        store = faiss.IndexFlatIP(d)
        store.add(templates)
        rows: Floats = faiss.rev_swig_ptr(store.get_xb(), n * d).reshape(n, d)
        rows.flags.writeable = False
        return cls(store, rows)

    def take(self, numbers: Scores) -> Floats:
        """Rows by number, ascending."""
        return np.ascontiguousarray(self._rows[numbers])
