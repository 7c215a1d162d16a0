"""Work is shared over threads, also by the child of a process that had threads."""

import os
import signal
import subprocess
import sys

import pytest

from matcher.kernels.threads import in_parallel

FORKING = """
import os, signal, time
from matcher.kernels.threads import in_parallel
parts = [(1, 2), (3, 4)]
assert in_parallel(sum, parts) == [3, 7]
time.sleep(0.2)  # its thread is idle by then, so that none is started for a new part
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(in_parallel(sum, parts) != [3, 7])
assert in_parallel(sum, parts) == [3, 7]
print(os.waitpid(child, 0)[1])
"""


def test_parts_come_back_in_order() -> None:
    assert in_parallel(sum, [(i, i) for i in range(100)]) == list(range(0, 200, 2))
    assert in_parallel(sum, []) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    assert int(done.stdout) != signal.SIGALRM, "the child waits for threads that only its parent has"
    assert int(done.stdout) == 0
