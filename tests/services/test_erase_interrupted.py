"""An erasure whose program ends at any moment is finished by whoever opens the home next, or was never begun."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from matcher.errors import IntegrityError, StorageFailed
from matcher.services.audit import verify
from matcher.services.erase import erase_listed
from matcher.services.finish_erasure import finish_all
from matcher.services.load import load_list
from matcher.services.sources import EmbeddingSource
from matcher.store import revisions_file, unit_of_work
from matcher.store.erasures import SqlErasures
from matcher.store.transaction import Transaction
from tests.services.homes import copied, holding
from tests.services.pictured import Pictured
from tests.services.test_erase import GONE, opened_everything, sealed_of
from tests.services.world import MODEL, Row, vectors

MOST_STEPS = 60

# What a step of an erasure does to the disk: the program ends before each of these, once.
STEPS: tuple[tuple[Any, str], ...] = (
    (Path, "replace"),
    (Path, "unlink"),
    (os, "fsync"),
    (os, "pwrite"),
    (Transaction, "commit"),
    (SqlErasures, "finish"),
    (unit_of_work, "scrub"),
)


def ended_before(step: int, do: Callable[[], object]) -> bool:
    """Does it in a process of its own that ends, as by kill -9, before its so-many-th step; whether it came so far."""
    child = os.fork()
    if not child:
        try:
            count = iter(range(step))
            for owner, name in STEPS:
                setattr(owner, name, _counted(getattr(owner, name), count))
            do()
        finally:
            os._exit(1)  # it came to its end; nothing of pytest runs here
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def _counted(step: Callable[..., Any], count: Iterator[int]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        if next(count, None) is None:
            os._exit(9)
        return step(*given, **named)

    return counted


def test_it_is_finished_or_was_never_begun(lived: Pictured, tmp_path: Path) -> None:
    """Before some steps, the 19th the first after it began; `python -m tests.simulations.erasing` takes every one."""
    ends = [interrupted(lived, tmp_path, step) for step in (8, 18, 19, 27, 34)]
    found = [end for end in ends if end is not None]
    assert found.count("begun") >= 2
    assert found.count("not begun") >= 2
    assert found == sorted(found, reverse=True)  # once it is begun it stays begun


def interrupted(lived: Pictured, folder: Path, step: int) -> str | None:
    """How an erasure stands that ended before a step, after the home was opened again; None if it came to its end."""
    world = copied(lived, folder / str(step))
    before = sealed_of(world, GONE)
    if not ended_before(step, lambda: erase_listed(world.sessions["boss"], "missing", [GONE], True)):
        return None
    again = copied(world, folder / f"{step}-again")  # the program that opens the home next
    finish_all(again.place)
    verify(again.place, lambda *_: None)
    held = {one.partition(" in ")[0] for one in holding(again.folder / "home", before)}
    told = [action for action in again.log_actions() if "eras" in action]
    if told:
        assert told == ["list.erased", "erasure.finished"], step
        assert held == set(), step
        assert GONE.encode() not in opened_everything(again), step
        return "begun"
    assert held == set(before), step
    again.submit(again.templates[7], case="still served")
    return "not begun"


def test_what_failed_before_it_was_committed_leaves_nothing(lived: Pictured, tmp_path: Path, monkeypatch: Any) -> None:
    world = copied(lived, tmp_path)
    before = {path.name for path in (tmp_path / "home" / "sealed").iterdir()}

    def full(*_: Any) -> int:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(SqlErasures, "begin", full)
    with pytest.raises(StorageFailed):
        erase_listed(world.sessions["boss"], "missing", [GONE], True)
    assert {path.name for path in (tmp_path / "home" / "sealed").iterdir()} == before
    verify(world.place, lambda *_: None)


def test_no_receipt_while_something_is_still_there(lived: Pictured, tmp_path: Path, monkeypatch: Any) -> None:
    world = copied(lived, tmp_path)
    monkeypatch.setattr(revisions_file, "exchange", lambda *_: None)
    with pytest.raises(IntegrityError, match="still in the home"):
        erase_listed(world.sessions["boss"], "missing", [GONE], True)
    monkeypatch.undo()
    assert "erasure.finished" not in world.log_actions()
    assert finish_all(world.place) == 1
    verify(world.place, lambda *_: None)


def test_the_next_load_finishes_before_it_sweeps(lived: Pictured, tmp_path: Path) -> None:
    world = copied(lived, tmp_path)
    steps = iter(range(19, 200))  # the first of which has begun it
    while ended_before(next(steps), lambda: erase_listed(world.sessions["boss"], "missing", [GONE], True)):
        if "list.erased" in world.log_actions():
            break
    else:
        pytest.fail("it was never begun")
    sealed = tmp_path / "home" / "sealed"
    for path in sealed.glob("*.next"):
        os.utime(path, (0, 0))  # far older than anything that a sweep leaves
    assert list(sealed.glob("*.next"))
    source = EmbeddingSource([Row("S900")], vectors(1, seed=9), MODEL)
    load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
    assert not list(sealed.glob("*.next"))
    verify(world.place, lambda *_: None)
    assert GONE.encode() not in opened_everything(world)
