"""Speaking with one person by lines of plain text.

1. Nothing that is said holds a control character, so no escape sequence; lines are wrapped to the terminal.
2. An answer ends with enter. Input that ends without one (Ctrl-D, a closed terminal) is no answer: it raises `Ended`.
3. Ctrl-C, a hang-up and a SIGTERM count while an answer is awaited; what is being done then is finished first, so that
   no clearing up is interrupted by another end.
4. A question mark is answered with the words that the question takes, then the question is asked again.
"""

import re
import shutil
import signal
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from matcher.review.safe_text import safe_lines

NARROWEST, WIDEST = 40, 100
_EMPHASIS = re.compile(r"\*(\w+)\*")

Words = Sequence[tuple[str, str]]


class Ended(Exception):
    """The person closed the input instead of answering."""


@dataclass(slots=True)
class Interrupts:
    """Whether an answer is awaited, and whether an end came (rule 3)."""

    awaiting: bool = False
    came: bool = False

    def listen(self) -> None:
        """Takes the signals of this process."""
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if self.awaiting:
            self.awaiting = False
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Talk:
    """Where questions are written and answers are read; both are the person's terminal."""

    read: TextIO
    write: TextIO
    interrupts: Interrupts = field(default_factory=Interrupts)

    def awaited(self, call: Callable[[], str]) -> str:
        """What the person types into `call`. Raises KeyboardInterrupt when an end comes, or came before."""
        if self.interrupts.came:
            raise KeyboardInterrupt
        self.interrupts.awaiting = True
        try:
            return call()
        finally:
            self.interrupts.awaiting = False

    def say(self, text: str) -> None:
        """Harmless lines, wrapped; an empty text is an empty line."""
        for line in safe_lines(text).split("\n"):
            indent = line[: len(line) - len(line.lstrip())]
            kept = textwrap.wrap(line.strip(), _width(), initial_indent=indent, subsequent_indent=indent) or [""]
            self.write.write("\n".join(kept) + "\n")
        self.write.flush()

    def ask(self, question: str, words: Words = ()) -> str:
        """The answer in one line, outer blanks taken off. Raises Ended."""
        while True:
            self.say(question + (" (? lists the answers)" if words else ""))
            self.write.write("> ")
            self.write.flush()
            line = self.awaited(self.read.readline)
            if not line.endswith("\n"):
                self.write.write("\n")
                raise Ended
            if line.strip() != "?" or not words:
                return line.strip()
            width = max(len(word) for word, _ in words)
            self.say("\n".join(f"  {word.ljust(width)}  {meaning}" for word, meaning in words))


def unmarked(text: str) -> str:
    """Our own sentence without its asterisks, which a screen reader would read out."""
    return _EMPHASIS.sub(r"\1", text)


def _width() -> int:
    return min(max(shutil.get_terminal_size().columns - 1, NARROWEST), WIDEST)
