"""`matcher review`: the terminal interface."""

import sys

import rich_click as click
from click.exceptions import Exit

from matcher.cli.common import Call, leaf
from matcher.cli.output import rendered


@click.command("review")
@leaf
def command(call: Call) -> None:
    """Judge alerts: two people, one after the other, each blind to score, name, list and the other's judgement.

    Approvers read calibrations and activate lists here too. Faces need at least the policy's height in pixels before
    *same* may be said: a large terminal, or one with Kitty or Sixel graphics.

    Example: `matcher review --user ana`
    """
    from matcher.errors import UsageError

    if call.output.as_json:
        raise UsageError("review is for people: matcher outcomes --json says what they concluded")
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise UsageError("review needs a terminal on stdin, stdout and stderr")
    run_review(call, call.settings.user)


def run_review(call: Call, start_user: str | None) -> None:
    """Runs the interface until it is left. A crash ends with one line and exit code 1, never with locals."""
    from matcher.calibration.report import parse_report
    from matcher.report.table import report_table
    from matcher.tui.app import ReviewApp

    banner = (
        "DEMO: generated faces, published passphrases. Says nothing about real people." if call.program.demo else ""
    )
    app = ReviewApp(
        call.program.reception(),
        start_user=start_user,
        banner=banner,
        report_table=lambda body: rendered(report_table(parse_report(body)), width=78),
    )
    app.run()
    if app.return_code:
        raise Exit(app.return_code)
