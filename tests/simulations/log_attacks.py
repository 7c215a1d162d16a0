"""`python -m tests.simulations.log_attacks [--repeats N] [--clean N]`: nine attacks on the log, and clean logs.

1. Whoever attacks holds the machine: the database file without its rules, an older copy of it, and the key of the log.
   Passphrases and what was kept elsewhere they do not hold.
2. Each repeat is a fresh copy of one lived-in home with a random place, length or victim. `alone`: caught by `matcher
   audit verify` without anything from elsewhere; `anchored`: with one checkpoint that was kept elsewhere.
3. An attack that changed nothing that can be read (an old page that says the same) is `harmless` and not counted.
4. A clean log is grown in random steps by programs that end at random, and verified with every checkpoint it ever gave.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from sqlcipher3 import dbapi2

from matcher.domain.case import Verdict
from matcher.domain.checkpoint import Note
from matcher.domain.events import Action, LogEntry, event
from matcher.errors import MatcherError
from matcher.services.audit import verify
from matcher.services.notary import LogNotary
from matcher.services.workplace import Workplace
from matcher.store.engine import DATABASE
from matcher.store.home import Home
from matcher.store.log_key import LogKey
from matcher.store.unit_of_work import Store, open_store
from tests.databases import address_of, client, copy_database
from tests.services.notarised import (
    log_key,
    notarise,
    notarised,
    read_log,
    rechained,
    resign,
    write_log,
)
from tests.services.world import World

HARMLESS = "harmless"


@dataclass
class Victim:
    """A lived-in home, an older copy of its database, and the anchor that somebody kept in between."""

    folder: Path
    world: World = field(init=False)
    anchors: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(self.folder)
        notary = notarise(self.world, self.anchors.append)
        self.world.active()
        self._pad(90)
        self.old.mkdir()
        copy_database(self.home, self.old)
        self.old_size = len(self.log(self.old))
        self.world.submit(self.world.templates[7])
        self.world.conclude(Verdict.SAME)
        self._pad(110)
        self.anchors.append(notary.checkpoint(self.world.place.work))
        self._pad(20)
        self.now.mkdir()
        copy_database(self.home, self.now)
        self.world.store.close()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def old(self) -> Path:
        """A folder with the database as it was."""
        return self.folder / "old"

    @property
    def now(self) -> Path:
        """A folder with the database that is attacked."""
        return self.folder / "now"

    def _pad(self, count: int) -> None:
        for _ in range(count):
            self.world.clock.now += timedelta(seconds=1)
            with self.world.place.work() as work:
                work.log.append(event(Action.HANDLES_READ, "boss", list="missing", count=1, reason="upkeep"))
                work.commit()

    def log(self, home: Path) -> list[LogEntry]:
        with client(home) as run:
            return read_log(run)

    def restore(self) -> None:
        copy_database(self.now, self.home)

    def store(self) -> Store:
        return open_store(self.home, self.world.place.seat, self.world.clock, address_of(self.home))

    def caught(self, anchors: list[Note]) -> bool:
        try:
            store = self.store()
        except MatcherError:
            return True
        try:
            verify(replace(self.world.place, work=store.unit_of_work), lambda *_: None, anchors)
        except MatcherError:
            return True
        finally:
            store.close()
        return False


Attack = Callable[[Victim, random.Random], str | None]


def _altered(entry: LogEntry, dice: random.Random) -> LogEntry:
    return dice.choice(
        [
            replace(entry, actor="eve"),
            replace(entry, account="root"),
            replace(entry, terminal="/dev/tty9"),
            replace(entry, time=entry.time + timedelta(microseconds=1)),
            replace(entry, details=entry.details.replace("}", ',"x":1}')),
            replace(entry, action="refused"),
        ]
    )


def edit(victim: Victim, dice: random.Random) -> None:
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        place = dice.randrange(len(entries))
        entries[place] = _altered(entries[place], dice)
        write_log(run, entries)


def delete(victim: Victim, dice: random.Random) -> None:
    """One entry gone from the middle; the later ones keep their numbers or close up."""
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        place = dice.randrange(len(entries) - 1)
        del entries[place]
        if dice.random() < 0.5:
            entries[place:] = [replace(one, sequence=one.sequence - 1) for one in entries[place:]]
        write_log(run, entries)


def insert(victim: Victim, dice: random.Random) -> None:
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        place = dice.randrange(1, len(entries))
        forged = replace(rechained([_altered(dice.choice(entries), dice)])[0], previous=entries[place - 1].hash)
        entries[place:] = [replace(one, sequence=one.sequence + 1) for one in entries[place:]]
        entries.insert(place, replace(forged, sequence=place + 1))
        write_log(run, entries)


def reorder(victim: Victim, dice: random.Random) -> None:
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        one, other = sorted(dice.sample(range(len(entries)), 2))
        entries[one], entries[other] = entries[other], entries[one]
        numbered = [replace(entry, sequence=place) for place, entry in enumerate(entries, start=1)]
        write_log(run, numbered if dice.random() < 0.5 else rechained(numbered))


def cut(victim: Victim, dice: random.Random) -> None:
    """The newest entries gone, cleanly: chain and head agree, checkpoints of them are gone too.

    Only entries that no table speaks of, which is the attacker's best case; some under the anchor.
    """
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        kept = len(entries) - dice.randrange(21, 121)
        write_log(run, entries[:kept])
        run("DELETE FROM checkpoints WHERE size > ?", kept)


def roll_back(victim: Victim, _: random.Random) -> None:
    """The whole database as it was, its checkpoints with it."""
    copy_database(victim.old, victim.home)


def re_sign(victim: Victim, dice: random.Random) -> None:
    """An entry altered where no table speaks of it, every later one hashed anew, every checkpoint signed anew."""
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        places = [place for place, one in enumerate(entries) if one.action == Action.HANDLES_READ and place < 200]
        place = dice.choice(places)
        entries[place] = replace(entries[place], actor="ana")
        write_log(run, rechained(entries))
        resign(run, log_key(victim.world))


def _appended(victim: Victim, action: Action, actor: str, details: str) -> None:
    with client(victim.home, rules=False) as run:
        entries = read_log(run)
        last = entries[-1]
        write_log(run, rechained([*entries, replace(last, action=action, actor=actor, details=details)]))


def forge_signed(victim: Victim, dice: random.Random) -> None:
    """An entry appended that a person must have signed: a judgement, a lead, or an activation."""
    entries = victim.log(victim.home)
    wanted = dice.choice([Action.JUDGED, Action.ACTIVATED, Action.UNSEALED, Action.CONCLUDED])
    found = dice.choice([one for one in entries if one.action == wanted])
    forged = found.details.replace(found.details.partition('":"')[2][:8], "00000000", 1)
    _appended(victim, wanted, dice.choice(["cleo", "vera"]), forged)


def forge_unsigned(victim: Victim, dice: random.Random) -> None:
    """An entry appended that nobody signs, in somebody's name."""
    _appended(victim, Action.HANDLES_READ, dice.choice(["ana", "ben", "cleo"]), '{"list":"missing"}')


def old_page(victim: Victim, dice: random.Random) -> str | None:
    """One page of the database file as it was in the older copy."""
    database = victim.home / DATABASE
    size = int.from_bytes(database.read_bytes()[16:18], "big")
    new, old = (bytearray(path.read_bytes()) for path in (database, victim.old / DATABASE))
    changed = [
        place
        for place in range(0, min(len(new), len(old)), size)
        if new[place : place + size] != old[place : place + size]
    ]
    place = dice.choice(changed)
    before = _dump(database)
    new[place : place + size] = old[place : place + size]
    database.write_bytes(new)
    return HARMLESS if before is not None and _dump(database) == before else None


def _dump(database: Path) -> dict[str, list[tuple[object, ...]]] | None:
    """Every row of every table, read without an index; None where it cannot be read."""
    connection = dbapi2.connect(str(database))
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        whole = {name: f"SELECT * FROM {name} NOT INDEXED" for (name,) in tables}  # noqa: S608 -- names of tables
        return {name: sorted(connection.execute(query), key=repr) for name, query in whole.items()}
    except (dbapi2.DatabaseError, OverflowError):
        return None
    finally:
        connection.close()


ATTACKS: dict[str, Attack] = {
    "an entry edited": edit,
    "an entry deleted": delete,
    "an entry inserted": insert,
    "two entries exchanged": reorder,
    "the tail cut, its checkpoints too": cut,
    "database and checkpoints rolled back": roll_back,
    "rewritten, signed anew with the log's key": re_sign,
    "a forged signed act appended": forge_signed,
    "a forged unsigned act appended": forge_unsigned,
    "an old page restored": old_page,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one attack's repeats."""

    attack: str
    tried: int
    alone: int
    anchored: int


def attacked(victim: Victim, name: str, repeats: int, seed: int) -> Tally:
    """One attack, `repeats` times on a fresh copy."""
    found: Counter[str] = Counter()
    dice = random.Random(f"{seed} {name}")  # noqa: S311 -- repeatable
    for _ in range(repeats):
        victim.restore()
        if ATTACKS[name](victim, dice) == HARMLESS:
            found[HARMLESS] += 1
            continue
        found["alone"] += victim.caught([])
        found["anchored"] += victim.caught(victim.anchors[-1:])
    victim.restore()
    return Tally(name, repeats - found[HARMLESS], found["alone"], found["anchored"])


def clean(victim: Victim, repeats: int, seed: int) -> int:
    """How many of `repeats` logs that nobody touched raise an alarm."""
    dice = random.Random(seed)  # noqa: S311 -- repeatable
    alarms = 0
    for _ in range(repeats):
        victim.restore()
        anchors = list(victim.anchors)
        for _ in range(dice.randrange(1, 4)):
            _program(victim, dice, anchors)
        alarms += victim.caught(anchors)
    victim.restore()
    return alarms


def _program(victim: Victim, dice: random.Random, anchors: list[Note]) -> None:
    """One run of a program: some transactions of some entries each, some of them never committed; ends well or not."""
    store = victim.store()
    key = LogKey(Home(victim.home, False), dice.randbytes)
    notary = LogNotary(key, "tester", anchors.append)
    world = replace_store(victim.world, store)
    place: Workplace = notarised(world, notary)
    for _ in range(dice.randrange(12)):
        with place.work() as work:
            for _ in range(dice.choice([1, 1, 2, 30])):
                work.log.append(event(Action.HANDLES_READ, "ana", list="missing"))
            if dice.random() < 0.8:
                work.commit()
    if dice.random() < 0.7:
        notary.finish(place.work)
    store.close()


def replace_store(world: World, store: object) -> World:
    """The same world with another opening of its store."""
    other = object.__new__(World)
    other.__dict__ = world.__dict__ | {"store": store}
    return other


def main() -> int:
    """Prints a Markdown table; 1 for an attack that an anchor or a signature should have caught, or a false alarm."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--repeats", type=int, default=100)
    given.add_argument("--clean", type=int, default=1000)
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        victim = Victim(Path(folder))
        print("| attack | tried | caught alone | caught with an anchor |\n|---|---:|---:|---:|")
        good = True
        for name in ATTACKS:
            began = perf_counter()
            tally = attacked(victim, name, asked.repeats, asked.seed)
            print(f"| {tally.attack} | {tally.tried} | {tally.alone} | {tally.anchored} |")
            print(f"{name}: {perf_counter() - began:.1f} s", file=sys.stderr)
            good = good and (tally.anchored == tally.tried or name == "a forged unsigned act appended")
        alarms = clean(victim, asked.clean, asked.seed)
        print(f"\n{alarms} false alarms in {asked.clean} clean logs")
    return 0 if good and not alarms else 1


if __name__ == "__main__":
    sys.exit(main())
