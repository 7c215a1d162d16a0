"""The disk as it may be after a power cut, from what a process asked of a home's files (`watching.py`), in order.

1. A file is an inode with content; a name is an entry of its folder. Writing and truncating change an inode, making,
   renaming and removing change a folder. Only a sync of that inode, or of that folder, makes them certain.
2. What was not synced before the cut may be there or not: nothing of it, all of it, the first so many, any subset, or
   any subset of the sectors (512 or 4,096 bytes) of any subset of the writes. Syncing a file does not sync its name.
3. Not modelled: a sync that the device answers and does not do, content that rots, a file system that loses what was
   synced, shared memory (`-shm`: SQLite makes it anew), and two processes that write at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

from tests.simulations.faults.watching import Event

T = TypeVar("T")

SECTORS = (512, 4096)


@dataclass(frozen=True)
class Recording:
    """A home before an operation, and everything that was asked of its files."""

    before: Path
    events: tuple[Event, ...]


@dataclass
class _Inode:
    certain: bytearray
    pending: list[Event] = field(default_factory=list)


@dataclass
class _Disk:
    inodes: list[_Inode] = field(default_factory=list)
    now: dict[str, int] = field(default_factory=dict)  # name: inode, as the process sees it
    certain: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[str, dict[str, int | None]]] = field(default_factory=list)  # folder, entries changed at once


def content_after(recording: Recording) -> dict[str, bytes]:
    """Every file by its name as the process itself sees them at the end."""
    disk = _loaded(recording.before)
    for event in recording.events:
        _play(disk, event)
    for inode in disk.inodes:
        for event in inode.pending:
            _change(inode.certain, event, None)
    return {name: bytes(disk.inodes[inode].certain) for name, inode in disk.now.items()}


def disk_after(recording: Recording, cut: int, drawn: Random, folder: Path) -> None:
    """Writes the home as it may be when the power goes just before event `cut`."""
    disk = _loaded(recording.before)
    for event in recording.events[:cut]:
        _play(disk, event)
    how = drawn.choice(("none", "all", "first", "subset", "torn"))
    names = dict(disk.certain)
    for _, entries in _kept(disk.pending, "subset" if how == "torn" else how, drawn):
        names |= {name: inode for name, inode in entries.items() if inode is not None}
        for name in [name for name, inode in entries.items() if inode is None]:
            names.pop(name, None)
    for name, inode in names.items():
        found = disk.inodes[inode]
        content = bytearray(found.certain)
        for event in _kept(found.pending, how, drawn):
            _change(content, event, drawn if how == "torn" else None)
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)


def _kept(pending: Sequence[T], how: str, drawn: Random) -> list[T]:
    if how == "none":
        return []
    if how == "all":
        return list(pending)
    if how == "first":
        return list(pending[: drawn.randint(0, len(pending))])
    return [one for one in pending if drawn.random() < 0.5]


def _change(content: bytearray, event: Event, drawn: Random | None) -> None:
    if event.kind == "truncate":
        content[:] = content[: event.offset].ljust(event.offset, b"\0")
        return
    sector = len(event.data) if drawn is None else drawn.choice(SECTORS)
    at = 0
    while at < len(event.data):
        end = len(event.data) if drawn is None else min(len(event.data), at + sector - (event.offset + at) % sector)
        if drawn is None or drawn.random() < 0.5:
            start = event.offset + at
            content.extend(bytes(max(0, start - len(content))))
            content[start : event.offset + end] = event.data[at:end]
        at = end


def _loaded(home: Path) -> _Disk:
    disk = _Disk()
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.name.endswith("-shm"):
            disk.now[str(path.relative_to(home))] = len(disk.inodes)
            disk.inodes.append(_Inode(bytearray(path.read_bytes())))
    disk.certain = dict(disk.now)
    return disk


def _play(disk: _Disk, event: Event) -> None:
    folder = str(Path(event.path).parent)
    if event.kind in ("write", "truncate"):
        disk.inodes[disk.now[event.path]].pending.append(event)
    elif event.kind == "make":
        if event.path not in disk.now:
            disk.now[event.path] = len(disk.inodes)
            disk.inodes.append(_Inode(bytearray()))
            disk.pending.append((folder, {event.path: disk.now[event.path]}))
    elif event.kind == "rename":
        disk.now[event.to] = disk.now.pop(event.path)
        disk.pending.append((folder, {event.path: None, event.to: disk.now[event.to]}))
    elif event.kind == "remove":
        if disk.now.pop(event.path, None) is not None:
            disk.pending.append((folder, {event.path: None}))
    elif event.kind == "sync":
        _sync(disk, event.path)


def _sync(disk: _Disk, path: str) -> None:
    if path in disk.now:
        inode = disk.inodes[disk.now[path]]
        for event in inode.pending:
            _change(inode.certain, event, None)
        inode.pending.clear()
        return
    for folder, entries in disk.pending:
        if folder == path:
            disk.certain |= {name: inode for name, inode in entries.items() if inode is not None}
            for name in [name for name, inode in entries.items() if inode is None]:
                disk.certain.pop(name, None)
    disk.pending = [one for one in disk.pending if one[0] != path]
