"""A probe of whom nobody on the list looks like reaches no file: not its bytes, pixels, aligned face or template.

Every write of the searching process is recorded twice over: by a library that is preloaded into it, wherever there is a
C compiler, and by strace where that is. Afterwards every file that the process could have written is read as well.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.homes import bytes_of, copied
from tests.services.world import World
from tests.traces.searching import kept_from

pytestmark = pytest.mark.sqlite_only
WRITES = "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,vmsplice"
SAMPLE, APART = 24, 512  # bytes; a part of 536 bytes of anything that must not be written holds a sample


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("home")).active()


@pytest.fixture(scope="module")
def probe(demo: Path, models_folder: Path) -> Path:
    return demo / "list" / "W00lf_0.jpg"


@pytest.fixture(scope="module")
def secrets(probe: Path) -> dict[str, list[bytes]]:
    """Samples of each thing that must reach no file, none of them of one byte only."""

    def samples(data: bytes) -> list[bytes]:
        parts = [data[at : at + SAMPLE] for at in range(0, len(data) - SAMPLE + 1, APART)]
        return [one for one in parts if len(set(one)) > 4]

    found = {what: samples(data) for what, data in kept_from(probe).items()}
    assert all(found.values())
    return found


def searched(prefix: list[str], world: World, probe: Path, control: bool, **environment: str) -> str:
    """Runs the search in a process of its own whose every folder is inside the world's; what it printed."""
    folder = world.folder
    names = ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    own = {name: str(folder) for name in names} | {"PYTHONPATH": str(Path.cwd()), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "tests.traces.searching", str(folder / "home"), str(probe)]
    done = subprocess.run(
        [*prefix, *words, *(["--control"] if control else [])],
        env=os.environ | {"MATCHER_MODELS": str(models())} | own | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip()


def models() -> Path:
    from matcher.config import load_settings

    return load_settings().models


def held(data: bytes, secrets: dict[str, list[bytes]]) -> set[str]:
    return {what for what, samples in secrets.items() if any(one in data for one in samples)}


def shim(folder: Path) -> Path:
    made = folder / "writes.so"
    source = Path(__file__).parent / "writes.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(made), str(source), "-ldl"], check=True)
    return made


@pytest.mark.skipif(not shutil.which("cc") or sys.platform != "linux", reason="no compiler here")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="another library is preloaded")
def test_a_preloaded_library_sees_nothing_of_the_probe(
    home: World, probe: Path, secrets: dict[str, list[bytes]], tmp_path: Path
) -> None:
    trace, library = tmp_path / "trace", shim(tmp_path)
    (tmp_path / "one").mkdir()
    world = copied(home, tmp_path / "one")
    assert searched([], world, probe, False, LD_PRELOAD=str(library), WRITES_TO=str(trace)) == "1 0"
    written = trace.read_bytes()
    assert b"list.searched" in written  # the log entry of the search: the trace is of what was written
    assert held(written, secrets) == set()
    mapped = set(re.findall(rb"mapped ([^\n]+)", written))
    assert all(name.endswith(b"matcher.db-shm") for name in mapped)  # page numbers of the WAL, nothing else
    assert held(b"".join(bytes_of(world.folder).values()), secrets) == set()

    trace.unlink()
    searched([], world, probe, True, LD_PRELOAD=str(library), WRITES_TO=str(trace))
    assert held(trace.read_bytes(), secrets) == set(secrets)  # the same trace finds what is written and gone again


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_strace_sees_nothing_of_the_probe(
    home: World, probe: Path, secrets: dict[str, list[bytes]], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "one").mkdir()
    world = copied(home, tmp_path / "one")
    strace = ["strace", "-f", "-xx", "-s", "100000000", "-e", f"trace={WRITES}", "-o", str(trace)]
    try:
        assert searched(strace, world, probe, False) == "1 0"
    except subprocess.CalledProcessError as error:
        if "ptrace" in error.stderr or "Operation not permitted" in error.stderr:
            pytest.skip("tracing is forbidden here")
        raise
    written = straced(trace)
    assert b"list.searched" in written
    assert held(written, secrets) == set()
    copying = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(pathlib.Path(sys.argv[2]).read_bytes())"
    subprocess.run([*strace, sys.executable, "-c", copying, str(tmp_path / "copy"), str(probe)], check=True)
    assert held(straced(trace), secrets) == {"picture"}


def straced(trace: Path) -> bytes:
    """The bytes of every call, whatever kind of file they went to."""
    text = trace.read_bytes()
    words = re.findall(rb'"((?:\\x[0-9a-f]{2})+)"', text)
    return b"\n".join(bytes.fromhex(one.replace(b"\\x", b"").decode()) for one in words)
