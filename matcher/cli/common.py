"""What every leaf command shares: --home, --user, --json, the passphrase, and opening a home."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

import rich_click as click

from matcher.cli.output import Output
from matcher.errors import MatcherError, UsageError

if TYPE_CHECKING:
    from matcher.bootstrap import Program
    from matcher.config import Settings
    from matcher.services.workplace import Session


@dataclass(frozen=True)
class Call:
    """One call of a leaf command."""

    home: str | None
    user: str | None
    output: Output
    in_browser: bool = False

    @cached_property
    def settings(self) -> "Settings":
        """File, environment and this command line in one value."""
        from matcher.config import load_settings

        return load_settings(home=self.home, user=self.user)

    @cached_property
    def program(self) -> "Program":
        """The opened home. Raises BadInput when there is none."""
        from matcher.bootstrap import open_program

        opened = open_program(self.settings, self.in_browser)
        context = click.get_current_context(silent=True)
        if context is not None:
            context.find_root().with_resource(finishing(opened, self.output))
        return opened

    @cached_property
    def session(self) -> "Session":
        """The actor, signed in. Raises UsageError without a user or a passphrase."""
        from matcher.services.workplace import sign_in

        session = sign_in(self.program.place, *self.who())
        self._remind(session)
        return session

    def who(self) -> tuple[str, str]:
        """The actor's name and passphrase. Raises UsageError without one of them."""
        name = self.settings.user
        if name is None:
            raise UsageError("who are you? give --user NAME or set MATCHER_USER")
        return name, passphrase("MATCHER_PASSPHRASE", f"Passphrase of {name}")

    def _remind(self, session: "Session") -> None:
        """Tells an admin who is suspended from judging, until somebody is restored, and what is over and still here."""
        from matcher.domain.people import Role
        from matcher.services.expire import expired_reminders
        from matcher.services.vigilance import reminders

        if Role.ADMIN in session.user.roles:
            for line in (*reminders(session.place), *expired_reminders(session.place)):
                self.output.say(line)


@contextmanager
def finishing(program: "Program", output: Output) -> Iterator[None]:
    """Signs a last checkpoint. What failed before is what the command ends with; a failure here is said beside it."""
    try:
        yield
    except BaseException:
        try:
            program.finish()
        except MatcherError as also:
            output.say(f"matcher: {also}")
        raise
    program.finish()


def leaf(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --home, --user and --json, and hands the function a `Call` as its first argument."""

    @wraps(command)
    def called(home: str | None, user: str | None, as_json: bool, **rest: Any) -> Any:
        return command(Call(home, user, Output(as_json)), **rest)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
        click.option("--user", metavar="NAME", help="Who you are (or MATCHER_USER)."),
        click.option("--home", metavar="DIR", help="The home folder (or MATCHER_HOME)."),
    ):
        called = option(called)
    return called


def passphrase(variable: str, prompt: str, confirm: bool = False) -> str:
    """From the environment, else asked for; never a prompt when stdin is not a terminal."""
    found = os.environ.get(variable)
    if found is not None:
        return found
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for a passphrase: set {variable}")
    answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def agreed(question: str, yes: bool) -> None:
    """Asks "are you sure?" unless --yes. Raises UsageError when there is nobody to ask or the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes: there is no terminal to ask")
    if not click.confirm(question, err=True):
        raise UsageError("not done")


DAY = click.DateTime(formats=["%Y-%m-%d"])
