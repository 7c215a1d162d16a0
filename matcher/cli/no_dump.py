"""Faces and keys in memory never reach a disk by a crash, and no other process of the same account reads them.

1. RLIMIT_CORE is 0, hard limit included: the kernel writes no core file (setrlimit(2)).
2. The process is not dumpable (PR_SET_DUMPABLE 0, prctl(2)): no core is handed to a collector that `core_pattern` names
   either, which RLIMIT_CORE alone would not prevent, and ptrace(2) and /proc/PID/mem are closed to the same account.
"""

import ctypes
import resource
import sys

from matcher.errors import Refused

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4


def forbid_core_dumps() -> None:
    """Does both, for the rest of this process. Raises Refused where the kernel does not do what was asked."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 and libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    if not done or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise Refused("core dumps cannot be switched off here: faces would reach the disk with a crash")
