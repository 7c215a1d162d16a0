import os
import socket
from pathlib import Path

import pytest

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.files import read_picture_file
from matcher.vision.limits import MAX_BYTES


def reason(path: Path) -> Reason:
    result = read_picture_file(path)
    assert isinstance(result, Rejected)
    assert result.source == str(path)
    return result.reason


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"anything")
    assert read_picture_file(path) == Picture(str(path), b"anything")
    assert read_picture_file(path, "list/a.jpg") == Picture("list/a.jpg", b"anything")


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    assert reason(tmp_path / "fifo.jpg") is Reason.NOT_A_FILE


def test_a_socket_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.jpg")
        assert reason(Path("s.jpg")) is Reason.NOT_A_FILE


def test_a_folder_a_device_and_a_link_are_not_files(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real.jpg")
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "link.jpg"):
        assert reason(path) is Reason.NOT_A_FILE


def test_missing_and_impossible_paths(tmp_path: Path) -> None:
    for path in (tmp_path / "no.jpg", tmp_path / "nul\0.jpg", tmp_path / ("x" * 300)):
        assert reason(path) is Reason.MISSING_FILE


def test_the_limit_is_20_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    path.touch()
    os.truncate(path, MAX_BYTES)
    assert isinstance(read_picture_file(path), Picture)
    os.truncate(path, MAX_BYTES + 1)
    assert reason(path) is Reason.TOO_LARGE
