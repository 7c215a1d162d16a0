"""After a whole session nothing that is sealed lies in clear, and a flipped byte in any file is refused or harmless."""

import base64
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from matcher.domain.case import Verdict
from matcher.errors import IntegrityError, MatcherError
from matcher.services.audit import verify
from matcher.services.people import change_passphrase, recover_home, remove_user
from matcher.store.containers import opened
from matcher.store.crypto import subkey
from matcher.store.home_key import new_home_key
from matcher.store.log import _entry as stored_entry
from matcher.store.revisions_file import SealedRevisions
from matcher.store.sealing import HomeVault
from matcher.store.unit_of_work import open_store
from tests.services.homes import bytes_of
from tests.services.world import World, vectors

WORDS = ("Planted Name", "a note", "S007", "C0003")
NEW = "another correct horse"


def spellings(planted: bytes) -> Iterator[bytes]:
    """As it is, in hex, and in base64 wherever in a group of three bytes it begins."""
    yield planted
    yield planted.hex().encode()
    yield planted.hex().upper().encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + planted)
        first, last = -(-8 * before // 6), 8 * (before + len(planted)) // 6
        yield whole[first:last]
        yield whole[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def everything_planted(world: World) -> list[bytes]:
    texts = [word.encode(code) for word in WORDS for code in ("utf-8", "utf-16-le", "utf-16-be")]
    rows = [row[:8].astype("<f4").tobytes() for row in (*world.templates, *vectors(400, seed=2))]
    return [form for planted in (*texts, *rows) for form in spellings(planted)]


def in_clear(files: Mapping[str, bytes], planted: list[bytes]) -> list[bytes]:
    found = b"\0".join(files.values())
    return [one for one in planted if one in found]


@pytest.fixture
def used(active: World) -> World:
    """Loaded, calibrated, activated, searched, reviewed to a lead; keys changed, lost, recovered and removed."""
    active.submit(active.templates[7])
    active.conclude(Verdict.SAME)
    active.submit(active.templates[3], case="2026/2")  # this one waits
    change_passphrase(active.sessions["ben"], NEW)
    recover_home(active.place, active.code, "chief", NEW, lambda _: None)
    remove_user(active.sessions["boss"], "ana")
    return active


def test_nothing_that_is_sealed_lies_in_clear_after_a_session(used: World) -> None:
    home, planted = used.folder / "home", everything_planted(used)
    with used.place.work(write=False):  # holds the write-ahead log open, so that it is scanned too
        used.desk("cleo").queue()
        files = bytes_of(home)
        assert "the server" in files or "matcher.db-wal" in files
        assert in_clear(files, planted) == []
        public = [b"2026/2", used.sessions["boss"].user.public_key]
        assert in_clear(files, public) == public  # the scan finds what is there
    assert in_clear(bytes_of(home), planted) == []


def test_the_scan_finds_every_spelling() -> None:
    row = vectors(1, seed=5)[0][:8].astype("<f4").tobytes()
    for at in range(3):
        for text in (row, row.hex().encode(), row.hex().upper().encode(), base64.b64encode(bytes(at) + row + b"more")):
            assert in_clear({"file": b"x" * 7 + text + b"y"}, list(spellings(row)))


def test_a_flipped_byte_in_any_container_is_refused(used: World) -> None:
    vault = used.sessions["boss"].vault
    boxes = sorted((used.folder / "home" / "sealed").glob("*.box"))
    assert len(boxes) == 7
    drawn = np.random.default_rng(8)
    for box in boxes:
        whole = box.read_bytes()
        size = vault.size(box.stem)
        for at in {0, len(whole) - 1, *drawn.integers(0, len(whole), 40).tolist()}:
            box.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(IntegrityError, match=box.stem):
                vault.read(box.stem, 0, size)
        for cut in (whole[:-1], whole[: len(whole) // 2], b"", whole + b"\0"):
            box.write_bytes(cut)
            with pytest.raises(IntegrityError, match=box.stem):
                vault.read(box.stem, 0, vault.size(box.stem))
        box.write_bytes(whole)
        assert len(vault.read(box.stem, 0, size)) == size


def test_containers_put_in_each_others_place_are_refused(used: World) -> None:
    vault = used.sessions["boss"].vault
    one, other, *_ = sorted((used.folder / "home" / "sealed").glob("*.box"))
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])
    for box in (one, other):
        with pytest.raises(IntegrityError, match=box.stem):
            vault.read(box.stem, 0, 1)


def test_another_home_key_opens_nothing(used: World) -> None:
    folder = used.folder / "home" / "sealed"
    other = new_home_key()
    sealed = used.sessions["boss"].vault.seal("a column", b"Planted Name")
    with pytest.raises(IntegrityError, match="altered, or belongs elsewhere"):
        HomeVault(other, folder).open("a column", sealed)
    for box in folder.glob("*.box"):
        with opened(folder, subkey(other, "containers"), box.stem) as reader, pytest.raises(IntegrityError):
            reader.size()


@pytest.mark.sqlite_only
def test_a_flipped_byte_in_the_database_is_refused_or_harmless(used: World, tmp_path: Path) -> None:
    """Harmless: the audit, which covers the sealed bytes of every alert, still says what it said."""
    used.store.close()
    home, copy = used.folder / "home", tmp_path / "copy"
    said = verify(used.place, lambda *_: None)
    whole = (home / "matcher.db").read_bytes()
    drawn = np.random.default_rng(9)
    refused = 0
    for at in {0, 18, 60, 100, *drawn.integers(0, len(whole), 60).tolist()}:
        shutil.copytree(home, copy)
        (copy / "matcher.db").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            store = open_store(copy, used.place.seat, used.clock)
            place = replace(used.place, work=store.unit_of_work, revisions=SealedRevisions(copy / "sealed"))
            assert verify(place, lambda *_: None) == said
        except MatcherError:
            refused += 1
        shutil.rmtree(copy)
    assert refused >= 3


@pytest.mark.parametrize("at", range(2, 9))
def test_text_of_the_log_that_damage_turned_into_bytes_is_refused(at: int) -> None:
    """One flipped bit in the head of a row does this; no table is strict enough."""
    row: list[Any] = [1, "2026-11-23T12:00:00.000000Z", *["text"] * 7]
    assert stored_entry(cast(Any, row)).hash == "text"
    row[at] = b"text"
    with pytest.raises(IntegrityError, match="a log entry that cannot be read"):
        stored_entry(cast(Any, row))
