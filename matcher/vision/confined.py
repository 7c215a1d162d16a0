"""What a process that reads a stranger's bytes can still do: little.

1. It has nothing to lose: it is started with no descriptor but its own two, without the environment (which may hold a
   database's password), in the root folder, and holds no key, no name and no template.
2. It has no network: it lives in a network of its own, in which there is nothing, wherever the kernel lets a user make
   one (unshare(2), user_namespaces(7)). Where it does not, the rest stands.
3. It writes no file (RLIMIT_FSIZE 0) and no core (RLIMIT_CORE 0, not dumpable: other processes of the same account do
   not read the faces in it either), opens few (RLIMIT_NOFILE), gains no rights by running another program
   (PR_SET_NO_NEW_PRIVS), and has bounds of memory (RLIMIT_AS) and, for each picture, of processor time (ITIMER_PROF).
   RLIMIT_CPU bounds a whole life: raising it for each picture needs the kernel's own count, which no call tells (the
   count of clock_gettime(2) leaves out what a host takes away, and fell behind it by a tenth on a busy machine).

It may still open files that its user may open: homes are sealed, and what it cannot write or send it can only return
as pixels. Root stays root in it: the program is not for root. Filters of system calls (seccomp, Landlock) would close
both; no library of theirs for Python is kept up.
"""

import ctypes
import resource
import signal
import sys
from dataclasses import dataclass

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
MOST_FILES = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one picture: seconds on the clock and of the processor, bytes of address space, and those of a large one.

    With all that is mapped (0.9 GB before the first picture) 50 million pixels take up to 1.4 GB, 200 million 2.1, or
    2.7 as a progressive JPEG without subsampling, and 2 to 6 s of the processor.
    """

    seconds: float = 120.0
    processor_seconds: int = 60
    memory: int = 2 << 30
    very_large_memory: int = 4 << 30


def leave_the_network() -> bool:
    """Whether this process, which must have one thread only, has none from now on. Nothing else of it changes."""
    if sys.platform != "linux":
        return False
    # Root, who needs no user namespace for it, gets none: it may own the home and not the folders that Python is in.
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return bool(unshare(CLONE_NEWNET) == 0 or unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)


def confine(limits: Limits) -> None:
    """For the rest of this process."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) or libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.very_large_memory))


def begin_picture(limits: Limits, very_large: bool) -> None:
    """Bounds of what comes next. Whoever asked ends this process if it does not keep to the time on the clock."""
    signal.setitimer(signal.ITIMER_PROF, limits.processor_seconds)
    memory = limits.very_large_memory if very_large else limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (memory, limits.very_large_memory))
