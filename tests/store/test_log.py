"""The log: every edit, removal, insertion and exchange is found, and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.events import Action, LogEntry, LogHead, event
from matcher.errors import IntegrityError
from matcher.store import log as log_module
from matcher.store.log import EMPTY, entry_hash, verify_chain
from tests.databases import RAW_REFUSED, both_engines
from tests.store.world import NOON, World

pytestmark = both_engines


def chain(length: int) -> tuple[list[LogEntry], LogHead]:
    """A good chain, built by the rules and not by the product's `append`."""
    entries: list[LogEntry] = []
    last = EMPTY
    for sequence in range(1, length + 1):
        details = json.dumps({"n": sequence}, separators=(",", ":"))
        moment = NOON + timedelta(seconds=sequence)
        entry = LogEntry(sequence, moment, "ada", "os", "tty", "refused", details, last.hash, "")
        entry = replace(entry, hash=entry_hash(entry))
        entries.append(entry)
        last = LogHead(sequence, moment, entry.hash)
    return entries, last


def rehashed(entry: LogEntry) -> LogEntry:
    return replace(entry, hash=entry_hash(entry))


@given(st.integers(0, 12))
def test_a_good_chain_verifies(length: int) -> None:
    assert verify_chain(*chain(length)) == length


CHANGES: dict[str, Callable[[LogEntry], LogEntry]] = {
    "sequence": lambda entry: replace(entry, sequence=entry.sequence + 1),
    "time": lambda entry: replace(entry, time=entry.time + timedelta(microseconds=1)),
    "actor": lambda entry: replace(entry, actor="eve"),
    "account": lambda entry: replace(entry, account="root"),
    "terminal": lambda entry: replace(entry, terminal=""),
    "action": lambda entry: replace(entry, action="home.created"),
    "details": lambda entry: replace(entry, details='{"n":0}'),
    "previous": lambda entry: replace(entry, previous="0" * 64),
    "hash": lambda entry: replace(entry, hash="f" * 64),
    "an old time, hashed anew": lambda entry: rehashed(replace(entry, time=NOON)),
    "details that say two things, hashed anew": lambda entry: rehashed(replace(entry, details='{"n":1,"n":2}')),
}


@pytest.mark.parametrize("change", CHANGES)
@given(where=st.integers(2, 6))
def test_an_altered_entry_is_named(change: str, where: int) -> None:
    entries, head = chain(6)
    entries[where - 1] = CHANGES[change](entries[where - 1])
    with pytest.raises(IntegrityError, match=f"at entry {where}:"):
        verify_chain(entries, head)


@given(st.integers(1, 5))
def test_an_entry_rewritten_with_its_hash_breaks_the_next(where: int) -> None:
    entries, head = chain(6)
    entries[where - 1] = rehashed(replace(entries[where - 1], actor="eve"))
    with pytest.raises(IntegrityError, match=f"at entry {where + 1}:"):
        verify_chain(entries, head)


@given(st.integers(1, 6))
def test_a_removed_entry_is_named(where: int) -> None:
    entries, head = chain(6)
    del entries[where - 1]
    with pytest.raises(IntegrityError, match=f"at entry {where}:"):
        verify_chain(entries, head)


@given(st.integers(1, 6), st.integers(1, 6))
def test_an_inserted_entry_is_named(where: int, source: int) -> None:
    entries, head = chain(6)
    entries.insert(where - 1, replace(entries[source - 1], actor="eve"))
    with pytest.raises(IntegrityError, match=f"at entry {where}:"):
        verify_chain(entries, head)


@given(st.permutations(range(5)))
def test_another_order_is_named(order: list[int]) -> None:
    entries, head = chain(5)
    moved = [place for place, source in enumerate(order) if place != source]
    shuffled = [entries[source] for source in order]
    if not moved:
        assert verify_chain(shuffled, head) == 5
        return
    with pytest.raises(IntegrityError, match=f"at entry {moved[0] + 1}:"):
        verify_chain(shuffled, head)


def test_a_longer_log_than_its_head_is_broken() -> None:
    entries, _ = chain(4)
    _, head = chain(3)
    with pytest.raises(IntegrityError, match="its head stands at 3"):
        verify_chain(entries, head)


def test_entries_come_back_as_they_were_written(world: World) -> None:
    with world.work() as work:
        first = work.log.append(event(Action.SEARCHED, "ada", zeta=1, alpha="é\n", none=None, yes=True))
        world.watch.forward(seconds=5)
        second = work.log.append(event(Action.REFUSED, "ben"))
    with world.work(write=False) as work:
        assert list(work.log.entries()) == [first, second]
        assert work.log.head() == LogHead(2, second.time, second.hash)
        assert list(work.log.entries(after=1)) == [second]
        assert list(work.log.entries(limit=1)) == [first]
        assert list(work.log.entries(limit=0)) == []
    assert first.details == '{"alpha":"\\u00e9\\n","none":null,"yes":true,"zeta":1}'
    assert (first.account, first.terminal, first.previous) == ("osuser", "/dev/pts/7", "0" * 64)


def test_long_logs_are_read_in_batches_without_loss(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "_BATCH", 100)
    for _ in range(3):
        with world.work() as work:
            for number in range(67):
                work.log.append(event(Action.SEARCHED, "ada", n=number))
    with world.work(write=False) as work:
        assert work.log.verify().sequence == 201
        assert [entry.sequence for entry in work.log.entries(after=5, limit=150)] == list(range(6, 156))


def test_time_in_the_log_never_runs_backwards(world: World) -> None:
    with world.work() as work:
        work.log.append(event(Action.SEARCHED, "ada"))
        world.watch.forward(hours=-3)
        assert work.log.append(event(Action.SEARCHED, "ada")).time == NOON
    with world.work(write=False) as work:
        work.log.verify()


def _logged(world: World) -> None:
    with world.work() as work:
        for number in range(3):
            work.log.append(event(Action.SEARCHED, "ada", n=number))


ATTACKS = [
    "UPDATE log SET actor = 'eve' WHERE sequence = 2",
    "DELETE FROM log WHERE sequence = 3",
    "DELETE FROM log",
    "REPLACE INTO log SELECT sequence, time, 'eve', account, terminal, action, details, previous, hash FROM log",
    "INSERT INTO log SELECT 5, time, actor, account, terminal, action, details, hash, 'x' FROM log WHERE sequence = 3",
    "INSERT INTO log SELECT 4, time, actor, account, terminal, action, details, 'y', 'x' FROM log WHERE sequence = 3",
    "UPDATE log_head SET sequence = 2",
    "UPDATE log_head SET hash = 'x'",
    "DELETE FROM log_head",
    "REPLACE INTO log_head VALUES (1, 0, 'x', 'x')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_raw_sql_cannot_change_the_log(world: World, attack: str) -> None:
    _logged(world)
    with pytest.raises(RAW_REFUSED, match=r"^log"):
        world.raw(attack)
    with world.work(write=False) as work:
        assert work.log.verify().sequence == 3


@pytest.mark.parametrize(
    ("attack", "where"),
    [
        (["DROP TRIGGER log_never_changed", "UPDATE log SET actor = 'eve' WHERE sequence = 2"], 2),
        (["DROP TRIGGER log_never_removed", "DELETE FROM log WHERE sequence = 2"], 2),
        (["DROP TRIGGER log_never_removed", "DELETE FROM log WHERE sequence = 3"], 3),
        (["DROP TRIGGER log_never_changed", "UPDATE log SET time = 'noon' WHERE sequence = 1"], None),
        (["DROP TRIGGER log_head_never_removed", "DELETE FROM log_head"], None),
    ],
)
def test_who_removes_the_triggers_is_found_by_verifying(world: World, attack: list[str], where: int | None) -> None:
    _logged(world)
    world.raw(*attack)
    words = f"at entry {where}:" if where else "restore a backup"
    with world.work(write=False) as work, pytest.raises(IntegrityError, match=words):
        work.log.verify()
