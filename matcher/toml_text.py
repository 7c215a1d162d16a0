"""TOML, for every file of the program that is written in it.

1. Whatever is wrong with a text is one error: also a number of more digits than Python takes (a plain ValueError of
   tomllib's) and nesting deeper than its stack.
2. A line has at most 40 dots. tomllib takes time with the square of a dotted key's parts: 60 KB of `a.a.a` took 9 s.
"""

import tomllib
from typing import Any

MOST_DOTS = 40


def parsed(text: str) -> dict[str, Any]:
    """The table. Raises tomllib.TOMLDecodeError and nothing else."""
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):  # a key ends with its line
        raise tomllib.TOMLDecodeError(f"a line has more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from None
    except ValueError as error:
        raise tomllib.TOMLDecodeError(str(error)) from None
