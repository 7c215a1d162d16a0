"""Anchors: what is kept elsewhere, what is none, and how long anybody waits."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from matcher.domain.checkpoint import MOST_NOTE_BYTES, Checkpoint, Note, origin_of, signed
from matcher.errors import BadInput, StorageFailed
from matcher.store import anchors
from matcher.store.anchors import anchor_to, read_anchors, write_note

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def note(size: int = 7, fill: bytes = b"r") -> Note:
    return signed(Checkpoint(origin_of("abc"), size, fill * 32), KEY.public_key().public_bytes_raw(), KEY.sign)


def keep(folder: Path | None, command: str | None, what: Note) -> None:
    anchor = anchor_to(folder, command)
    assert anchor is not None
    anchor(what)


def test_nothing_is_anchored_where_nothing_is_set() -> None:
    assert anchor_to(None, None) is None


def test_a_folder_keeps_every_checkpoint_and_gives_them_back(tmp_path: Path) -> None:
    for size in (7, 12, 7):
        keep(tmp_path, None, note(size))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "abc-000000000007.checkpoint",
        "abc-000000000012.checkpoint",
    ]
    assert read_anchors((tmp_path,)) == (note(7), note(12))
    assert read_anchors((tmp_path / "abc-000000000012.checkpoint", tmp_path)) == (note(12), note(7), note(12))


def test_another_checkpoint_of_the_same_size_is_never_overwritten(tmp_path: Path) -> None:
    keep(tmp_path, None, note())
    with pytest.raises(StorageFailed, match="says something else"):
        keep(tmp_path, None, note(fill=b"s"))
    assert read_anchors((tmp_path,)) == (note(),)


def test_what_lies_behind_the_longest_note_is_not_left_out(tmp_path: Path) -> None:
    one = note()
    name = one.signatures[0][0]
    line = len(f"— {name} \n".encode())
    left = MOST_NOTE_BYTES - len(one.text().encode())
    blob = 3 * ((left - line) // 4)  # base64 of it and this line's other bytes fill what a reader takes
    spare = left - line - blob // 3 * 4
    padded = replace(one, signatures=(*one.signatures, ("w" * spare + name, bytes(blob))))
    file = tmp_path / "whole.checkpoint"
    file.write_text(padded.text())
    assert file.stat().st_size == MOST_NOTE_BYTES
    assert read_anchors((file,)) == (padded,)
    file.write_text(padded.text() + "more")
    with pytest.raises(BadInput, match="16,384 bytes"):
        read_anchors((file,))


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot be written"):
        keep(tmp_path / "unmounted", None, note())
    assert list(tmp_path.iterdir()) == []


def test_a_command_gets_the_note(tmp_path: Path) -> None:
    out = tmp_path / "out"
    keep(None, f'{sys.executable} -c \'import sys; open("{out}", "w").write(sys.stdin.read())\'', note())
    assert out.read_text() == note().text()


@pytest.mark.parametrize(
    ("command", "words"), [("false", "exit code 1"), ("/nowhere/at/all", "cannot be run"), ("sleep 60", "within 0 sec")]
)
def test_a_command_that_fails_or_hangs_is_told(command: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "PATIENCE", 0.3 if command.startswith("sleep") else 30.0)
    with pytest.raises(StorageFailed, match=words):
        keep(None, command, note())


def test_a_folder_that_never_answers_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "PATIENCE", 0.2)
    monkeypatch.setattr(anchors, "write_private", lambda *_: time.sleep(1))
    began = time.monotonic()
    with pytest.raises(StorageFailed, match="did not answer"):
        keep(tmp_path, None, note())
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("command", ["'", " "])
def test_a_command_that_cannot_be_read_is_refused_at_once(command: str) -> None:
    with pytest.raises(BadInput, match="anchor command"):
        anchor_to(None, command)


def test_what_is_no_checkpoint_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\n\n\xff")
    (tmp_path / "long").write_text(note().text() + "x" * 20_000)
    for name in ("empty", "binary", "long", "missing"):
        with pytest.raises(BadInput):
            read_anchors((tmp_path / name,))


def test_a_checkpoint_never_replaces_a_file(tmp_path: Path) -> None:
    write_note(tmp_path / "kept", note())
    with pytest.raises(BadInput, match="there already"):
        write_note(tmp_path / "kept", note(9))
    with pytest.raises(StorageFailed):
        write_note(tmp_path / "no" / "kept", note())
    assert read_anchors((tmp_path / "kept",)) == (note(),)
