"""Where float rows come from when a survivor has to be scored: the memory of a FAISS store, or a sealed container."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from matcher.domain.ports import RowReader
from matcher.domain.template import Floats, Scores


class _Store(Protocol):
    """What is used of `faiss.IndexFlatIP`."""

    d: int
    ntotal: int


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """Rows in a FAISS flat store, which owns the only copy."""

    # Left out of repr: templates must not reach a log by way of a message.
    store: _Store = field(repr=False)
    all: Floats = field(repr=False)  # the store's own memory, (n, d), read-only

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
        return np.ascontiguousarray(self.all[numbers])


__all__ = ["RowReader", "StoredRows"]
