"""The picture of a viewer lies in memory that nobody can change, and nowhere when the showing ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from matcher.tui.line.leash import NOT_STARTED, leashed
from matcher.tui.line.viewer import Showing, Viewer, chosen_viewer


@pytest.fixture
def showing(tmp_path: Path) -> Showing:
    script = tmp_path / "viewer.sh"
    script.write_text(f'echo "$2" > {tmp_path}/path\nsleep 60\n')
    return Viewer(("sh", str(script), "--open", "{}")).show(b"picture")


def test_the_picture_is_sealed_memory_and_ends_with_the_showing(showing: Showing, tmp_path: Path) -> None:
    path = Path((tmp_path / "path").read_text().strip())
    assert path == Path(f"/proc/{os.getpid()}/fd/{showing.memory}")
    assert str(path.readlink()).startswith("/memfd:")
    assert path.read_bytes() == b"picture"
    assert path.stat().st_mode & 0o777 == 0o400
    with pytest.raises(PermissionError):
        os.pwrite(showing.memory, b"x", 0)
    assert showing.process is not None
    assert showing.failed() == ""
    showing.close()
    assert showing.process.returncode is not None
    assert not path.exists()


@pytest.mark.parametrize("display", ["", ":0", "unix:0", ":1.0"])
def test_a_display_of_this_machine(display: str) -> None:
    assert chosen_viewer("feh", {"DISPLAY": display}).command == ("feh",)


@pytest.mark.parametrize("command", [None, "", "  ", "'"])
def test_no_command_no_viewer(command: str | None) -> None:
    assert chosen_viewer(command, {}).why_not


def test_the_viewer_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "viewer.sh"
    script.write_text(f"echo $$ > {tmp_path}/pid\nsleep 60\n")
    code = "import sys, time\nfrom matcher.tui.line.viewer import Viewer\n"
    code += "shown = Viewer(('sh', sys.argv[1])).show(b'picture')\nprint(shown.failed(), flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(script)], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "\n"
        viewer = int((tmp_path / "pid").read_text())
        assert running(viewer)
        program.kill()
    deadline = time.monotonic() + 10
    while running(viewer):
        assert time.monotonic() < deadline, "the viewer outlives the program"
        time.sleep(0.02)


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_nothing_starts_on_the_leash_of_somebody_who_is_gone(tmp_path: Path) -> None:
    words = leashed(["touch", str(tmp_path / "started")])
    words[words.index(str(os.getpid()))] = "1"
    assert subprocess.run(words, check=False).returncode == NOT_STARTED
    assert not (tmp_path / "started").exists()
