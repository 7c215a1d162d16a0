"""What every script here does: lets atheris (libFuzzer) look for bytes at which a reader raises what it must not.

1. A finding is an exception that is not one of ours, 10 s for one input, or 2 GB of memory; libFuzzer then writes the
   bytes to a file of the folder for temporary files, which the script names, and the script ends with 1.
2. It starts from the valid file of `readers.py` and is guided by the coverage of Python code: ours, Pillow's, tomllib's
   and zipfile's. What C libraries do inside (OpenCV, zlib, csv) is run and not guided.
3. The search runs in a process of its own, because libFuzzer ends it; counts are libFuzzer's own.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LONGEST = 20_000  # bytes of an input


def main(name: str) -> None:
    """The command line of one script."""
    parser = argparse.ArgumentParser(description=f"fuzzes the reader {name}")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz.running", name, folder, str(said.seconds), str(said.seed)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    found = done.returncode != 0
    print(
        json.dumps({"reader": name, "seconds": said.seconds, "seed": said.seed, **counts(done.stderr), "found": found})
    )
    if found:
        print(done.stderr[-4_000:], file=sys.stderr)
        sys.exit(1)


def counts(log: str) -> dict[str, int]:
    """Inputs that were run, and places of Python code that they reached, from libFuzzer's log."""
    executed = re.search(r"stat::number_of_executed_units:\s+(\d+)", log)
    reached = re.findall(r"cov: (\d+)", log)
    return {"inputs": int(executed[1]) if executed else 0, "reached": int(reached[-1]) if reached else 0}


def search(name: str, folder: Path, seconds: int, seed: int) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["matcher", "PIL", "tomllib", "zipfile"]):
        from matcher.errors import MatcherError
        from tests.hostile.readers import READERS
    reader, corpus, scratch = READERS[name], folder / "corpus", folder / "file"
    corpus.mkdir()
    (corpus / "whole").write_bytes(reader.whole)

    def one(data: bytes) -> None:
        try:
            reader.read(data, scratch)
        except MatcherError as error:
            if len(str(error).splitlines()) != 1:
                raise ValueError("an error of ours is one line") from error

    options = (f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-seed={seed}")
    bounds = (
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={tempfile.gettempdir()}/{name}-",
    )
    atheris.Setup([sys.argv[0], *options, *bounds, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    search(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
