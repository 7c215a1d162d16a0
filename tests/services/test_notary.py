"""When checkpoints are made, what they go on from, and what becomes of an anchor that fails."""

from __future__ import annotations

import pytest

from matcher.domain.checkpoint import Note, parse_note
from matcher.domain.events import Action, event
from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.services.audit import verify
from matcher.services.notary import LogNotary
from tests.databases import both_engines, client
from tests.services.notarised import log_key, notarise, read_log, rechained, resign, write_log
from tests.services.world import World

pytestmark = both_engines


def pad(world: World, count: int, at_once: int = 1) -> None:
    for _ in range(0, count, at_once):
        with world.place.work() as work:
            for _ in range(at_once):
                work.log.append(event(Action.HANDLES_READ, "ana", list="missing"))
            work.commit()


def sizes(world: World) -> list[int]:
    with world.place.work(write=False) as work:
        return [one.size for one in work.checkpoints.all()]


def entries(world: World) -> int:
    with world.place.work(write=False) as work:
        return work.log.head().sequence


def test_one_at_activation_at_every_hundred_and_at_the_end(world: World) -> None:
    anchored: list[Note] = []
    notary = notarise(world, anchored.append)
    world.active()
    first = entries(world)
    assert sizes(world) == [first]
    assert world.log_actions()[-2:] == [Action.ACTIVATED, Action.LOG_KEYED]
    pad(world, 100 - first, at_once=100 - first)
    assert sizes(world) == [first, 100]
    pad(world, 7, at_once=7)
    notary.finish(world.place.work)
    notary.finish(world.place.work)
    assert sizes(world) == [first, 100, 107]
    pad(world, 195, at_once=195)
    assert sizes(world) == [first, 100, 107, 302]
    assert [note.checkpoint.size for note in anchored] == [first, 100, 107, 302]
    found = verify(world.place, lambda *_: None, anchored)
    assert (found.checkpoints, found.log_keys, found.anchors, found.anchored) == (4, 1, 4, 302)


def test_a_program_that_wrote_nothing_signs_nothing(world: World) -> None:
    notarise(world).finish(world.place.work)
    assert sizes(world) == []


def test_nothing_uncommitted_is_anchored(world: World) -> None:
    anchored: list[Note] = []
    notary = notarise(world, anchored.append)
    with world.place.work() as work:
        for _ in range(120):
            work.log.append(event(Action.HANDLES_READ, "ana"))
        assert notary.before_commit(work) is not None
    assert (anchored, sizes(world)) == ([], [])
    pad(world, 1)
    assert anchored == []


def test_a_failing_anchor_undoes_nothing_and_is_told_at_the_end(world: World) -> None:
    anchored: list[Note] = []
    broken = True

    def anchor(note: Note) -> None:
        if broken:
            raise StorageFailed("the drive is gone")
        anchored.append(note)

    notary = notarise(world, anchor)
    pad(world, 100, at_once=50)
    assert sizes(world)[-1] >= 100
    with pytest.raises(StorageFailed, match="not anchored: the drive is gone"):
        notary.finish(world.place.work)
    notary.finish(world.place.work)
    pad(world, 100, at_once=50)
    broken = False
    pad(world, 1)
    notary.finish(world.place.work)
    assert [note.checkpoint.size for note in anchored] == [sizes(world)[-1]]


def test_a_checkpoint_on_demand_is_the_newest_one_where_nothing_was_written(world: World) -> None:
    notary = notarise(world)
    first = notary.checkpoint(world.place.work)
    assert notary.checkpoint(world.place.work) == first
    pad(world, 1)
    second = notary.checkpoint(world.place.work)
    assert second.checkpoint.size == first.checkpoint.size + 1


def test_another_key_is_named_in_the_log(world: World) -> None:
    notarise(world).checkpoint(world.place.work)
    (world.folder / "home" / "log.key").unlink()
    notary = notarise(world)
    pad(world, 1)
    notary.finish(world.place.work)
    assert verify(world.place, lambda *_: None).log_keys == 2
    assert world.log_actions().count(Action.LOG_KEYED) == 2


def test_a_key_file_that_is_none_is_refused(world: World) -> None:
    (world.folder / "home" / "log.key").write_bytes(b"short")
    with pytest.raises(IntegrityError, match="is no key"):
        notarise(world).checkpoint(world.place.work)


@pytest.mark.parametrize("change", ["peaks = zeroblob(length(peaks))", "peaks = x'00'", "note = 'x'"])
def test_an_altered_checkpoint_is_found_and_nothing_is_signed_on_it(world: World, change: str) -> None:
    notary = notarise(world)
    notary.checkpoint(world.place.work)
    world.store.close()
    with client(world.folder / "home", rules=False) as run:
        run(f"UPDATE checkpoints SET {change}")  # noqa: S608 -- words above
    pad(world, 1)
    with pytest.raises(IntegrityError, match="was altered"):
        notary.checkpoint(world.place.work)
    with pytest.raises(IntegrityError):
        verify(world.place, lambda *_: None)


def test_a_checkpoint_with_a_forged_signature_is_found(world: World) -> None:
    note = notarise(world).checkpoint(world.place.work)
    name, blob = note.signatures[0]
    forged = Note(note.checkpoint, ((name, blob[:4] + bytes(64)),))
    world.store.close()
    with client(world.folder / "home", rules=False) as run:
        run("UPDATE checkpoints SET note = ?", forged.text())
    with pytest.raises(IntegrityError, match="signature of a checkpoint"):
        verify(world.place, lambda *_: None)


def test_a_checkpoint_of_another_key_than_it_says_is_found(world: World) -> None:
    notarise(world).checkpoint(world.place.work)
    world.store.close()
    with client(world.folder / "home", rules=False) as run:
        run("UPDATE checkpoints SET log_key = zeroblob(32)")
    with pytest.raises(IntegrityError, match="not signed by the key"):
        verify(world.place, lambda *_: None)


def test_raw_sql_cannot_put_a_checkpoint_elsewhere_or_change_one(world: World) -> None:
    notary = notarise(world)
    note = notary.checkpoint(world.place.work)
    with world.place.work() as work:
        held = work.checkpoints.newest()
        assert held is not None
        assert parse_note(held.note, "it") == note
        with pytest.raises(Refused, match="there already"):
            work.checkpoints.add(held)
    pad(world, 1)
    with world.place.work() as work, pytest.raises(Refused, match="up to its head"):
        work.checkpoints.add(type(held)(held.size + 5, held.log_key, held.peaks, held.note))


def test_a_log_rewritten_with_its_own_key_is_caught_by_an_anchor_alone(world: World) -> None:
    notary: LogNotary = notarise(world)
    pad(world, 5)
    anchor = notary.checkpoint(world.place.work)
    world.store.close()
    with client(world.folder / "home", rules=False) as run:
        forged = read_log(run)
        forged[-2] = type(forged[-2])(
            *(getattr(forged[-2], n) if n != "actor" else "ben" for n in forged[-2].__slots__)
        )
        write_log(run, rechained(forged))
        resign(run, log_key(world))
    assert verify(world.place, lambda *_: None).checkpoints == 1
    with pytest.raises(IntegrityError, match="the log was rewritten"):
        verify(world.place, lambda *_: None, [anchor])


def test_a_checkpoint_taken_from_the_home_is_missed_by_who_kept_it(world: World) -> None:
    anchor = notarise(world).checkpoint(world.place.work)
    world.store.close()
    with client(world.folder / "home", rules=False) as run:
        run("DELETE FROM checkpoints")
    assert verify(world.place, lambda *_: None).checkpoints == 0
    with pytest.raises(IntegrityError, match="lost its checkpoint"):
        verify(world.place, lambda *_: None, [anchor])


def test_an_anchor_of_another_home_is_an_alarm(world: World) -> None:
    note = notarise(world).checkpoint(world.place.work)
    other = Note(type(note.checkpoint)("watchlist-matcher/other", *_rest(note)), note.signatures)
    with pytest.raises(IntegrityError, match="of the log watchlist-matcher/other"):
        verify(world.place, lambda *_: None, [other])


def _rest(note: Note) -> tuple[int, bytes]:
    return note.checkpoint.size, note.checkpoint.root
