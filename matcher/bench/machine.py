"""What a benchmark ran on, and how busy others kept it."""

import os
import platform
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


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
