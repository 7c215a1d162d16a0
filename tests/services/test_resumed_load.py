"""A load that was interrupted goes on: nothing is looked at twice, nothing is lost, nothing old is taken for new."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.face import Face, Picture
from matcher.domain.people import Role
from matcher.domain.policy import Quality
from matcher.domain.rejection import NothingUsable, Reason, Rejected
from matcher.errors import Refused, StorageFailed
from matcher.services.load import LoadResult, load_cohort, load_list
from matcher.services.people import add_user
from matcher.services.sources import PictureSource, Resuming, Unfinished
from matcher.services.workplace import Session, sign_in
from matcher.store.transaction import Transaction
from tests.services.world import MODEL, PASSPHRASE, PILOT, Row, VectorPipeline, World

COUNT = 12
BAD = "07.jpg"  # nobody finds a face in it
AHEAD = 2  # pictures that this pipeline takes before it answers for the first


@dataclass
class Counting(VectorPipeline):
    """Looks two pictures ahead, as the real one does some, and remembers what it looked at."""

    seen: list[str] = field(default_factory=list)
    identity = MODEL

    def references(
        self, pictures: Iterable[Picture | Rejected], quality: Quality
    ) -> Iterator[tuple[int, Face | Rejected]]:
        waiting: list[tuple[int, Face | Rejected]] = []
        for number, picture in enumerate(pictures):
            waiting.append((number, self._one(picture, quality)))
            if len(waiting) > AHEAD:
                yield waiting.pop(0)
        yield from waiting

    def _one(self, picture: Picture | Rejected, quality: Quality) -> Face | Rejected:
        if isinstance(picture, Rejected):
            return picture
        self.seen.append(picture.name)
        if picture.name == BAD:
            return Rejected(picture.name, Reason.NO_FACE, "looked everywhere")
        return self.faces(picture, quality)[0]


@dataclass
class Loads:
    """Loads the same pictures again and again; `stop_at` is the picture whose reading is interrupted."""

    world: World
    faces: dict[str, bytes]
    told: list[Unfinished] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)

    def __call__(
        self,
        stop_at: str = "",
        who: str = "boss",
        quality: Quality = PILOT.quality,
        origin: str = "people.csv",
        restart: bool = False,
        run: Callable[..., LoadResult] = load_list,
    ) -> LoadResult:
        def read(path: Path) -> Picture | Rejected:
            if path.name == stop_at:
                raise KeyboardInterrupt
            return Picture(path.name, self.faces[path.name])

        pipeline, self.told = Counting(), []
        rows = [Row(f"S{name[:2]}", Path(name), name) for name in self.faces]
        resuming = Resuming(origin, restart, self.told.append)
        source = PictureSource(rows, read, pipeline, quality, resuming)
        try:
            return run(self.world.sessions[who], "missing", source, False, lambda *_: None)
        finally:
            self.looked_at = pipeline.seen

    def interrupted(self, stop_at: str, **how: object) -> None:
        with pytest.raises(KeyboardInterrupt):
            self(stop_at, **how)  # type: ignore[arg-type]


@pytest.fixture
def loads(world: World) -> Loads:
    world.create()
    world.clock.now = datetime.now(UTC)
    return Loads(world, {f"{i:02}.jpg": world.templates[i].tobytes() for i in range(COUNT)})


@pytest.fixture
def digest(tmp_path: Path, loads: Loads) -> str:
    """Of a load that nothing interrupts."""
    (tmp_path / "other").mkdir()
    world = World(tmp_path / "other")
    world.create()
    found = Loads(world, loads.faces)().revision.digest
    world.store.close()
    return found


def left(world: World) -> list[str]:
    return sorted(path.suffix for path in (world.folder / "home" / "sealed").iterdir())


@pytest.mark.parametrize("place", range(1, COUNT))
def test_a_load_goes_on_wherever_it_was_interrupted(loads: Loads, digest: str, place: int) -> None:
    begun_at = loads.world.clock.now
    loads.interrupted(f"{place:02}.jpg")
    done = max(0, place - AHEAD)
    assert left(loads.world) == [".journal"]
    loads.world.clock.now += timedelta(minutes=5)
    result = loads()
    assert len(loads.looked_at) == COUNT - done
    assert loads.told == ([Unfinished(done, COUNT, begun_at, 0)] if done else [])
    assert result.revision.digest == digest
    assert result.rejected == (("S07", Rejected(BAD, Reason.NO_FACE, "looked everywhere")),)
    assert left(loads.world) == [".box"] * 4


def test_several_interruptions_add_up_and_pictures_can_be_seen(loads: Loads, digest: str) -> None:
    for place in (4, 4, 8, 11):
        loads.interrupted(f"{place:02}.jpg")
    result = loads()
    assert loads.told[0].pictures == 9
    assert result.revision.digest == digest
    vault = loads.world.sessions["boss"].vault
    for item in loads.world.place.revisions.read(vault, result.revision).items:
        if item.picture is not None:
            assert vault.read(item.picture.container, item.picture.offset, item.picture.length) in loads.faces.values()


def test_a_picture_that_changed_is_looked_at_again(loads: Loads) -> None:
    loads.interrupted("10.jpg")
    loads.faces["03.jpg"] = loads.world.templates[15].tobytes()
    loads()
    assert loads.looked_at == ["03.jpg", "08.jpg", "09.jpg", "10.jpg", "11.jpg"]


def test_rows_may_come_and_go_meanwhile(loads: Loads) -> None:
    loads.interrupted("10.jpg")
    del loads.faces["00.jpg"]
    loads.faces = {"19.jpg": loads.world.templates[19].tobytes()} | dict(reversed(loads.faces.items()))
    result = loads()
    assert sorted(loads.looked_at) == ["08.jpg", "09.jpg", "10.jpg", "11.jpg", "19.jpg"]
    assert result.revision.templates == COUNT - 1


def test_another_load_takes_nothing_from_it(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person, other limits, another model, another file, another collection, and --restart."""
    loads.interrupted("10.jpg")
    world = loads.world
    add_user(world.place, world.sessions["boss"], "olga", frozenset({Role.ADMIN}), PASSPHRASE)
    world.sessions["olga"] = sign_in(world.place, "olga", PASSPHRASE)
    world.cohort(people=4)
    monkeypatch.setattr(Counting, "identity", replace(MODEL, preprocessing="p9"))
    loads.interrupted("06.jpg")
    assert loads.told == []
    monkeypatch.undo()
    for how in ({"who": "olga"}, {"quality": Quality(min_sharpness=1)}, {"origin": "other.csv"}, {"restart": True}):
        loads.interrupted("06.jpg", **how)
        assert loads.told == []
        assert len(loads.looked_at) == 6
    with pytest.raises(KeyboardInterrupt):
        loads("06.jpg", run=lambda session, _, *rest: load_cohort(session, "staff", *rest))
    assert loads.told == []
    loads.interrupted("09.jpg")
    assert loads.told[0].pictures == 4  # of the one that was begun anew


def test_the_same_load_twice_at_once_is_refused(loads: Loads) -> None:
    seen: list[str] = []

    def meanwhile(path: Path) -> Picture:
        if path.name == "05.jpg" and not seen:
            seen.append(path.name)
            with pytest.raises(Refused, match="under way"):
                loads()
            assert loads(origin="other.csv").changed  # another load of the same list is no matter of this one
        return Picture(path.name, loads.faces[path.name])

    rows = [Row(f"S{name[:2]}", Path(name), name) for name in loads.faces]
    resuming = Resuming("people.csv", False, lambda _: None)
    source = PictureSource(rows, meanwhile, Counting(), PILOT.quality, resuming)
    with pytest.raises(Refused, match="meanwhile: load again"):
        load_list(loads.world.sessions["boss"], "missing", source, False, lambda *_: None)
    assert not loads().changed
    assert loads.looked_at == []  # the refused load's work was kept


def test_a_load_killed_after_its_commit_is_not_gone_on_with(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Transaction.commit

    def commit_then_ctrl_c(self: Transaction) -> None:
        commit(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Transaction, "commit", commit_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        loads()
    monkeypatch.undo()
    assert left(loads.world) == [".box"] * 4 + [".journal"]
    result = loads()
    assert (result.changed, loads.told) == (False, [])
    assert left(loads.world) == [".box"] * 4
    loads.world.place.revisions.read(loads.world.sessions["boss"].vault, result.revision)


def test_what_a_kill_left_half_sealed_is_gone_before_the_load_goes_on(loads: Loads) -> None:
    sealed = loads.world.folder / "home" / "sealed"
    listed: list[list[str]] = []

    def run(session: Session, name: str, source: PictureSource, *rest: Any) -> LoadResult:
        def read(path: Path) -> Picture | Rejected:
            listed.append(sorted(one.name for one in sealed.iterdir() if one.suffix != ".journal"))
            return source.read(path)

        return load_list(session, name, replace(source, read=read), *rest)

    with pytest.raises(KeyboardInterrupt):
        loads("09.jpg", run=run)
    (half,) = listed[-1]  # what a kill would leave, because it comes before the cleaning up
    (sealed / half).write_bytes(b"half")
    loads(run=run)
    assert all(half not in names and len(names) == 1 for names in listed[10:])
    assert left(loads.world) == [".box"] * 4


def test_journals_are_swept_after_seven_days_and_not_before(loads: Loads) -> None:
    loads.interrupted("10.jpg")
    loads.world.clock.now += timedelta(days=6, hours=23)
    loads.interrupted("01.jpg", origin="other.csv")
    assert left(loads.world) == [".journal"] * 2
    loads.world.clock.now += timedelta(hours=2)
    loads.world.load(count=3)
    assert left(loads.world) == [".box"] * 3


def test_a_load_with_nothing_usable_leaves_no_journal(loads: Loads) -> None:
    loads.faces = {BAD: loads.faces[BAD]}
    with pytest.raises(NothingUsable):
        loads()
    assert left(loads.world) == []


def test_a_reason_that_may_pass_is_not_kept(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Rejected("00.jpg", Reason.FORMAT_NOT_INSTALLED)
    faces = Counting.faces

    def without(self: Counting, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        return [missing] if picture.name == "00.jpg" else faces(self, picture, quality)

    with monkeypatch.context() as context:
        context.setattr(Counting, "faces", without)
        loads.interrupted("10.jpg")
    assert loads().revision.rejected == 1
    assert "00.jpg" in loads.looked_at


def test_a_full_disk_ends_the_load_and_it_goes_on_from_there(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    written, whole = 0, os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal written
        written += 1
        if written > 7:
            raise OSError(28, "No space left on device")
        return whole(descriptor, data, offset)

    with monkeypatch.context() as context:
        context.setattr(os, "pwrite", full)
        with pytest.raises(StorageFailed, match="No space left"):
            loads()
    assert left(loads.world) == [".journal"]
    loads()
    assert loads.told[0].pictures == 5  # a header, when it began, and five pictures


def test_nothing_of_a_journal_is_in_clear(loads: Loads) -> None:
    loads.interrupted("10.jpg")
    (journal,) = (loads.world.folder / "home" / "sealed").iterdir()
    found = journal.read_bytes()
    for planted in (b"S03", b"people.csv", b"looked everywhere", b"boss", loads.faces["03.jpg"]):
        assert planted not in found
