"""One operation: whole or not at all, whatever ends it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from matcher.domain.events import Action, event
from matcher.errors import BadInput, IntegrityError, Refused, StorageFailed
from matcher.store.unit_of_work import open_store
from tests.databases import address_of, both_engines
from tests.store.world import NOON, SEAT, World, user

pytestmark = both_engines


def _users_and_entries(world: World) -> tuple[int, int]:
    with world.work(write=False) as work:
        return work.users.count(), work.log.head().sequence


def _add_twice(world: World) -> None:
    with world.work() as work:
        work.users.add(user("ada"), b"keys")
        work.log.append(event(Action.USER_ADDED, "ada"))
        work.users.add(user("ada"), b"other keys")


def test_leaving_without_commit_undoes_everything(world: World) -> None:
    with world.store() as store, store.unit_of_work() as work:
        work.users.add(user("ada"), b"keys")
        work.log.append(event(Action.USER_ADDED, "ada"))
    assert _users_and_entries(world) == (0, 0)


def test_an_error_undoes_everything(world: World) -> None:
    with pytest.raises(BadInput, match="exists already"):
        _add_twice(world)
    assert _users_and_entries(world) == (0, 0)


def test_a_committed_unit_stays(world: World) -> None:
    with world.work() as work:
        work.users.add(user("ada"), b"keys")
        work.log.append(event(Action.USER_ADDED, "ada"))
    assert _users_and_entries(world) == (1, 1)


def test_nothing_can_be_done_after_commit(world: World) -> None:
    with world.store() as store, store.unit_of_work() as work:
        work.commit()
        with pytest.raises(RuntimeError, match="over"):
            work.users.add(user("ada"), b"keys")


def test_a_unit_is_used_inside_with_and_once(world: World) -> None:
    with world.store() as store:
        work = store.unit_of_work()
        with pytest.raises(RuntimeError, match="inside"):
            work.commit()
        with work, pytest.raises(RuntimeError, match="once"):
            work.__enter__()


def test_a_reading_unit_cannot_write(world: World) -> None:
    with world.store() as store, store.unit_of_work(write=False) as work, pytest.raises(StorageFailed):
        work.users.add(user("ada"), b"keys")


def test_a_reader_waits_for_nobody_and_sees_one_state(world: World) -> None:
    with world.store() as store, store.unit_of_work(write=False) as reader:
        assert reader.users.count() == 0
        with store.unit_of_work() as writer:
            writer.users.add(user("ada"), b"keys")
            assert reader.users.count() == 0
            writer.commit()
        assert reader.users.count() == 0
    assert _users_and_entries(world) == (1, 0)


def test_two_writers_queue_up(world: World) -> None:
    """Forty entries from four threads with engines of their own: a whole chain, none lost."""

    def write() -> None:
        store = open_store(world.home, SEAT, world.watch, address_of(world.home))
        for _ in range(10):
            with store.unit_of_work() as work:
                work.log.append(event(Action.SEARCHED, "ada"))
                work.commit()
        store.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.work(write=False) as work:
        assert work.log.verify().sequence == 40


_DIES = """
import os, sys
from pathlib import Path
from matcher.domain.events import Action, event
from matcher.store.unit_of_work import open_store
from tests.store.world import SEAT, Watch, user

with open_store(Path(sys.argv[1]), SEAT, Watch(), sys.argv[3] or None).unit_of_work() as work:
    work.users.add(user("ada"), b"keys")
    work.log.append(event(Action.USER_ADDED, "ada"))
    if sys.argv[2] == "after":
        work.commit()
    os._exit(9)
"""


@pytest.mark.parametrize(("moment", "left"), [("before", (0, 0)), ("after", (1, 1))])
def test_a_killed_process_leaves_all_or_nothing(world: World, moment: str, left: tuple[int, int]) -> None:
    root = Path(__file__).resolve().parents[2]
    words = [str(world.home), moment, address_of(world.home) or ""]
    ended = subprocess.run([sys.executable, "-c", _DIES, *words], cwd=root, check=False)
    assert ended.returncode == 9
    assert _users_and_entries(world) == left
    with world.work() as work:
        assert work.log.verify().sequence == left[1]


def test_facts_of_the_home_are_written_once(world: World) -> None:
    with world.work() as work:
        work.home.create("home1", NOON, False, b"public")
        work.home.set_recovery_sealed(b"sealed")
    with world.work(write=False) as work:
        facts = work.home.get()
    assert (facts.home_id, facts.created_at, facts.demo) == ("home1", NOON, False)
    assert (facts.recovery_public, facts.recovery_sealed) == (b"public", b"sealed")
    with world.work() as work, pytest.raises(Refused, match="already"):
        work.home.create("home2", NOON, True, b"other")
    with world.work() as work, pytest.raises(Refused, match="already"):
        work.home.set_recovery_sealed(b"other")


def test_text_that_is_no_unicode_is_bad_input(world: World) -> None:
    with pytest.raises(BadInput, match="Unicode"), world.work() as work:
        work.home.create("home\udcff", NOON, False, b"public")


def test_a_stored_text_that_is_no_unicode_is_damage(world: World) -> None:
    """One flipped byte of a page does it; the driver raises a ValueError."""
    with world.work(write=False) as work, pytest.raises(IntegrityError, match="restore a backup"):
        work._begun().rows(text("SELECT CAST(x'ff' AS TEXT)"))
