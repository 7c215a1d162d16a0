"""`matcher browser-session`: what `matcher serve` starts for a browser; not for people, so not in the list of them."""

import os
from dataclasses import replace

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("browser-session", hidden=True)
@leaf
def command(call: Call) -> None:
    """The interface of one browser session; refused unless `matcher serve` started it.

    Example: `matcher browser-session` (by `matcher serve`)
    """
    import stat
    import sys

    from matcher.cli.commands.review import run_review
    from matcher.errors import UsageError
    from matcher.review.pixels import Colours
    from matcher.tui.browser.lifeline import DRIVER, leave_with_server

    kind = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    if os.environ.get("TEXTUAL_DRIVER") != DRIVER or not (stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind)):
        raise UsageError("a browser session is started by matcher serve: use matcher review in a terminal")
    leave_with_server()
    run_review(replace(call, in_browser=True), call.settings.user, Colours.FULL)
