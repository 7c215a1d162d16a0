"""What a process asked of a home's files, in order, as strace saw it; and the disk as it may be after a power cut.

1. A file is an inode with content; a name is an entry of its folder. Writing and truncating change an inode, making,
   renaming and removing change a folder. Only a sync of that inode, or of that folder, makes them certain.
2. What was not synced before the cut may be there or not: nothing of it, all of it, the first so many, any subset, or
   any subset of the sectors (512 or 4,096 bytes) of any subset of the writes. Syncing a file does not sync its name.
3. Not modelled: a sync that the device answers and does not do, content that rots, a file system that loses what was
   synced, shared memory (`-shm`: SQLite makes it anew), and two processes at once.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

from tests.simulations.faults.bench import Bench
from tests.simulations.faults.processes import Child, bystander
from tests.simulations.faults.tracing import traced

T = TypeVar("T")

CALLS = "openat,write,pwrite64,pwritev,ftruncate,fsync,fdatasync,rename,unlink,sendto"
SECTORS = (512, 4096)
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) += (\d+)(?:<[^>]*>)?")
_DESCRIPTOR = re.compile(r"(\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@dataclass(frozen=True)
class Event:
    """`kind`: write, truncate, sync, make, rename, remove, acknowledge; `path` is inside the home."""

    kind: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    to: str = ""


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


def record(on: Bench, name: str, watched: bool) -> Recording:
    """Records an operation in a home of its stage; `watched`: while another process has the database open."""
    home = on.copy(name)
    child = Child(home, name)
    before = home.parent / "before"
    shutil.copytree(home, before)
    trace = home.parent / "trace"
    with (
        bystander(home) if watched else nullcontext(),
        traced(child, trace, "-y", "-xx", "-s", "100000000", "-e", f"trace={CALLS}"),
    ):
        made = [Event("make", "matcher.db-wal")] if watched else []  # by the bystander, who synced no name
        child.begin()
        ended = child.wait()
    if ended.code or not ended.done:
        raise RuntimeError(f"{name} fails while it is recorded: {ended.said}")
    return Recording(before, (*made, *_events(trace.read_text().splitlines(), home)))


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


def _events(lines: Sequence[str], home: Path) -> Iterator[Event]:
    """Calls that failed are no events; a kind of call that is not understood is an error."""
    places: dict[str, int] = {}  # of descriptors that were written to without an offset
    for line in _whole(lines):
        found = _CALL.fullmatch(line.strip())
        if found is None:
            continue
        call, words, result = found[1], found[2], int(found[3])
        if call == "sendto":
            yield from [Event("acknowledge")] if _texts(words)[0] == b"." else []
            continue
        event = _event(call, words, line, result, places)
        if event is None:
            continue
        path, to = _inside(event.path, home), _inside(event.to, home) if event.to else ""
        if path is not None and to is not None and not path.endswith("-shm"):
            yield Event(event.kind, path, event.offset, event.data, to)


def _event(  # noqa: PLR0911 - one case for each call
    call: str, words: str, line: str, result: int, places: dict[str, int]
) -> Event | None:
    if call == "openat":
        opened = _DESCRIPTOR.search(line[line.rindex(" = ") :])
        if opened is None:
            return None
        places[opened[1]] = 0
        return Event("make", _plain(opened[2])) if "O_CREAT" in words else None
    if call in ("rename", "unlink"):
        texts = [one.decode() for one in _texts(words)]
        return Event("remove", texts[0]) if call == "unlink" else Event("rename", texts[0], to=texts[1])
    descriptor = _DESCRIPTOR.match(words)
    if descriptor is None:
        return None
    number, path = descriptor[1], _plain(descriptor[2])
    if call in ("fsync", "fdatasync"):
        return Event("sync", path)
    if call == "ftruncate":
        return Event("truncate", path, int(words.rsplit(", ", 1)[1]))
    if call == "write":
        offset = places.get(number, 0)
        places[number] = offset + result
        return Event("write", path, offset, _texts(words)[0][:result])
    if call == "pwrite64":
        return Event("write", path, int(words.rsplit(", ", 1)[1]), _texts(words)[0][:result])
    raise RuntimeError(f"a call that this recorder does not know: {call}")


def _whole(lines: Sequence[str]) -> Iterator[str]:
    """Calls that another thread's call interrupted are put together again."""
    begun: dict[str, str] = {}
    for line in lines:
        process = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[process] = line.removesuffix("<unfinished ...>")
        elif " resumed>" in line:
            yield begun.pop(process) + line.split(" resumed>", 1)[1]
        else:
            yield line


def _texts(words: str) -> list[bytes]:
    found = _TEXT.findall(words)
    if any(cut for _, cut in found):
        raise RuntimeError("the recording is cut short")
    return [bytes.fromhex(text.replace("\\x", "")) for text, _ in found]


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text


def _inside(path: str, home: Path) -> str | None:
    """Relative to the home; None for another place."""
    found = Path(path)
    return str(found.relative_to(home)) if found.is_relative_to(home) else None
