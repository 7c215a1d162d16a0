"""strace around a child: it records what the real process asked of the disk, or lets its calls fail.

The program under it is untouched: its database library (SQLite inside sqlcipher3), its containers and its journals all
go through the calls that are seen here. Without strace on the machine there is no such test.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from tests.simulations.faults.processes import Child


def installed() -> bool:
    return which("strace") is not None


@contextmanager
def traced(child: Child, out: Path, *options: str) -> Iterator[None]:
    """Attached to the child until it has ended; leaving waits for the trace to be whole."""
    command = ["strace", "-f", "-o", str(out), *options, "-p", str(child.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        told = process.stderr.readline() if process.stderr else ""
        if "attached" not in told:
            raise RuntimeError(f"strace cannot follow a process here: {told}")
        yield
        process.communicate(timeout=60)
