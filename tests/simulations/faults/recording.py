"""What an operation asks of a home's files, recorded; and whether the recording is whole.

A recording is whole when playing all of it gives every file of the home as the operation left it, byte by byte: what
the watch does not see is missing then. A sync that it does not see makes cuts lose more, never less.
"""

import shutil
from contextlib import nullcontext
from pathlib import Path

from tests.simulations.faults.bench import Bench
from tests.simulations.faults.disks import Recording, content_after
from tests.simulations.faults.processes import Child, bystander
from tests.simulations.faults.watching import Event, Watch


def record(on: Bench, name: str, watched: bool) -> Recording:
    """Records an operation in a home of its stage; `watched`: while another process has the database open."""
    home = on.copy(name)
    child = Child(home, name, watch=Watch(home))
    before = home.parent / "before"
    shutil.copytree(home, before)
    made = [Event("make", "matcher.db-wal")] if watched else []  # by the bystander, who synced no name
    with bystander(home) if watched else nullcontext():
        child.begin()
        ended = child.wait()
        if ended.code or not ended.done:
            raise RuntimeError(f"{name} fails while it is recorded: {ended.said}")
        recording = Recording(before, (*made, *child.found().events))
        check_whole(recording, home)  # before the bystander leaves, and cleans up
    return recording


def check_whole(recording: Recording, home: Path) -> None:
    """Raises RuntimeError where the home is not what the recording tells."""
    told = content_after(recording)
    there = {str(one.relative_to(home)): one for one in home.rglob("*") if one.is_file() and one.suffix != ".db-shm"}
    other = sorted(name for name in told.keys() ^ there.keys())
    other += [name for name in told.keys() & there.keys() if told[name] != there[name].read_bytes()]
    if other:
        raise RuntimeError(f"the recording is not whole: {', '.join(other)} is not what it tells")
