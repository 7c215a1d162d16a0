"""Starts a program that is killed when whoever started it is, however that ends.

1. Run as a script: `leash.py PARENT WORDS...` asks Linux for a SIGKILL at its parent's end (prctl(2),
   PR_SET_PDEATHSIG), then becomes the program; the wish outlives the exec. A small process of its own asks, for code
   between fork and exec is not safe in a program with threads.
2. A parent that ended before the wish was heard is one that `PARENT` is not any more: nothing is started then.
3. The wish is about the thread that started it. Line mode has one.
4. Nothing of matcher is imported: it starts in some 20 ms.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_STARTED = 126


def leashed(words: Sequence[str]) -> list[str]:
    """The words that start `words` on a leash held by this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *words]


def main(parent: int, words: Sequence[str]) -> int:
    """Becomes the program; comes back only where that failed."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) or os.getppid() != parent:
        return NOT_STARTED
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - no shell is wanted
    except OSError:
        return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
