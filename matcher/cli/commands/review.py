"""`matcher review`: the terminal interface."""

import sys

import rich_click as click
from click.exceptions import Exit

from matcher.cli.common import Call, leaf
from matcher.cli.output import styled


@click.command("review")
@leaf
def command(call: Call) -> None:
    """Judge alerts: two people, one after the other, each blind to score, name, list and the other's judgement.

    Approvers read calibrations and activate lists here too. Faces need at least the policy's height in pixels before
    *same* may be said: a large terminal, or one with Kitty or Sixel graphics. Five minutes without a
    key lock it, fifteen sign out.

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
    from matcher.cli.no_dump import forbid_core_dumps
    from matcher.report.table import report_table
    from matcher.tui.app import ReviewApp
    from matcher.tui.graphics import colours
    from matcher.tui.silence import silence

    forbid_core_dumps()
    banner = ""
    if call.program.demo:
        from matcher.cli.demo_story import PASSPHRASE

        banner = f"DEMO: generated faces, says nothing about real people. Everybody's passphrase: {PASSPHRASE}"
    app = ReviewApp(
        call.program.reception(),
        colours=colours(),
        start_user=start_user,
        banner=banner,
        report_table=lambda body, width: styled(report_table(parse_report(body)), width),
    )
    with silence() as silent:
        app.run()
    if silent.summary():
        call.output.say(silent.summary())
    if app.return_code:
        raise Exit(app.return_code)
