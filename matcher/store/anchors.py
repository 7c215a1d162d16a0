"""Taking a checkpoint out of the machine: into a folder (another machine's, a write-once medium), or to a command.

1. The folder must be there: one that is made anew when a medium is missing anchors nothing.
2. One file a checkpoint, named by the home and the size, never overwritten with anything else.
3. The command gets the note on stdin, without a shell. Exit 0 means that it is kept.
4. Neither is waited for longer than ten seconds, a folder on a dead network drive included.
"""

import os
import shlex
import subprocess
from collections.abc import Callable
from errno import EEXIST
from pathlib import Path
from threading import Thread

from matcher.domain.checkpoint import MOST_NOTE_BYTES, Note, parse_note
from matcher.errors import BadInput, StorageFailed
from matcher.store.files import write_private
from matcher.store.input_files import open_input

PATIENCE = 10.0  # seconds
SUFFIX = ".checkpoint"


def anchor_to(folder: Path | None, command: str | None) -> Callable[[Note], None] | None:
    """What hands a checkpoint to the folder, the command or both; None where neither is set. Raises BadInput."""
    steps: list[Callable[[Note], None]] = []
    if folder is not None:
        steps.append(lambda note: _patiently(lambda: _keep(folder, note), f"the anchor folder {folder}"))
    if command is not None:
        words = _words(command)
        steps.append(lambda note: _run(words, note))
    return (lambda note: _each(steps, note)) if steps else None


def read_anchors(paths: tuple[Path, ...]) -> tuple[Note, ...]:
    """The checkpoints in files, and in the `*.checkpoint` files of folders. Raises BadInput for one that is none."""
    notes: list[Note] = []
    for path in paths:
        files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not files:
            raise BadInput(f"{path} holds no checkpoint: name a folder with *{SUFFIX} files, or a file")
        notes += [read_note(file) for file in files]
    return tuple(notes)


def read_note(path: Path) -> Note:
    """One checkpoint. Raises BadInput."""
    with open_input(path) as file:
        raw = file.read(MOST_NOTE_BYTES + 1)
    if len(raw) > MOST_NOTE_BYTES:
        raise BadInput(f"{path} is no checkpoint: it has more than {MOST_NOTE_BYTES:,} bytes")
    try:
        return parse_note(raw.decode(), str(path))
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no checkpoint: it is no text") from None


def write_note(path: Path, note: Note) -> None:
    """Keeps a checkpoint in a new file. Raises BadInput where there is one already, StorageFailed."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(note.text())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise BadInput(f"{path} is there already: a checkpoint never replaces another") from None
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}") from None


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInput(f"the anchor command {command} cannot be read: {error}") from None
    if not words:
        raise BadInput("the anchor command is empty: name a program, or leave the setting out")
    return words


def _each(steps: list[Callable[[Note], None]], note: Note) -> None:
    for step in steps:
        step(note)


def _keep(folder: Path, note: Note) -> None:
    name = note.checkpoint.origin.rpartition("/")[2]
    path = folder / f"{name}-{note.checkpoint.size:012}{SUFFIX}"
    if path.exists():
        if path.read_bytes() != note.text().encode():
            raise FileExistsError(EEXIST, f"{path.name} is there and says something else")
        return
    write_private(path, note.text().encode())


def _patiently(act: Callable[[], None], where: str) -> None:
    """Rule 4: a thread that never comes back is left behind."""
    outcome: list[OSError | None] = []

    def run() -> None:
        try:
            act()
            outcome.append(None)
        except OSError as error:
            outcome.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not outcome:
        raise StorageFailed(f"{where} did not answer within {PATIENCE:.0f} seconds")
    if outcome[0] is not None:
        raise StorageFailed(f"{where} cannot be written: {outcome[0].strerror}") from None


def _run(words: list[str], note: Note) -> None:
    where = f"the anchor command {words[0]}"
    try:
        done = subprocess.run(words, input=note.text().encode(), capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise StorageFailed(f"{where} did not end within {PATIENCE:.0f} seconds") from None
    except OSError as error:
        raise StorageFailed(f"{where} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise StorageFailed(f"{where} ended with exit code {done.returncode}")
