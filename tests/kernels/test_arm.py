"""The core built for aarch64 gives the bits of its own plain C, under emulation; and so does the core built here."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "ext" / "csrc"
FLAGS = ["-O2", "-std=c11", "-ffp-contract=off", "-fno-math-errno", f"-I{CORE}", "-Wall", "-Wextra", "-Werror"]
CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"


def built(compiler: str, folder: Path, *more: str) -> Path:
    program = folder / "compare"
    sources = [*map(str, sorted(CORE.glob("*.c"))), str(Path(__file__).parent / "arm" / "compare.c")]
    subprocess.run([compiler, *FLAGS, *more, *sources, "-o", str(program), "-lm"], check=True)
    return program


@pytest.mark.skipif(
    not (shutil.which(CROSS) and shutil.which(EMULATOR)), reason="no aarch64 compiler and emulator here"
)
def test_neon_under_emulation(tmp_path: Path) -> None:
    program = built(CROSS, tmp_path, "-static")
    done = subprocess.run([EMULATOR, str(program), "neon"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "neon: 0 of 88 differ\n")


@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("cc"), reason="for x86-64 with a compiler")
@pytest.mark.parametrize("path", ["avx2", "avx512"])
def test_the_same_program_here(tmp_path: Path, path: str) -> None:
    done = subprocess.run([str(built("cc", tmp_path)), path], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(f"this processor lacks {path}")
    assert (done.returncode, done.stdout) == (0, f"{path}: 0 of 88 differ\n")
