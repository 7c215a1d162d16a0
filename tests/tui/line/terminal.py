"""A person at a terminal: the real program behind a pseudo-terminal, question by question."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import variables_of

END, INTERRUPT = "\x04", "\x03"
PROMPT = "\n> "


class Terminal:
    def __init__(self, process: "subprocess.Popen[bytes]", near: int) -> None:
        self.process, self._near, self._read = process, near, 0
        self.shown = ""

    def until(self, text: str, seconds: float = 30) -> str:
        """What came since the last wait, once `text` is in it."""
        deadline = time.monotonic() + seconds
        while text not in self.shown[self._read :]:
            assert time.monotonic() < deadline, f"never shown: {text!r}\n{self.shown}"
            if select.select([self._near], [], [], 0.1)[0] and not self._take():
                raise AssertionError(f"ended before {text!r}\n{self.shown}")
        end = self.shown.index(text, self._read) + len(text)
        new, self._read = self.shown[self._read : end], end
        return new

    def answer(self, *answers: str) -> str:
        """Answers as many questions, each when it is asked; what was said before the last."""
        said = ""
        for answer in answers:
            said = self.until(PROMPT)
            self.send(answer + "\n")
        return said

    def send(self, text: str) -> None:
        os.write(self._near, text.encode())

    def sign_in(self, name: str, passphrase: str) -> None:
        self.until(f"Passphrase of {name}: ")
        self.send(passphrase + "\n")

    def hang_up(self) -> None:
        os.close(self._near)
        self._near = -1

    def ended(self) -> int:
        """The exit code, when the program is gone."""
        deadline = time.monotonic() + 30
        while self._near >= 0 and (not select.select([self._near], [], [], 0.1)[0] or self._take()):
            assert time.monotonic() < deadline, f"never ended\n{self.shown}"
        return self.process.wait(30)

    def _take(self) -> bool:
        try:
            new = os.read(self._near, 65_536)
        except OSError:  # the program closed the terminal
            return False
        self.shown += new.decode().replace("\r\n", "\n")
        return bool(new)


@contextmanager
def at_terminal(home: Path, user: str, *words: str, **variables: str) -> Iterator[Terminal]:
    near, far = pty.openpty()
    left_out = ("MATCHER_", "SSH_", "DISPLAY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    process = subprocess.Popen(
        [sys.executable, "-m", "matcher", "review", "--plain", "--home", str(home), "--user", user, *words],
        stdin=far,
        stdout=far,
        stderr=far,
        env=environment | variables_of(home) | variables,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one thread here
    )
    os.close(far)
    terminal = Terminal(process, near)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if terminal._near >= 0:
            terminal.hang_up()
