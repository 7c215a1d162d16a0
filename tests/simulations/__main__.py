"""`python -m tests.simulations`: every promise, some minutes; `--short` as in the test suite."""

import sys
from time import perf_counter

from tests.simulations.line import table
from tests.simulations.promises import PROMISES


def main(short: bool) -> int:
    """Prints one Markdown table; 1 where a line does not hold."""
    found = []
    for promise in PROMISES:
        began = perf_counter()
        lines = list(promise.lines(promise.short if short else promise.full))
        found += lines
        print(f"{promise.name}: {perf_counter() - began:.1f} s", file=sys.stderr)
    print(table(found))
    return 0 if all(line.holds for line in found) else 1


if __name__ == "__main__":
    sys.exit(main("--short" in sys.argv[1:]))
