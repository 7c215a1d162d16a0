"""Bombs are refused in under 100 ms of processor time and 50 MB of memory, each measured in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.assets import bombs
from tests.assets.corpus import CORPUS
from tests.vision.pictures import face, png_bomb, saved, webp_bomb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

MOST_SECONDS, MOST_MB = 0.1, 50.0

# The peak is asked of /proc: getrusage's begins with that of whoever started the process, and would hide everything.
# Reading a good file first loads what reading takes; what comes after is the price of the bomb alone.
MEASURE = """
import json, sys, time
from pathlib import Path
from matcher.bootstrap import read_policy
from matcher.calibration.report import parse_report
from matcher.domain.rejection import Rejected
from matcher.errors import MatcherError
from matcher.store.embedding_files import read_embeddings
from matcher.store.manifest_files import read_manifest
from matcher.vision.decode import decode
from matcher.vision.files import read_picture_file

def picture(path):
    read = read_picture_file(path)
    result = read if isinstance(read, Rejected) else decode(read)
    return result.reason.value if isinstance(result, Rejected) else "accepted"

def refused(read):
    def reader(path):
        try:
            read(path)
        except MatcherError as error:
            return type(error).__name__
        return "accepted"
    return reader

readers = {
    "picture": picture,
    "manifest": refused(lambda path: read_manifest(path, "watchlist")),
    "embeddings": refused(lambda path: read_embeddings(path, "watchlist", 128)),
    "policy": refused(read_policy),
    "report": refused(lambda path: parse_report(path.read_bytes())),
}
def megabytes(line):
    status = Path("/proc/self/status").read_text()
    return int(status.split(line + ":")[1].split()[0]) / 1024

kind, warm, bomb = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
readers[kind](warm)
Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now: proc(5)
before, began = megabytes("VmRSS"), time.process_time()
said = readers[kind](bomb)
seconds = time.process_time() - began
print(json.dumps([said, seconds, megabytes("VmHWM") - before]))
"""


def measured(kind: str, warm: Path, bomb: Path) -> tuple[str, float, float]:
    """What was said, seconds of the processor, more memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, kind, warm, bomb], capture_output=True, text=True, check=True, timeout=120
    )
    said, seconds, more = json.loads(done.stdout)
    print(f"{bomb.name}: {said}, {1e3 * seconds:.1f} ms, {more:.1f} MB more")
    return said, seconds, more


def harmless(said: str, seconds: float, more: float, verdict: str) -> None:
    assert said == verdict
    assert seconds < MOST_SECONDS
    assert more < MOST_MB


PICTURES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "png": (bombs.full_png, "PNG", "too large"),
    "png that is next to empty": (lambda: png_bomb(7_000, 7_000), "PNG", "unreadable"),
    "webp": (webp_bomb, "WEBP", "too large"),
    "tiff": (bombs.huge_tiff, "TIFF", "too large"),
    "bmp": (bombs.huge_bmp, "BMP", "too large"),
    "jpeg": (lambda: bombs.huge_jpeg(65_000), "JPEG", "too large"),
    "jpeg that is next to empty": (lambda: bombs.huge_jpeg(10_000), "JPEG", "unreadable"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture(tmp_path: Path, name: str) -> None:
    made, kind, verdict = PICTURES[name]
    (tmp_path / "warm").write_bytes(saved(face(), kind))
    (tmp_path / "bomb").write_bytes(made())
    harmless(*measured("picture", tmp_path / "warm", tmp_path / "bomb"), verdict)


def test_a_heic(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    whole = saved(face(), "HEIF")
    (tmp_path / "warm").write_bytes(whole)
    (tmp_path / "bomb").write_bytes(bombs.huge_heic(whole))
    harmless(*measured("picture", tmp_path / "warm", tmp_path / "bomb"), "too large")


OTHERS = {
    "sparse-10-gb.jpg": "too large",
    "sparse-10-gb.csv": "BadInput",
    "endless-line.csv": "BadInput",
    "sparse-10-gb.npz": "BadInput",
    "zip-bomb.npz": "BadInput",
    "sparse-10-gb.toml": "BadInput",
    "deeply-nested.toml": "BadInput",
    "dotted-a-thousand-times.toml": "BadInput",
    "dotted-behind-other-line-ends.toml": "BadInput",
    "million-million-rows.npz": "BadInput",
    "header-of-4-gb.npz": "BadInput",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_picture(tmp_path: Path, name: str) -> None:
    case = next(case for case in CORPUS if case.name == name)
    case.make(tmp_path / name)
    (tmp_path / "warm").write_bytes(b"")
    harmless(*measured(case.kind, tmp_path / "warm", tmp_path / name), OTHERS[name])


def test_deeply_nested_json_in_place_of_a_report(tmp_path: Path) -> None:
    (tmp_path / "warm").write_bytes(b"{}")
    (tmp_path / "bomb").write_bytes(b'{"version":' + b"[" * 1_000_000)
    harmless(*measured("report", tmp_path / "warm", tmp_path / "bomb"), "IntegrityError")


def test_a_picture_that_is_decoded_goes_over_the_bound(tmp_path: Path) -> None:
    """The measure can tell: 25 million honest pixels take more than what a bomb may."""
    (tmp_path / "warm").write_bytes(saved(face(), "PNG"))
    (tmp_path / "large").write_bytes(saved(face().resize((5_000, 5_000)), "JPEG"))
    said, _, more = measured("picture", tmp_path / "warm", tmp_path / "large")
    assert said == "accepted"
    assert more > MOST_MB
