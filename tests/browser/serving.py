"""Starts `matcher serve` as a person does, and tells what runs below it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import variables_of


@dataclass
class Serving:
    process: "subprocess.Popen[str]"
    address: str  # with its token
    seen: set[int] = field(default_factory=set)

    @property
    def base(self) -> str:
        return self.address.partition("/?")[0]

    def children(self) -> list[int]:
        """Processes that the server started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.seen.update(map(int, listed))
        return [int(pid) for pid in listed]

    def end(self, how: signal.Signals) -> str:
        """Sends the server a signal and waits; its standard error."""
        self.process.send_signal(how)
        self.process.wait(30)
        assert self.process.stderr is not None
        wait_for(lambda: not any(map(alive, self.seen)), "children end", 10)
        return self.process.stderr.read()


@contextmanager
def serving(home: Path, *words: str, **variables: str) -> Iterator[Serving]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHER_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "matcher", "serve", "--port", "0", "--home", str(home), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | variables_of(home) | variables,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+", line)
    try:
        assert found, line + process.stderr.read()
        server = Serving(process, found[0])
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        for left in filter(alive, server.seen if found else ()):  # a failed test leaves nothing running
            os.kill(left, signal.SIGKILL)
        process.communicate()


def alive(pid: int) -> bool:
    """False for a process that is gone, or dead and not yet fetched."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
