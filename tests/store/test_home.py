"""The home: private, recognised, and never made out of something else."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.errors import BadInput, IntegrityError, MatcherError, Refused, StorageFailed
from matcher.store import home as home_module
from matcher.store.home import Home, new_home, open_home, private_files


def create_home(path: Path, demo: bool) -> None:
    """A home without a database."""
    with new_home(path, demo):
        pass


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("demo", [False, True])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_home_is_private_and_opens(tmp_path: Path, demo: bool, umask: int) -> None:
    path = tmp_path / "a" / "home"
    before = os.umask(umask)
    try:
        create_home(path, demo)
    finally:
        os.umask(before)
    assert open_home(path) == Home(path, demo)
    assert [mode(path), mode(path / "sealed"), mode(path / "home.toml")] == [0o700, 0o700, 0o600]


def test_an_empty_folder_becomes_a_home_and_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.mkdir(mode=0o755)
    create_home(path, False)
    assert mode(path) == 0o700


def with_something_else(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("mine")


def with_a_file(path: Path) -> None:
    path.write_text("mine")


def with_a_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def with_a_home(path: Path) -> None:
    create_home(path, False)


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (with_something_else, BadInput),
        (with_a_file, BadInput),
        (with_a_dangling_link, BadInput),
        (with_a_home, Refused),
    ],
)
def test_nothing_that_is_there_is_touched(
    tmp_path: Path, prepare: Callable[[Path], None], error: type[MatcherError]
) -> None:
    path = tmp_path / "place"
    prepare(path)
    before = sorted(os.walk(tmp_path))
    with pytest.raises(error, match="place"):
        create_home(path, False)
    assert sorted(os.walk(tmp_path)) == before


def test_a_home_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home_module, "write_private", full)
    with pytest.raises(StorageFailed, match="No space left"):
        create_home(tmp_path / "home", False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["", "sealed"])
@pytest.mark.parametrize("open_to_others", [0o750, 0o701, 0o704, 0o777])
def test_a_home_others_can_open_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, where: str, open_to_others: int
) -> None:
    path = tmp_path / "my home"
    create_home(path, False)
    (path / where).chmod(open_to_others)
    with pytest.raises(Refused, match="chmod 700") as refused:
        open_home(path)
    command = str(refused.value).split("`")[1]
    assert os.system(command) == 0  # noqa: S605 - the very command that the message tells people to run
    assert open_home(path).path == path


def test_a_home_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_home(tmp_path / "home", False)
    owner = os.geteuid()
    monkeypatch.setattr(home_module.os, "geteuid", lambda: owner + 1)
    with pytest.raises(Refused, match="another account"):
        open_home(tmp_path / "home")


def test_where_there_is_no_home_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(BadInput, match="matcher init"):
            open_home(path)


def test_a_home_of_a_newer_program_is_not_opened(tmp_path: Path) -> None:
    create_home(tmp_path / "home", False)
    (tmp_path / "home" / "home.toml").write_text("format = 2\ndemo = false\nsomething = 1\n")
    with pytest.raises(Refused, match="newer"):
        open_home(tmp_path / "home")


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"\xff",
        b"format = 1",
        b"format = 0\ndemo = false",
        b"format = true\ndemo = false",
        b"format = 1.0\ndemo = false",
        b"format = 1\ndemo = 1",
        b"format = 1\ndemo = false\nmore = 1",
        b"a = " + b"[" * 5000,
    ],
)
def test_an_altered_marker_is_noticed(tmp_path: Path, marker: bytes) -> None:
    create_home(tmp_path / "home", False)
    (tmp_path / "home" / "home.toml").write_bytes(marker)
    with pytest.raises(IntegrityError, match=r"home\.toml"):
        open_home(tmp_path / "home")


def test_a_fifo_or_a_link_in_place_of_the_marker_is_not_read(tmp_path: Path) -> None:
    create_home(tmp_path / "home", False)
    marker = tmp_path / "home" / "home.toml"
    elsewhere = marker.rename(tmp_path / "elsewhere")
    os.mkfifo(marker)
    with pytest.raises(IntegrityError, match="regular"):
        open_home(tmp_path / "home")
    marker.unlink()
    marker.symlink_to(elsewhere)
    with pytest.raises(StorageFailed):
        open_home(tmp_path / "home")


def test_small_files_are_private_whole_and_only_here(tmp_path: Path) -> None:
    create_home(tmp_path / "home", False)
    home = open_home(tmp_path / "home")
    assert home.read_file("recovery.public") is None
    for data in (b"first", b"second"):
        home.write_file("recovery.public", data)
        assert home.read_file("recovery.public") == data
    assert mode(home.path / "recovery.public") == 0o600
    assert sorted(path.name for path in home.path.iterdir()) == ["home.toml", "recovery.public", "sealed"]
    for name in ("../x", "a/b", "", ".hidden", "A"):
        with pytest.raises(ValueError, match="no file of a home"):
            home.write_file(name, b"x")


def test_files_that_libraries_make_are_private_for_a_while(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with private_files():
            (tmp_path / "inside").write_text("x")
        (tmp_path / "after").write_text("x")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "inside"), mode(tmp_path / "after")) == (0o600, 0o644)
