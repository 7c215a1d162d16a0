"""Every item of the list of bad input, as files made at test time, each named for its defect, with its verdict.

1. One case makes one thing (a file, or what stands in place of one) in a folder and says what must become of it.
2. `ACCEPTED` means that it is read; otherwise `verdict` is in the reason or in the one line of the error.
3. Every face in it is a synthetic demo person. `python -m tests.assets.corpus FOLDER` makes it all for a look.
"""

import os
import socket
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from tests.assets.bombs import huge_bmp, huge_jpeg, huge_tiff, zipped_rows
from tests.vision.pictures import face, png_bomb, saved, several_frames, sixteen_bit_grey, turned, webp_bomb

Kind = Literal["picture", "manifest", "embeddings", "policy", "model"]
ACCEPTED = "accepted"
DIM = 128


@dataclass(frozen=True, slots=True)
class Case:
    """One defect: `make` puts the file at a path; `code` is what the command that reads it exits with."""

    name: str
    kind: Kind
    verdict: str
    make: Callable[[Path], None]
    code: int = 8


def _bytes(data: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: _write(path, data())


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _picture(name: str, verdict: str, data: Callable[[], bytes]) -> Case:
    return Case(name, "picture", verdict, _bytes(data), 0 if verdict == ACCEPTED else 8)


def _cut(kind: str) -> Callable[[], bytes]:
    return lambda: (whole := saved(face(), kind))[: len(whole) // 2]


def _corrupt(kind: str) -> Callable[[], bytes]:
    """The bytes behind the first 24 are noise: what the format is can be told, and no more."""
    return lambda: saved(face(), kind)[:24] + np.random.default_rng(1).bytes(4_000)


def _mode(mode: str, kind: str) -> Callable[[], bytes]:
    return lambda: saved(face().convert(mode), kind)


def _formats() -> list[Case]:
    kinds = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
    cases = [_picture(f"truncated.{kind.lower()}", "unreadable", _cut(kind)) for kind in kinds]
    cases += [_picture(f"corrupt.{kind.lower()}", "unreadable", _corrupt(kind)) for kind in kinds]
    cases += [_picture(f"whole.{kind.lower()}", ACCEPTED, _mode("RGB", kind)) for kind in kinds]
    cases += [_picture(f"turned-{kind.lower()}.jpg", ACCEPTED, partial(turned, 6, kind)) for kind in kinds[:4]]
    return cases


PICTURES = (
    *_formats(),
    _picture("png-called.jpg", ACCEPTED, lambda: saved(face(), "PNG")),
    _picture("gif-called.jpg", "not a picture", lambda: several_frames("GIF")),
    _picture("svg-called.jpg", "not a picture", lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    _picture("html-called.png", "not a picture", lambda: b"<!DOCTYPE html><script>alert(1)</script>"),
    _picture("script-called.jpg", "not a picture", lambda: b"#!/bin/sh\ntouch /tmp/was-run\n"),
    _picture("archive-called.png", "not a picture", lambda: b"PK\x03\x04" + bytes(500)),
    _picture("gif-behind-a-jpeg-s-first-bytes.jpg", "unreadable", lambda: b"\xff\xd8\xff" + several_frames("GIF")),
    _picture("html-behind-a-jpeg.jpg", ACCEPTED, lambda: saved(face(), "JPEG") + b"<script>alert(1)</script>"),
    _picture("60-million-pixels.jpg", ACCEPTED, lambda: saved(face().resize((7_746, 7_746)), "JPEG")),
    _picture("60-million-pixels.png", "too large", lambda: png_bomb(7_746, 7_746)),
    _picture("225-million-pixels.jpg", "too large", lambda: huge_jpeg(15_000)),
    _picture("program-called.jpg", "not a picture", lambda: b"\x7fELF" + bytes(500)),
    _picture("empty.jpg", "not a picture", lambda: b""),
    _picture("bomb-30000-a-side.png", "too large", lambda: png_bomb(30_000, 30_000)),
    _picture("bomb-next-to-empty.png", "unreadable", lambda: png_bomb(7_000, 7_000)),
    _picture("bomb.webp", "too large", webp_bomb),
    _picture("bomb.tif", "too large", huge_tiff),
    _picture("bomb.bmp", "too large", huge_bmp),
    _picture("bomb.jpg", "too large", lambda: huge_jpeg(65_000)),
    _picture("bomb-next-to-empty.jpg", "unreadable", lambda: huge_jpeg(10_000)),
    _picture("cmyk.jpg", ACCEPTED, _mode("CMYK", "JPEG")),
    _picture("cmyk.tif", ACCEPTED, _mode("CMYK", "TIFF")),
    _picture("grey.jpg", ACCEPTED, _mode("L", "JPEG")),
    _picture("grey-16-bit.png", ACCEPTED, sixteen_bit_grey),
    _picture("alpha.png", ACCEPTED, _mode("RGBA", "PNG")),
    _picture(
        "floating-point.tif", "unreadable", lambda: saved(Image.fromarray(np.zeros((32, 32), np.float32)), "TIFF")
    ),
    _picture("animated.png", "several frames", lambda: several_frames("PNG")),
    _picture("animated.webp", "several frames", lambda: several_frames("WEBP")),
    _picture("multi-page.tif", "several frames", lambda: several_frames("TIFF")),
)


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


def _linked(path: Path) -> None:
    target = path.with_name("target-of-the-link.jpg")
    target.write_bytes(saved(face(), "JPEG"))
    path.symlink_to(target)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(10_000_000_000)


IN_PLACE_OF_A_FILE = (
    Case("fifo.jpg", "picture", "not a regular file", os.mkfifo),
    Case("socket.jpg", "picture", "not a regular file", _socket),
    Case("folder.jpg", "picture", "not a regular file", Path.mkdir),
    Case("link.jpg", "picture", "not a regular file", _linked),
    Case("link-to-a-device.jpg", "picture", "not a regular file", lambda path: path.symlink_to("/dev/zero")),
    Case("nothing.jpg", "picture", "missing file", lambda path: None),
    Case("sparse-10-gb.jpg", "picture", "too large", _sparse),
)


def _manifest(name: str, verdict: str, text: str | bytes) -> Case:
    data = text.encode() if isinstance(text, str) else text
    return Case(f"{name}.csv", "manifest", verdict, _bytes(lambda: data), 0 if verdict == ACCEPTED else 8)


HEAD = "subject_id,image,name\n"


def _leading_out(path: Path) -> None:
    (path.parent / "leads-out").symlink_to("/etc")
    path.write_text(f"{HEAD}A,leads-out/passwd,x\n")


def _linked_out(path: Path) -> None:
    (path.parent / "inside").mkdir()
    (path.parent / "inside" / "up").symlink_to("..")
    path.write_text(f"{HEAD}A,inside/up/../../passwd.jpg,x\n")


def _million(path: Path) -> None:
    """A good row a million times but the last, which repeats the first."""
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(f"S{number},{number}.jpg,x\n" for number in range(1_000_000))
        file.write("S0,0.jpg,x\n")


MANIFESTS = (
    _manifest("zero-byte", "no column subject_id", ""),
    _manifest("no-rows", "holds no rows", HEAD),
    _manifest("ragged", "line 2: 2 cells", f"{HEAD}A,a.jpg\n"),
    _manifest("dots-out", "line 2: the image path", f"{HEAD}A,../a.jpg,x\n"),
    _manifest("dots-inside-and-out", "line 2: the image path", f"{HEAD}A,d/../../a.jpg,x\n"),
    _manifest("absolute", "line 2: the image path", f"{HEAD}A,/etc/passwd,x\n"),
    Case("linked-folder-out.csv", "manifest", "line 2: the image path", _leading_out),
    Case("link-and-dots-out.csv", "manifest", "line 2: the image path", _linked_out),
    _manifest("two-slashes", "line 2: the image path", f"{HEAD}A,//etc/passwd,x\n"),
    _manifest("no-image", "line 2: the image path", f"{HEAD}A,,x\n"),
    _manifest("address-as-image", ACCEPTED, f"{HEAD}A,file:///etc/passwd,x\n"),  # a folder "file:" in this one
    _manifest("percent-signs", ACCEPTED, f"{HEAD}A,%2e%2e/a.jpg,x\n"),  # letters: nothing undoes them
    Case("million-rows-last-repeats-first.csv", "manifest", "line 1000002: the same subject", _million),
    _manifest("duplicate", "line 3: the same subject and image", f"{HEAD}A,a.jpg,x\nA,a.jpg,x\n"),
    _manifest("nul", "line 2: a cell holds a control", f"{HEAD}A,a.jpg,x\0y\n"),
    _manifest("ansi-name", "line 2: a cell holds a control", f"{HEAD}A,a.jpg,\x1b[31mred\n"),
    _manifest("c1-control", "line 2: a cell holds a control", f"{HEAD}A,a.jpg,\u009b31m\n"),
    _manifest("bidi-subject", "line 2: subject_id has an invisible", f"{HEAD}A\u202e,a.jpg,x\n"),
    _manifest("name-of-10000-characters", "line 2: a cell is longer", f"{HEAD}A,a.jpg,{'x' * 10_000}\n"),
    _manifest("markup-name", ACCEPTED, f"{HEAD}A,a.jpg,[/nope][red]x\n"),  # a name; screens escape it
    _manifest("bidi-name", ACCEPTED, f"{HEAD}A,a.jpg,\u202edrawkcab\n"),  # a name; screens neutralise it
    _manifest("formula-name", ACCEPTED, f"{HEAD}A,a.jpg,=1+1\n"),  # sealed as it is, escaped where it leaves
    _manifest("latin-1", "line 2: not UTF-8", f"{HEAD}M\u00fcller,a.jpg,x\n".encode("latin-1")),
    _manifest("utf-16", "line 1: not UTF-8", f"{HEAD}A,a.jpg,x\n".encode("utf-16")),
    _manifest("endless-line", "longer than", "x" * 3_000_000),
    Case("sparse-10-gb.csv", "manifest", "longer than", _sparse),
    Case("fifo.csv", "manifest", "not a regular file", os.mkfifo),
    Case("device.csv", "manifest", "not a regular file", lambda path: path.symlink_to("/dev/zero")),
    Case("nothing.csv", "manifest", "no such file", lambda path: None),
)


def _rows(name: str, verdict: str, change: Callable[[dict[str, Any]], None]) -> Case:
    def make(path: Path) -> None:
        arrays: dict[str, Any] = {
            "embeddings": np.random.default_rng(7).standard_normal((3, DIM)).astype(np.float32),
            "subject_id": np.array(["a", "b", "c"]),
        }
        change(arrays)
        np.savez(path, **arrays)

    return Case(f"{name}.npz", "embeddings", verdict, make, 0 if verdict == ACCEPTED else 8)


def _with(value: float) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays["embeddings"][1, 5] = value

    return change


def _set(name: str, made: Callable[[np.ndarray], Any]) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = made(arrays["embeddings"])

    return change


def _header(kind: str, shape: str) -> bytes:
    words = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + len(words).to_bytes(2, "little") + words


def _archive(*arrays: bytes, name: str = "embeddings{}.npy") -> Callable[[Path], None]:
    """The first array is called `embeddings`, others have a number behind it; ids are what they should be."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, array in enumerate(arrays):
                archive.writestr(name.format(number or ""), array)
            archive.writestr("subject_id.npy", _header("|S1", "(3,)") + b"abc")

    return make


EMBEDDINGS = (
    _rows("nan", "row 1: an embedding holds NaN or infinity", _with(np.nan)),
    _rows("infinity", "row 1: an embedding holds NaN or infinity", _with(-np.inf)),
    _rows("zero", "row 0: an embedding is zero", _set("embeddings", np.zeros_like)),
    _rows("dimension", "64 dimensions, the model makes 128", _set("embeddings", lambda rows: rows[:, :64])),
    _rows("float64", "float32", _set("embeddings", lambda rows: rows.astype(np.float64))),
    _rows("column-order", ACCEPTED, _set("embeddings", np.asfortranarray)),
    _rows("not-contiguous", ACCEPTED, _set("embeddings", lambda rows: np.repeat(rows, 2, axis=1)[:, ::2])),
    _rows("pickled-ids", "pickled", _set("subject_id", lambda _: np.array(["a", {"b": 1}, "c"], dtype=object))),
    _rows("pickled-rows", "pickled", _set("embeddings", lambda _: np.array([print, 1, 2], dtype=object))),
    _rows(
        "control-in-an-id", "row 1: a cell holds a control", _set("subject_id", lambda _: np.array(["a", "\x1b", "c"]))
    ),
    Case(
        "million-million-rows.npz",
        "embeddings",
        "not as long as its header",
        _archive(_header("<f4", "(1000000000000, 4)")),
    ),
    Case("header-of-4-gb.npz", "embeddings", "too long", _archive(b"\x93NUMPY\x02\0" + b"\xff" * 4 + b"x")),
    Case("code-as-header.npz", "embeddings", "not of a plain type", _archive(b"\x93NUMPY\x01\0\x0e\0__import__(os)")),
    Case("negative-rows.npz", "embeddings", "not of a plain type", _archive(_header("<f4", "(-1, 128)"))),
    Case("201-arrays.npz", "embeddings", "more than 200 arrays", _archive(*[b"x"] * 201)),
    Case(
        "member-leads-out.npz",
        "embeddings",
        "no column embeddings",
        _archive(_header("|S1", "(3,)") + b"abc", name="../../embeddings{}.npy"),
    ),
    Case("zip-bomb.npz", "embeddings", "100 times", zipped_rows),
    Case("text.npz", "embeddings", "not an intact .npz", _bytes(lambda: b"no archive")),
    Case("empty.npz", "embeddings", "not an intact .npz", _bytes(bytes)),
    Case("sparse-10-gb.npz", "embeddings", "not an intact .npz", _sparse),
    Case("fifo.npz", "embeddings", "not a regular file", os.mkfifo),
    Case("folder.npz", "embeddings", "not a regular file", Path.mkdir),
)


def _policy(name: str, verdict: str, text: str | bytes, code: int = 8) -> Case:
    data = text.encode() if isinstance(text, str) else text
    return Case(f"{name}.toml", "policy", verdict, _bytes(lambda: data), code)


POLICIES = (
    _policy("unknown-key", "review.auto_confirm: unknown key", "[review]\nauto_confirm = true\n"),
    _policy("unknown-section", "backdoor: unknown key", "[backdoor]\nopen = true\n"),
    _policy("one-reviewer", "review.reviewers_required", "[review]\nreviewers_required = 1\n"),
    _policy("not-a-number", "certification.alpha", "[certification]\nalpha = nan\n"),
    _policy("infinite", "certification.alpha", "[certification]\nalpha = inf\n"),
    _policy("zero-alpha", "certification.alpha", "[certification]\nalpha = 0.0\n"),
    _policy("endless-number", "policy", f"[certification]\nalpha = {'9' * 5_000}\n"),
    _policy("too-loose", "no tier allows more", "[certification]\nalpha = 0.06\n", code=3),
    _policy("deeply-nested", "not TOML", "a = " + "[" * 30_000),
    _policy("dotted-a-thousand-times", "more than 40 dots", "a" + ".a" * 30_000 + " = 1\n"),
    _policy("dotted-on-every-line", "unknown key", "".join(f"a{n}{'.a' * 40} = 1\n" for n in range(700))),
    _policy("dotted-behind-other-line-ends", "more than 40 dots", '"\u2028".' * 9_000 + "a = 1\n"),
    _policy("not-utf-8", "not UTF-8", b"[review]\n# \xff\n"),
    _policy("too-long", "is longer than", "#" * 100_000),
    Case("sparse-10-gb.toml", "policy", "is longer than", _sparse),
    Case("fifo.toml", "policy", "not a regular file", os.mkfifo),
)

MODELS = (
    Case("foreign.onnx", "model", "sha256", _bytes(lambda: b"\x08\x07" + bytes(4_000)), 6),
    Case("empty.onnx", "model", "sha256", _bytes(bytes), 6),
)

CORPUS = (*PICTURES, *IN_PLACE_OF_A_FILE, *MANIFESTS, *EMBEDDINGS, *POLICIES, *MODELS)


def make(folder: Path) -> None:
    """Puts the whole corpus into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in CORPUS:
        case.make(folder / case.name)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
