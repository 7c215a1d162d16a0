"""A world whose log is checkpointed as the program does it, and hands that somebody has who holds the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from matcher.domain.checkpoint import Checkpoint, Note, origin_of, signed
from matcher.domain.events import LogEntry
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.merkle import Frontier
from matcher.services.notary import LogNotary
from matcher.services.workplace import Workplace
from matcher.store.home import Home
from matcher.store.log import entry_hash
from matcher.store.log_key import LogKey
from tests.databases import Client
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


def read_log(run: Client) -> list[LogEntry]:
    rows = run(f"SELECT {', '.join(COLUMNS)} FROM log ORDER BY sequence")  # noqa: S608 -- names above
    return [LogEntry(row[0], utc_time(row[1]), *row[2:]) for row in rows]


def write_log(run: Client, entries: list[LogEntry]) -> None:
    """Puts these entries in place of the log, and moves the head to the last."""
    run("DELETE FROM log")
    for entry in entries:
        row = (entry.sequence, utc_text(entry.time), *(getattr(entry, name) for name in COLUMNS[2:]))
        run("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
    last = entries[-1]
    run("UPDATE log_head SET sequence = ?, time = ?, hash = ?", last.sequence, utc_text(last.time), last.hash)


def rechained(entries: list[LogEntry]) -> list[LogEntry]:
    """The same entries numbered and hashed anew, so that the chain holds."""
    found: list[LogEntry] = []
    previous = "0" * 64
    for sequence, entry in enumerate(entries, start=1):
        moved = replace(entry, sequence=sequence, previous=previous)
        found.append(replace(moved, hash=entry_hash(moved)))
        previous = found[-1].hash
    return found


def resign(run: Client, key: LogKey) -> None:
    """Makes every checkpoint of the home anew over the log as it is, with the home's own key."""
    home_id = run("SELECT home_id FROM home")[0][0]
    sizes = [size for (size,) in run("SELECT size FROM checkpoints ORDER BY size")]
    entries = read_log(run)
    run("DELETE FROM checkpoints")
    frontier = Frontier()
    for entry in entries:
        frontier.append(bytes.fromhex(entry.hash))
        if frontier.size in sizes:
            note = signed(Checkpoint(origin_of(home_id), frontier.size, frontier.root()), key.public, key.sign)
            values = (frontier.size, key.public, frontier.peaks, note.text())
            run("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", *values)
