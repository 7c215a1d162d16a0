"""A backup that somebody with the key made by hand: only a home comes out of it, and only into its folder."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from matcher.errors import IntegrityError, Refused, StorageFailed
from matcher.store.archive import restoring, unpack

FILES = {"matcher.db": b"database", "home.toml": b"format = 1", "sealed/one-items.box": b"x" * (3 << 20)}


@dataclass
class Opened:
    content: bytes

    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]


def test_a_home_is_made_where_nobody_else_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / ".home.restoring"
    left.mkdir(mode=0o755)
    (left / "old").write_bytes(b"left by a killed one")
    with restoring(tmp_path / "home") as folder:
        assert (folder, folder.stat().st_mode & 0o777, list(folder.iterdir())) == (left, 0o700, [])
    monkeypatch.setattr("matcher.store.archive.os.geteuid", lambda: 12345)
    with pytest.raises(Refused, match="another account"), restoring(tmp_path / "other"):
        pass
    monkeypatch.undo()
    (tmp_path / ".linked.restoring").symlink_to(tmp_path / "home")
    with pytest.raises(StorageFailed), restoring(tmp_path / "linked"):
        pytest.fail("it went through a link")


def packed(files: dict[str, bytes], **changed: list[object]) -> Opened:
    entries = {name: [name, len(data), hashlib.sha256(data).hexdigest()] for name, data in files.items()} | changed
    body = json.dumps(list(entries.values())).encode()
    return Opened(len(body).to_bytes(4, "little") + body + b"".join(files.values()))


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    unpack(packed(FILES), tmp_path, lambda *how_far: said.append(how_far))
    assert {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    } == FILES
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))
    assert said[-1][0] == said[-1][1] == sum(map(len, FILES.values()))


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "sealed/../../out",
        "/outside/out",
        "sealed/a/b",
        ".hidden",
        "sealed",
        "",
        "a\0b",
        "MATCHER.DB",
        "sealed/",
    ],
)
def test_a_name_leads_nowhere_but_into_the_home(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises((IntegrityError, FileExistsError, IsADirectoryError)):
        unpack(packed(FILES | {name: b"out"}), home, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    "opened",
    [
        packed({name: data for name, data in FILES.items() if name != "matcher.db"}),
        packed({name: data for name, data in FILES.items() if name != "home.toml"}),
        packed(FILES, again=["matcher.db", 0, hashlib.sha256(b"").hexdigest()]),
        packed(FILES, more=["more", 1, hashlib.sha256(b"x").hexdigest()]),
        packed(FILES, more=["more", -1, hashlib.sha256(b"").hexdigest()]),
        packed(FILES, more=["more", 0, hashlib.sha256(b"x").hexdigest()]),
        packed(FILES, more=["more", 0]),
        Opened(packed(FILES).content + b"x"),
        Opened(packed(FILES).content[:-1]),
        Opened(b"\x00\x00\x00\x00"),
        Opened(b"\xff\xff\xff\xff"),
    ],
)
def test_what_is_no_home_is_refused(tmp_path: Path, opened: Opened) -> None:
    with pytest.raises(IntegrityError):
        unpack(opened, tmp_path, lambda *_: None)
