"""Every reader of what a stranger may have written: a file as it should be, and what reads it.

A reader gets bytes and a path that it may write them to; it returns a value, a `Rejected` or one of our errors. This is
where a reader of a further format is added: `test_any_bytes.py` and `tests/fuzz` take it from here.
"""

import hashlib
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pillow_heif

from matcher.bootstrap import read_policy
from matcher.calibration.resolutions import parse_resolutions
from matcher.config import load_settings
from matcher.domain.backup import BackupHead
from matcher.domain.checkpoint import Checkpoint, origin_of, signed
from matcher.domain.face import Picture
from matcher.domain.rejection import Rejected
from matcher.errors import BadInput, IntegrityError, MatcherError
from matcher.models.catalogue import parse_manifest
from matcher.store.anchors import read_note
from matcher.store.backup_file import new_backup, read_backup
from matcher.store.container_format import Layout, header_for, header_length, salt_of
from matcher.store.embedding_files import read_embeddings
from matcher.store.key_record import KeyCost, KeyRecord
from matcher.store.keys import new_user_keys
from matcher.store.manifest_files import read_manifest
from matcher.vision.decode import decode
from matcher.vision.viewing import view
from tests.vision.pictures import face, saved

FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "heic": "HEIF"}
pillow_heif.register_heif_opener()  # to make one; the product reads them by itself


@dataclass(frozen=True, slots=True)
class Reader:
    """`whole` is read without complaint; junk is `wrong` (a `Rejected` is returned, an error raised)."""

    whole: bytes
    read: Callable[[bytes, Path], object]
    wrong: type[MatcherError] | type[Rejected] = BadInput


def _file(read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    def reader(data: bytes, path: Path) -> object:
        path.write_bytes(data)
        return read(path)

    return reader


def _picture(data: bytes, _: Path) -> object:
    """Both ways of decoding; what they give is what the next stages expect."""
    shown, result = view(Picture("a picture", data)), decode(Picture("a picture", data))
    for pixels in (result, None if isinstance(shown, Rejected) else shown[0]):
        if isinstance(pixels, np.ndarray):
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
            assert pixels.dtype.name == "uint8"
    return result


def _container(data: bytes, _: Path) -> object:
    return salt_of(data[: header_length("a-container")], "a-container"), Layout.of_file("a-container", len(data))


def _npz() -> bytes:
    raw = io.BytesIO()
    rows = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    np.savez(raw, embeddings=rows, subject_id=np.array(["a", "b", "c"]))
    return raw.getvalue()


def _checkpoint() -> bytes:
    note = signed(Checkpoint(origin_of("0123456789abcdef"), 300, bytes(32)), bytes(32), lambda _: bytes(64))
    return note.text().encode()


def _backup() -> bytes:
    head = BackupHead("b" * 32, "a" * 32, 7, "c" * 64, "2026-01-01T00:00:00+00:00", (("ann", _KEYS),))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.backup"
        with new_backup(path, head, bytes(32), _draws) as writer:
            writer.keep()
        return path.read_bytes()


def _draws(length: int) -> bytes:
    return hashlib.shake_128(b"a key of no one").digest(length)


def _text(parse: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    return lambda data, _: parse(data.decode("utf-8", "replace"))


_KEYS = new_user_keys("ann", "correct horse battery", None, KeyCost(1, 1_024, 1), _draws).encode()
_POLICY = b"[certification]\nalpha = 0.01\n\n[groups]\nrequired = {sex = ['f', 'm']}\n\n[lease]\nhours = 24\n"
_LIST = b"subject_id,image,name\nA,a.jpg,Ann\nB,d/b.jpg,\n"
_COHORT = b"subject_id,image,session,sex\nA,a.jpg,1,f\nB,b.jpg,,m\n"
_RULINGS = b"one,other,ruling\n0123456789ab,ba9876543210,same\n"
_MODEL = (files("matcher_models") / "sface-2021dec" / "manifest.toml").read_bytes()
SMALL = face().resize((48, 48))

PICTURES = {name: Reader(saved(SMALL, kind), _picture, Rejected) for name, kind in FORMATS.items()}
READERS = {
    **PICTURES,
    "watchlist": Reader(_LIST, _file(lambda path: read_manifest(path, "watchlist"))),
    "cohort": Reader(_COHORT, _file(lambda path: read_manifest(path, "cohort"))),
    "embeddings": Reader(_npz(), _file(lambda path: read_embeddings(path, "watchlist", 4))),
    "policy": Reader(_POLICY, _file(read_policy)),
    "configuration": Reader(b'user = "ann"\n', _file(lambda path: load_settings({"MATCHER_CONFIG": str(path)}))),
    "rulings": Reader(_RULINGS, lambda data, _: parse_resolutions(data)),
    "model": Reader(_MODEL, _text(lambda text: parse_manifest(text, "manifest.toml"))),
    "container": Reader(header_for("a-container", bytes(32)) + bytes(80), _container, IntegrityError),
    "checkpoint": Reader(_checkpoint(), _file(read_note)),
    "backup": Reader(_backup(), _file(read_backup), IntegrityError),
    "keys": Reader(_KEYS, lambda data, _: KeyRecord.decode(data), IntegrityError),
}
