"""The front door: commands by name, loaded when used, and the one place where errors become exit codes."""

import importlib
import os
import sys

import rich_click as click
from click.exceptions import Exit

from matcher import __version__
from matcher.cli.exit_codes import ExitCode, exit_code_of
from matcher.errors import MatcherError

# In the order in which one uses them.
_COMMANDS = (
    "demo",
    "init",
    "user",
    "model",
    "watchlist",
    "cohort",
    "calibrate",
    "report",
    "submit",
    "review",
    "serve",
    "cluster",
    "outcomes",
    "reviewers",
    "audit",
    "backup",
    "restore",
    "upgrade",
    "rotate-key",
    "bench",
    "doctor",
)
_FOR_PROGRAMS = ("browser-session",)  # what a command starts by itself


class LazyGroup(click.RichGroup):
    """Knows its commands by name; their modules import nothing heavy until a command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one uses them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module."""
        if cmd_name not in (*_COMMANDS, *_FOR_PROGRAMS):
            return None
        module = f"matcher.cli.commands.{cmd_name.replace('-', '_')}"
        command: click.Command = importlib.import_module(module).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="matcher")
def cli() -> None:
    """Tells a human that a face *may* be on a list; it never identifies anybody.

    It searches no list that has not shown, for every declared group of people, how often it is wrong.

    Try `matcher demo` first.
    """


def main() -> None:
    """Runs a command and exits with its code."""
    try:
        sys.exit(cli.main(standalone_mode=False) or ExitCode.DONE)
    except Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except MatcherError as error:
        _complain(str(error))
        _forget_stdout()
        sys.exit(exit_code_of(error))
    except (KeyboardInterrupt, click.Abort) as error:
        # What click turned into Abort is its context; a command that knows how far it was has said so there.
        pressed = error if isinstance(error, KeyboardInterrupt) else error.__context__
        said = str(pressed) if isinstance(pressed, KeyboardInterrupt) else ""
        _complain(said or "interrupted: what was finished before is kept and logged, nothing is half done")
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        sys.exit(ExitCode.STORAGE)
    except OSError as error:
        _complain(f"the disk or the system failed: {error.strerror or error}")
        sys.exit(ExitCode.STORAGE)
    except Exception as error:  # noqa: BLE001 - the process edge
        _complain(f"internal error ({type(error).__name__}): where it happened is in {_log_internal(error)}")
        sys.exit(ExitCode.INTERNAL)


def _forget_stdout() -> None:
    """After an error nothing more is printed; what a closed pipe did not take would be complained of again at exit."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log_internal(error: Exception) -> str:
    """Writes where an unexpected error happened, without its message or any value: both may hold personal data."""
    import logging
    import traceback
    from logging.handlers import RotatingFileHandler

    from platformdirs import user_log_path

    file = user_log_path("matcher", ensure_exists=True) / "matcher.log"
    handler = RotatingFileHandler(file, maxBytes=1_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    record = f"{type(error).__name__} at " + " < ".join(reversed(places))
    handler.emit(logging.LogRecord("matcher", logging.ERROR, __file__, 0, record, None, None))
    handler.close()
    return str(file)


def _complain(text: str) -> None:
    from matcher.review.safe_text import neutralise

    if sys.stderr is None:  # closed by whoever started the program
        return
    # Whole: the end of the line says what to do.
    sys.stderr.write(f"matcher: {neutralise(text)}\n")
