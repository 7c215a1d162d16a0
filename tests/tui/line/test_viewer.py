"""The picture of a viewer lies in memory that nobody can change, and nowhere when the showing ends."""

import os
from pathlib import Path

import pytest

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
