"""A world whose log is checkpointed as the program does it, and hands that somebody has who holds the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlcipher3 import dbapi2

from matcher.domain.checkpoint import Checkpoint, Note, origin_of, signed
from matcher.domain.events import LogEntry
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.merkle import Frontier
from matcher.services.notary import LogNotary
from matcher.services.workplace import Workplace
from matcher.store.home import Home
from matcher.store.log import entry_hash
from matcher.store.log_key import LogKey
from tests.services.world import World

COLUMNS = ("sequence", "time", "actor", "account", "terminal", "action", "details", "previous", "hash")


def notarise(world: World, anchor: Callable[[Note], None] | None = None) -> LogNotary:
    """From here on the world's log is checkpointed."""
    notary = LogNotary(log_key(world), world.place.seat.account, anchor)
    world.place = notarised(world, notary)
    world.sessions = {name: replace(session, place=world.place) for name, session in world.sessions.items()}
    return notary


def notarised(world: World, notary: LogNotary) -> Workplace:
    return replace(world.place, work=replace(world.store, notary=notary).unit_of_work)


def log_key(world: World) -> LogKey:
    return LogKey(Home(world.folder / "home", False), os.urandom)


@contextmanager
def hands_on(database: Path) -> Iterator[dbapi2.Connection]:
    """A database client without rules: the triggers are away meanwhile, and as they were afterwards."""
    connection = dbapi2.connect(str(database))
    connection.execute("PRAGMA foreign_keys = OFF")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    for _, text in triggers:
        connection.execute(text)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def keep_copy(database: Path, copy: Path) -> None:
    """The database as it is now, in one file."""
    connection = dbapi2.connect(str(database))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.copyfile(database, copy)


def read_log(connection: dbapi2.Connection) -> list[LogEntry]:
    columns = ", ".join(COLUMNS)
    rows = connection.execute(f"SELECT {columns} FROM log ORDER BY sequence").fetchall()  # noqa: S608 -- names above
    return [LogEntry(row[0], utc_time(row[1]), *row[2:]) for row in rows]


def write_log(connection: dbapi2.Connection, entries: list[LogEntry]) -> None:
    """Puts these entries in place of the log, and moves the head to the last."""
    connection.execute("DELETE FROM log")
    for entry in entries:
        row = (entry.sequence, utc_text(entry.time), *(getattr(entry, name) for name in COLUMNS[2:]))
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    last = entries[-1]
    head = (last.sequence, utc_text(last.time), last.hash)
    connection.execute("UPDATE log_head SET sequence = ?, time = ?, hash = ?", head)


def rechained(entries: list[LogEntry]) -> list[LogEntry]:
    """The same entries numbered and hashed anew, so that the chain holds."""
    found: list[LogEntry] = []
    previous = "0" * 64
    for sequence, entry in enumerate(entries, start=1):
        moved = replace(entry, sequence=sequence, previous=previous)
        found.append(replace(moved, hash=entry_hash(moved)))
        previous = found[-1].hash
    return found


def resign(connection: dbapi2.Connection, key: LogKey) -> None:
    """Makes every checkpoint of the home anew over the log as it is, with the home's own key."""
    home_id = connection.execute("SELECT home_id FROM home").fetchone()[0]
    sizes = [size for (size,) in connection.execute("SELECT size FROM checkpoints ORDER BY size").fetchall()]
    entries = read_log(connection)
    connection.execute("DELETE FROM checkpoints")
    frontier = Frontier()
    for entry in entries:
        frontier.append(bytes.fromhex(entry.hash))
        if frontier.size in sizes:
            note = signed(Checkpoint(origin_of(home_id), frontier.size, frontier.root()), key.public, key.sign)
            row = (frontier.size, key.public, frontier.peaks, note.text())
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)
