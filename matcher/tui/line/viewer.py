"""A viewer of the reviewer's choice for the pair of faces, only locally and with nothing left behind.

1. The picture is never a file on a disk: it lies in sealed memory that only this account opens, and its path
   (`/proc/PID/fd/N`) ends with the showing.
2. No viewer over a remote session: the picture would leave this machine by display forwarding, or open on a screen that
   the reviewer does not see.
3. A viewer stays in the foreground until it is closed. One that fails, or ends within a second, has shown nothing.
4. A showing ends with the pair: the viewer and whatever it started are killed. It hears and says nothing in the
   terminal, and no MATCHER_ variable reaches it.
5. Where this program is killed, so is the viewer (`leash.py`), and the memory is gone with both. What a viewer started
   in its turn outlives that: it never had more than the path, which ended with this program.
"""

import fcntl
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from matcher.tui.line.leash import leashed

SETTLED_SECONDS = 1.0
PLACEHOLDER = "{}"
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_REMOTE = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")

NO_VIEWER = (
    "No viewer is set, so no face can be shown: only different and undecided may be said. "
    "Give one with --viewer COMMAND or MATCHER_VIEWER."
)
INSTEAD = (
    "Use matcher review in a terminal with Kitty or Sixel graphics, or matcher serve and a browser through ssh -L; "
    "here only different and undecided may be said."
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A command; `why_not` says why there is none that may be used."""

    command: tuple[str, ...] = ()
    why_not: str = ""

    def show(self, png: bytes) -> "Showing":
        """Starts the viewer on a picture. The showing says itself whether it failed."""
        memory = _sealed(png)
        path = f"/proc/{os.getpid()}/fd/{memory}"
        words = [word.replace(PLACEHOLDER, path) for word in self.command]
        if words == list(self.command):
            words.append(path)
        if which(words[0]) is None:  # the leash would find no more, and has nobody to tell
            return Showing(memory, None, f"the viewer {self.command[0]} cannot be started: there is no such program")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHER_")}
        quiet = subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                leashed(words), stdin=quiet, stdout=quiet, stderr=quiet, env=environment, start_new_session=True
            )
        except OSError as error:
            return Showing(memory, None, f"the viewer {self.command[0]} cannot be started: {error.strerror}")
        showing = Showing(memory, process)
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(SETTLED_SECONDS)
            showing.failure = f"the viewer ended at once (exit {code}): it must stay open until it is closed"
        return showing


@dataclass(slots=True)
class Showing:
    """One pair in the viewer."""

    memory: int
    process: "subprocess.Popen[bytes] | None"
    failure: str = ""

    def failed(self) -> str:
        """Why nothing was seen, if so; a viewer that the reviewer closed has shown its picture."""
        if not self.failure and self.process is not None and self.process.poll():
            self.failure = f"the viewer failed (exit {self.process.returncode})"
        return self.failure

    def close(self) -> None:
        """Ends the viewer and what it started, and lets the picture go."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.memory)


def chosen_viewer(command: str | None, environment: Mapping[str, str] = os.environ) -> Viewer:
    """The viewer of an option or a setting, or why none may be used."""
    if command is None or not command.strip():
        return Viewer(why_not=NO_VIEWER)
    for name in _REMOTE:
        if environment.get(name):
            return Viewer(why_not=f"A viewer is offered only locally, and this session is remote ({name}). {INSTEAD}")
    display = environment.get("DISPLAY", "")
    if ":" in display and display.partition(":")[0] not in ("", "unix") and not Path(display).is_absolute():
        return Viewer(why_not=f"A viewer is offered only locally, not on the display {display}. {INSTEAD}")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        return Viewer(why_not=f"The viewer's command cannot be read ({error}): quote it as for a shell.")
    return Viewer(words)


def _sealed(data: bytes) -> int:
    """A descriptor of memory that holds `data` and can neither change nor be opened by another account."""
    memory = os.memfd_create("matcher", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(memory, "wb", closefd=False) as file:
        file.write(data)
    os.fchmod(memory, 0o400)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
    return memory
