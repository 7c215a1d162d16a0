"""What is deleted from a database is in none of its bytes: neither in free pages, nor in gaps, nor in the WAL."""

import random
from pathlib import Path

import pytest

from matcher.store.engine import DATABASE, begin, create_database, scrub

pytestmark = pytest.mark.sqlite_only
PEOPLE = 1_200


def test_scrubbing_leaves_none_of_what_secure_delete_leaves(tmp_path: Path) -> None:
    """A row that moved, when the tree around it was balanced, may leave a copy in a gap that nothing overwrites."""
    engine = create_database(tmp_path)
    draw = random.Random(1)  # noqa: S311 -- the same every time
    values = {f"{draw.randrange(10**9):09d}": draw.randbytes(draw.choice((40, 300, 900, 5000))) for _ in range(PEOPLE)}
    with begin(engine, write=True) as connection:
        connection.exec_driver_sql(
            "CREATE TABLE moving (id TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
        )
        known: list[str] = []
        for one, value in values.items():
            connection.exec_driver_sql("INSERT INTO moving VALUES (?, ?)", (one, value))
            known.append(one)
            if draw.random() < 0.3:
                again = draw.choice(known)
                connection.exec_driver_sql("DELETE FROM moving WHERE id = ?", (again,))
                connection.exec_driver_sql("INSERT INTO moving VALUES (?, ?)", (again, values[again]))
        connection.commit()
    gone = draw.sample(sorted(values), PEOPLE // 3)
    idle = engine.connect()  # while somebody has the database open its WAL stays
    idle.exec_driver_sql("SELECT COUNT(*) FROM log").one()
    idle.rollback()
    with begin(engine, write=True) as connection:
        for one in gone:
            connection.exec_driver_sql("UPDATE moving SET value = x'' WHERE id = ?", (one,))
        connection.commit()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert left(tmp_path, [values[one] for one in gone]) > 0  # secure_delete is on, and not enough
    scrub(engine)
    assert (tmp_path / f"{DATABASE}-wal").stat().st_size == 0
    assert left(tmp_path, [values[one] for one in gone]) == 0
    assert left(tmp_path, [values[one] for one in values if one not in gone]) > 0
    idle.close()


def left(home: Path, values: list[bytes]) -> int:
    """How many of the values are somewhere in the database's files, by their first or last bytes."""
    data = b"".join(path.read_bytes() for path in home.glob(f"{DATABASE}*"))
    return sum(one[:24] in data or one[-16:] in data for one in values)
