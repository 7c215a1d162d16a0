"""Where there is no memory a call says so: never a part of an answer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.test_arm import CORE, FLAGS

RENAMED = [f"-D{name}=scarce_{name}" for name in ("malloc", "calloc", "realloc")]

SHORT = """
import resource, numpy as np
from matcher.kernels import codes, normalise
rows = normalise(np.random.default_rng(0).standard_normal((200_000, 8)).astype(np.float32))
made = codes.encode(rows, 4, 1)
with open("/proc/self/statm") as pages:
    used = int(pages.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
try:
    codes.scan_threshold(made, (0, made.blocks), rows[:200], -1_000_000)  # 640 MB of survivors
except MemoryError:
    print("MemoryError")
print(len(codes.scan_threshold(made, (0, made.blocks), rows[:1], -1_000_000)))
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="no compiler here")
def test_every_allocation_may_be_refused(tmp_path: Path) -> None:
    sources = map(str, sorted(CORE.glob("*.c")))
    subprocess.run(["cc", *FLAGS, *RENAMED, "-c", *sources], check=True, cwd=tmp_path)
    objects = map(str, sorted(tmp_path.glob("*.o")))
    program, test = tmp_path / "scarce", Path(__file__).parent / "memory" / "scarce.c"
    subprocess.run(["cc", *FLAGS, str(test), *objects, "-o", str(program), "-lm"], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0 wrong, many refusals\n")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no limit of memory to set here")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer takes addresses without end")
def test_a_list_that_cannot_grow_is_a_memory_error() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["MemoryError", "200000"]), done.stderr
