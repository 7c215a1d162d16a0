"""A home's database on a server, copied to a SQLite file: what a backup holds, and what a home is restored from.

1. Its rows are those of one snapshot of the server's, a table at a time and a few rows at a time.
2. The rules are made behind the rows, each of which passed them when it was written. Constraints and references are in
   force; `audit verify` checks a restored home like any other.
3. The tables are those of now, whatever version the server's are of: an older one lacks some (`steps.py`).
"""

from pathlib import Path

from sqlalchemy import Engine, insert, inspect, select

from matcher.store import schema
from matcher.store.engine import filling
from matcher.store.failures import translated
from matcher.store.postgres import begin
from matcher.store.postgres_rules import SCHEMA

_ROWS_AT_ONCE = 1000
_LARGE = {"alerts", "reports"}  # a row holds a photograph, or a whole report


def copy(engine: Engine, path: Path) -> None:
    """Copies the database as it is at one moment to a new file, 0600. Raises StorageFailed, OSError."""
    with translated(), begin(engine, write=False) as server, filling(path) as file:
        there = inspect(server).get_table_names(SCHEMA)
        for table in schema.metadata.sorted_tables:
            if table.name in there:
                at_once = 1 if table.name in _LARGE else _ROWS_AT_ONCE
                found = server.execute(select(table), execution_options={"yield_per": at_once})
                for rows in found.mappings().partitions():
                    file.execute(insert(table), [dict(row) for row in rows])
