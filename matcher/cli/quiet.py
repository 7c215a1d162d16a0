"""Keeping the terminal for the program's own words while pictures are read.

libjpeg, libpng and libtiff tell of damage on file descriptor 2, from within their own code and without a way to be
asked not to. What they say is no news: a picture that cannot be used is a counted rejection. So for as long as pictures
are read descriptor 2 leads nowhere, and `sys.stderr` writes to where it led before.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

STDERR = 2


@contextmanager
def only_our_words() -> Iterator[None]:
    """What C libraries write to stderr meanwhile is lost; what Python code writes is not."""
    try:
        before = os.dup(STDERR)
    except OSError:  # closed by whoever started the program
        yield
        return
    ours = sys.stderr
    moved = _writing_to(before, ours) if _is_descriptor(ours) else None
    try:
        if moved is not None:
            ours.flush()
            sys.stderr = moved
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)
        yield
    finally:
        sys.stderr = ours
        if moved is not None:
            moved.close()
        os.dup2(before, STDERR)
        os.close(before)


def _is_descriptor(stream: TextIO | None) -> bool:
    """Whether it writes to descriptor 2 itself, and not, as in tests, to a buffer."""
    try:
        return stream is not None and stream.fileno() == STDERR
    except (OSError, ValueError):
        return False


def _writing_to(descriptor: int, like: TextIO) -> TextIO:
    return os.fdopen(os.dup(descriptor), "w", buffering=1, encoding=like.encoding, errors=like.errors)
