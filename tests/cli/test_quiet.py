"""Libraries that write to descriptor 2 are not heard; the program is."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys
from matcher.cli.output import Output
print("before", file=sys.stderr)
with Output(False).progress("reading") as report:
    os.write(2, b"libpng warning: iCCP")
    report(1, 1)
os.write(2, b"after\\n")
print("at last", file=sys.stderr)
"""


def said(script: str, **options: object) -> str:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, **options)  # type: ignore[call-overload]
    return str(ran.stderr)


def test_only_the_programs_own_words_reach_stderr() -> None:
    assert said(SCRIPT).splitlines() == ["before", "reading: 1 of 1", "after", "at last"]


def test_an_error_inside_gives_the_descriptor_back() -> None:
    script = """
import os
from matcher.cli.quiet import only_our_words
try:
    with only_our_words():
        os.write(2, b"lost")
        raise ValueError
except ValueError:
    os.write(2, b"kept")
"""
    assert said(script) == "kept"


def test_a_closed_stderr_is_no_error() -> None:
    script = f"import os; os.close(2)\n{SCRIPT.split('with', 1)[0]}\nwith Output(False).progress('reading'): pass"
    script = script.replace('print("before", file=sys.stderr)', "")
    assert said(script) == ""


def test_descriptors_are_not_used_up() -> None:
    from matcher.cli.quiet import only_our_words

    def open_ones() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_ones()
    for _ in range(5):
        with only_our_words():
            pass
    assert open_ones() == before
