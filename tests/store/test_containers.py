"""Containers: whole or absent, and every change to the file is noticed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.errors import IntegrityError, StorageFailed
from matcher.store import containers
from matcher.store.container_format import CHUNK, SEALED_CHUNK, Layout, header_length
from matcher.store.sealing import HomeVault

KEY = bytes(range(32))
EDGES = (0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 17)


@pytest.fixture
def vault(tmp_path: Path) -> HomeVault:
    return HomeVault(KEY, tmp_path)


def make(vault: HomeVault, name: str, data: bytes, piece: int = 10_000) -> None:
    with vault.new_container(name) as writer:
        for at in range(0, len(data), piece):
            assert writer.append(data[at : at + piece]) == at
        writer.keep()


def pattern(length: int) -> bytes:
    return (b"".join(number.to_bytes(4, "big") for number in range(length // 4 + 1)))[:length]


@pytest.mark.parametrize("length", EDGES)
@pytest.mark.parametrize("piece", [7_777, CHUNK, 1 << 20])
def test_what_goes_in_comes_out_at_every_edge(vault: HomeVault, length: int, piece: int) -> None:
    data = pattern(length)
    make(vault, "c", data, piece)
    assert vault.size("c") == length
    assert vault.read("c", 0, length) == data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_part_is_the_same_part_of_the_whole(tmp_path: Path, data: st.DataObject) -> None:
    vault, whole = HomeVault(KEY, tmp_path), pattern(3 * CHUNK + 100)
    if not (tmp_path / "parts.box").exists():
        make(vault, "parts", whole)
    offset = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - offset))
    assert vault.read("parts", offset, length) == whole[offset : offset + length]


def test_a_reader_opens_no_more_chunks_than_it_needs(vault: HomeVault, tmp_path: Path) -> None:
    """An altered first chunk does not matter to a read of the second, and does to a read that touches it."""
    make(vault, "c", pattern(3 * CHUNK))
    flip(tmp_path / "c.box", header_length("c") + 5)
    assert vault.read("c", CHUNK, CHUNK) == pattern(3 * CHUNK)[CHUNK : 2 * CHUNK]
    with pytest.raises(IntegrityError):
        vault.read("c", CHUNK - 1, 2)


def test_every_altered_byte_of_a_small_container_is_noticed(vault: HomeVault, tmp_path: Path) -> None:
    path = tmp_path / "small.box"
    make(vault, "small", b"two hundred bytes" * 12)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in (0x01, 0x80):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            with pytest.raises(IntegrityError):
                vault.read("small", 0, 204)
    path.write_bytes(whole)
    assert vault.read("small", 0, 204) == b"two hundred bytes" * 12


def test_every_length_but_its_own_is_noticed_in_a_small_container(vault: HomeVault, tmp_path: Path) -> None:
    path = tmp_path / "small.box"
    make(vault, "small", b"ninety-nine" * 9)
    whole = path.read_bytes()
    for length in [*range(len(whole)), len(whole) + 1, len(whole) + SEALED_CHUNK]:
        path.write_bytes((whole + bytes(SEALED_CHUNK))[:length])
        with pytest.raises(IntegrityError):
            vault.size("small")


def drop_last(raw: bytes, start: int) -> bytes:
    return raw[: start + 2 * SEALED_CHUNK]


def swap_chunks(raw: bytes, start: int) -> bytes:
    first, second = raw[start : start + SEALED_CHUNK], raw[start + SEALED_CHUNK : start + 2 * SEALED_CHUNK]
    return raw[:start] + second + first + raw[start + 2 * SEALED_CHUNK :]


def repeat_chunk(raw: bytes, start: int) -> bytes:
    first = raw[start : start + SEALED_CHUNK]
    return raw[:start] + first + first + raw[start + 2 * SEALED_CHUNK :]


def leave_out(raw: bytes, start: int) -> bytes:
    return raw[:start] + raw[start + SEALED_CHUNK :]


def add_another(raw: bytes, start: int) -> bytes:
    return raw + raw[start : start + SEALED_CHUNK]


@pytest.mark.parametrize("change", [drop_last, swap_chunks, repeat_chunk, leave_out, add_another])
def test_chunks_keep_their_number_and_their_end(
    vault: HomeVault, tmp_path: Path, change: Callable[[bytes, int], bytes]
) -> None:
    make(vault, "c", pattern(3 * CHUNK))
    path = tmp_path / "c.box"
    path.write_bytes(change(path.read_bytes(), header_length("c")))
    with pytest.raises(IntegrityError):
        vault.read("c", 0, vault.size("c"))


def test_a_chunk_or_a_file_of_another_container_does_not_open(vault: HomeVault, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(vault, name, pattern(CHUNK + 5))
    a, b = (tmp_path / "a.box").read_bytes(), (tmp_path / "b.box").read_bytes()
    start = header_length("a")
    for mixed in (a[:start] + b[start:], a[: start + SEALED_CHUNK] + b[start + SEALED_CHUNK :], b):
        (tmp_path / "a.box").write_bytes(mixed)
        with pytest.raises(IntegrityError):
            vault.read("a", 0, CHUNK + 5)


def test_an_older_container_of_the_same_id_does_not_mix_with_a_newer_one(vault: HomeVault, tmp_path: Path) -> None:
    """The salt: the same id and the same bytes give another key, so nonces never repeat."""
    path = tmp_path / "c.box"
    make(vault, "c", pattern(CHUNK + 5))
    old = path.read_bytes()
    vault.remove("c")
    make(vault, "c", pattern(CHUNK + 5))
    new, start = path.read_bytes(), header_length("c")
    assert old[start:] != new[start:]
    path.write_bytes(new[: start + SEALED_CHUNK] + old[start + SEALED_CHUNK :])
    with pytest.raises(IntegrityError):
        vault.read("c", 0, CHUNK + 5)


def test_another_home_does_not_open_it(vault: HomeVault, tmp_path: Path) -> None:
    make(vault, "c", b"data")
    with pytest.raises(IntegrityError):
        HomeVault(bytes(32), tmp_path).read("c", 0, 4)


@pytest.mark.parametrize(("offset", "length"), [(0, 101), (100, 1), (101, 0), (-1, 1), (0, -1)])
def test_bytes_that_are_not_there_are_not_made_up(vault: HomeVault, offset: int, length: int) -> None:
    make(vault, "c", bytes(100))
    with pytest.raises(IntegrityError):
        vault.read("c", offset, length)


def append_nothing_sensible(vault: HomeVault) -> None:
    with vault.new_container("c") as writer:
        writer.append(bytes(10))
        writer.append("text")  # type: ignore[arg-type]


def keep_while_another_does(vault: HomeVault) -> None:
    with vault.new_container("d") as late:
        make(vault, "d", b"earlier")
        late.keep()


def test_leaving_without_keep_leaves_nothing(vault: HomeVault, tmp_path: Path) -> None:
    with vault.new_container("c") as writer:
        writer.append(bytes(CHUNK * 2))
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError):
        append_nothing_sensible(vault)
    assert list(tmp_path.iterdir()) == []


def test_a_container_appears_only_when_it_is_kept(vault: HomeVault, tmp_path: Path) -> None:
    with vault.new_container("c") as writer:
        writer.append(b"data")
        assert not (tmp_path / "c.box").exists()
        writer.keep()
        assert (tmp_path / "c.box").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["c.box"]


def test_files_are_for_the_owner_only(vault: HomeVault, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make(vault, "c", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "c.box").stat().st_mode) == 0o600


def test_an_id_is_never_used_twice(vault: HomeVault, tmp_path: Path) -> None:
    make(vault, "c", b"first")
    with pytest.raises(StorageFailed, match="never used twice"), vault.new_container("c"):
        pass
    with pytest.raises(StorageFailed, match="never used twice"):
        keep_while_another_does(vault)
    assert (vault.read("c", 0, 5), vault.read("d", 0, 7)) == (b"first", b"earlier")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.box", "d.box"]


@pytest.mark.parametrize("name", ["", "..", "../c", "a/b", "A", "a\0", "a.b", "-a", "a" * 101, "é"])
def test_an_id_cannot_name_another_place(vault: HomeVault, name: str) -> None:
    with pytest.raises(IntegrityError):
        vault.read(name, 0, 1)
    with pytest.raises(IntegrityError), vault.new_container(name):
        pass


def test_a_missing_container_and_a_file_of_another_kind_are_refused(vault: HomeVault, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        vault.size("c")
    os.mkfifo(tmp_path / "c.box")
    with pytest.raises(IntegrityError, match="regular"):
        vault.size("c")
    make(vault, "d", b"data")
    (tmp_path / "e.box").symlink_to(tmp_path / "d.box")
    with pytest.raises(StorageFailed):
        vault.size("e")


def test_removing_is_done_once_and_asked_twice(vault: HomeVault, tmp_path: Path) -> None:
    make(vault, "c", b"data")
    vault.remove("c")
    vault.remove("c")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_a_storage_failure_and_leaves_nothing(
    vault: HomeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    for where, name in ((containers.os, "fsync"), (containers, "sync_folder")):
        with monkeypatch.context() as broken:
            broken.setattr(where, name, full)
            with pytest.raises(StorageFailed, match="No space left"):
                make(vault, "c", b"data")
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_storage_failure(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed), HomeVault(KEY, tmp_path / "none").new_container("c"):
        pass


@given(st.integers(0, 1 << 40))
def test_a_length_has_one_layout(size: int) -> None:
    chunks = max(1, -(-size // CHUNK))
    layout = Layout.of_file("c", header_length("c") + size + 16 * chunks)
    assert (layout.size, layout.chunks) == (size, chunks)


def flip(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))
