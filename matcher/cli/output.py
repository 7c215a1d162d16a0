"""The only module that writes stdout: data there, talk and progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from matcher.cli.pace import Pace
from matcher.cli.quiet import only_our_words
from matcher.errors import StorageFailed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

LINE_EVERY = 60.0  # seconds, where there is no terminal


class Progress(Protocol):
    """Told how far it is: done, of how many, and how many of the done ones were known from an earlier run."""

    def __call__(self, done: int, total: int, known: int = 0, /) -> None: ...


class Output:
    """Where one command speaks. With `as_json` stdout gets exactly one JSON object."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, text: str) -> None:
        """One line of talk."""
        from matcher.review.safe_text import safe_lines

        if sys.stderr is not None:  # closed by whoever started the program
            sys.stderr.write(safe_lines(text) + "\n")
            sys.stderr.flush()

    def result(self, value: object, text: str) -> None:
        """The result: `value` as JSON or `text` for people."""
        shown = json.dumps(value, indent=2, ensure_ascii=False) if self.as_json else text
        try:
            # A file name may hold bytes that are no text.
            sys.stdout.write(shown.encode("utf-8", "backslashreplace").decode() + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise StorageFailed("whoever read the output went away before all of it was written") from None
        except AttributeError:
            raise StorageFailed("there is no standard output to write to") from None

    @contextmanager
    def progress(self, what: str, counted: str = "") -> Iterator[Progress]:
        """A bar on a terminal, a line at every tenth and every minute elsewhere; with rate and time left.

        `counted` is what is counted, in the plural.
        """
        on_terminal = sys.stderr is not None and sys.stderr.isatty()  # closed by whoever started the program
        with only_our_words():
            if on_terminal:
                with _bar(what, Pace(counted)) as report:
                    yield report
            else:
                yield _lines(what, Pace(counted), self.say)


def local_text(utc: str) -> str:
    """A stored time for people: local, to the minute, with its offset."""
    from matcher.domain.ids import utc_time

    return utc_time(utc).astimezone().strftime("%Y-%m-%d %H:%M %z")


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], whole: bool = False) -> str:
    """A plain table as text; cells are data, never markup, cut at 80 characters unless they are wanted `whole`."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from matcher.review.safe_text import neutralise, safe_display

    shown = neutralise if whole else safe_display
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(shown(str(cell))) for cell in row))
    return rendered(drawn)


def rendered(shown: "RenderableType", width: int | None = None) -> str:
    """A renderable as text, coloured on a terminal that wants it; as wide as the terminal, 160 cells in a pipe."""
    from rich.console import Console

    on_terminal = sys.stdout is not None and sys.stdout.isatty()  # closed by whoever started the program
    console = Console(width=width if width or on_terminal else 160, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip("\n")


def styled(shown: "RenderableType", width: int) -> "Text":
    """A renderable as lines of text of at most `width` cells, its weights kept; colours are the themes' business."""
    from rich.console import Console
    from rich.text import Text

    lines = Console(width=width, highlight=False).render_lines(shown, pad=False)
    return Text("\n").join(
        Text.assemble(*((part.text, part.style.without_color if part.style else "") for part in line)) for line in lines
    )


@contextmanager
def _bar(what: str, pace: Pace) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[pace]}", markup=False)
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, pace="")

        def report(done: int, total: int, known: int = 0, /) -> None:
            pace.take(done, known)
            bar.update(task, completed=done, total=total, pace=pace.text(done, total))

        yield report


def _lines(what: str, pace: Pace, say: Callable[[str], None]) -> Progress:
    said, at = -1, monotonic()

    def report(done: int, total: int, known: int = 0, /) -> None:
        nonlocal said, at
        pace.take(done, known)
        tenth = 10 * done // total if total else 10
        if tenth > said or monotonic() - at >= LINE_EVERY:
            said, at = tenth, monotonic()
            say(f"{what}: {pace.text(done, total)}")

    return report
