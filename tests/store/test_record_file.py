"""Record files: what was written whole is there again, and nothing else is."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.store import record_file
from matcher.store.record_file import RecordFile

KEY = bytes(range(32))
RECORDS = [b"", b"one", b"two" * 50, b"three"]


@contextmanager
def opened(path: Path, key: bytes = KEY) -> Iterator[RecordFile]:
    file = RecordFile(path, key, os.urandom)
    try:
        yield file
    finally:
        file.close()


def write(path: Path, records: list[bytes]) -> list[int]:
    """Writes them and returns how long the file is before each, and after the last."""
    lengths = []
    with opened(path) as file:
        for record in records:
            lengths.append(path.stat().st_size)
            file.append(record)
    return [*lengths, path.stat().st_size]


def read(path: Path, key: bytes = KEY) -> list[bytes]:
    with opened(path, key) as file:
        return [file.read(number) for number in range(len(file))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aa11.journal"


def test_what_was_written_is_there_again_and_more_can_follow(path: Path) -> None:
    write(path, RECORDS)
    assert read(path) == RECORDS
    write(path, [b"four"])
    assert read(path) == [*RECORDS, b"four"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_cut_at_any_byte_gives_the_records_before_it_and_can_be_written_on(path: Path) -> None:
    ends = write(path, RECORDS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        kept = [record for record, end in zip(RECORDS, ends[1:], strict=True) if end <= length]
        assert read(path) == kept
        write(path, [b"after"])
        assert read(path) == [*kept, b"after"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_whatever_the_end_is_replaced_by_is_not_trusted(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "bb22.journal"
    path.unlink(missing_ok=True)
    ends = write(path, RECORDS)
    whole, length = path.read_bytes(), data.draw(st.integers(ends[0], ends[-1] - 1))
    put = whole[:length] + data.draw(st.binary(max_size=300))
    path.write_bytes(put)
    # One drawn byte in 256 is the one that was there.
    differ = (at for at, (one, other) in enumerate(zip(whole, put, strict=False)) if one != other)
    same = next(differ, min(len(whole), len(put)))
    assert read(path) == [record for record, end in zip(RECORDS, ends[1:], strict=True) if end <= same]


def test_a_flipped_byte_takes_its_record_and_all_behind_it(path: Path) -> None:
    ends = write(path, RECORDS)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read(path) == [record for record, end in zip(RECORDS, ends[1:], strict=True) if end <= place]


def test_what_lay_behind_a_cut_does_not_come_back_behind_what_is_written_there(path: Path) -> None:
    ends = write(path, [b"one", b"two", b"three"])
    whole = path.read_bytes()
    path.write_bytes(whole[: ends[2] - 1] + bytes([whole[ends[2] - 1] ^ 1]) + whole[ends[2] :])
    with opened(path) as file:
        assert (len(file), file.cut) == (1, ends[3] - ends[1])
        file.append(b"six")
    assert read(path) == [b"one", b"six"]


def test_a_file_that_was_removed_while_it_was_being_locked_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, calls = fcntl.flock, 0

    def removed_meanwhile(descriptor: int, how: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            path.unlink()
        elif calls == 2:
            path.rename(path.with_suffix(".gone"))
            path.write_bytes(b"")
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    write(path, [b"one"])
    assert calls == 3
    assert read(path) == [b"one"]


def test_records_do_not_open_in_another_place_or_file(path: Path, tmp_path: Path) -> None:
    ends = write(path, [b"one", b"two"])
    whole = path.read_bytes()
    first, second = whole[ends[0] : ends[1]], whole[ends[1] : ends[2]]
    for changed in (second + first, first + first, second):
        path.write_bytes(whole[: ends[0]] + changed)
        assert read(path) == ([b"one"] if changed.startswith(first) else [])
    path.write_bytes(whole)
    other = tmp_path / "cc33.journal"
    write(other, [])
    other.write_bytes(other.read_bytes() + first)
    assert read(other) == []
    other.write_bytes(whole)
    assert read(other) == []


def test_another_key_opens_nothing(path: Path) -> None:
    write(path, RECORDS)
    assert read(path, bytes(32)) == []


def test_nothing_lies_in_clear_and_nothing_is_sealed_alike_twice(path: Path) -> None:
    ends = write(path, [b"planted words", b"planted words"])
    whole = path.read_bytes()
    assert b"planted" not in whole
    path.write_bytes(whole[: ends[1]])
    write(path, [b"planted words"])
    again = path.read_bytes()
    assert len(again) == len(whole)
    assert again[ends[1] + 4 : ends[1] + 16] != whole[ends[1] + 4 : ends[1] + 16]  # the nonce


def test_one_process_at_a_time(path: Path) -> None:
    with opened(path) as file:
        with pytest.raises(Refused, match="under way"):
            RecordFile(path, KEY, os.urandom)
        file.append(b"one")
        file.discard()
        write(path, [b"another file"])  # the name is free, the old file is still locked
    assert read(path) == [b"another file"]


def test_a_link_or_another_kind_of_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        read(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(IntegrityError, match="regular"):
        read(path)


def test_a_full_disk_is_a_storage_failure_and_what_was_written_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if len(data) < 25:
            raise OSError(28, "No space left on device")
        return whole(descriptor, data[:25], offset)

    with opened(path) as file:
        file.append(b"one")
        with monkeypatch.context() as broken:
            broken.setattr(os, "pwrite", full)
            with pytest.raises(StorageFailed, match="No space left"):
                file.append(b"two")
        file.append(b"three")
    assert read(path) == [b"one", b"three"]


def test_records_are_synced_as_they_are_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.append(path.stat().st_size))
    with opened(path) as file:
        file.append(b"one")
        assert synced == []
        monkeypatch.setattr(record_file, "SYNCED_EVERY", 0.0)
        file.append(b"two")
        assert synced == [path.stat().st_size]
