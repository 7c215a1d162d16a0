"""Runs the program as a person does: its own process, a home of its own, no terminal."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import variables_of

PASSPHRASE = "correct horse battery"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line that says what is wrong."""
        return self.err.strip().splitlines()[-1]


@dataclass(frozen=True)
class Cli:
    home: Path

    def __call__(self, *words: str | Path, user: str | None = None, **environment: str) -> Result:
        env = {
            key: value for key, value in os.environ.items() if not key.startswith("MATCHER_") or key == "MATCHER_MODELS"
        }
        env |= {"MATCHER_HOME": str(self.home), "MATCHER_PASSPHRASE": PASSPHRASE, "MATCHER_NEW_PASSPHRASE": PASSPHRASE}
        env |= variables_of(self.home)
        if user is not None:
            env["MATCHER_USER"] = user
        done = subprocess.run(
            [sys.executable, "-m", "matcher", *map(str, words)],
            env=env | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Result(done.returncode, done.stdout, done.stderr)
