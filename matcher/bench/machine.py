"""What a benchmark ran on, and how busy others kept it."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from matcher import kernels
from matcher.kernels.choice import available
from matcher.kernels.threads import processors


def machine() -> dict[str, Any]:
    """Processor, cores, kernel paths, and the load: processes that wanted a processor over the last minute."""
    return {
        "cpu": _cpu(),
        "cores": processors(),
        "paths": list(available()),
        "path": kernels.path(),
        "load": round(os.getloadavg()[0], 2),
    }


def processor_seconds() -> float:
    """Processor time of this process and of the children it has now, which decode its pictures.

    Those of children are known on Linux only, in hundredths of a second; elsewhere they are left out.
    """
    tasks = Path("/proc/self/task").glob("*/children")
    children = {child for listed in tasks for child in listed.read_text(encoding="ascii").split()}
    return time.process_time() + sum(map(_seconds_of, children))


def _seconds_of(child: str) -> float:
    try:
        told = Path(f"/proc/{child}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:  # ended meanwhile
        return 0.0
    user, system = told.rpartition(")")[2].split()[11:13]  # proc_pid_stat(5): utime and stime, in ticks
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
