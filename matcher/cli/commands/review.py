"""`matcher review`: the terminal interface, or the same review line by line."""

import sys
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from matcher.cli.common import Call, leaf
from matcher.cli.output import styled

if TYPE_CHECKING:
    from matcher.review.pixels import Colours


@click.command("review")
@click.option("--plain", is_flag=True, help="By questions and answers, without escape sequences.")
@click.option("--viewer", metavar="COMMAND", help="What shows faces in --plain (or MATCHER_VIEWER).")
@click.option("--image-mode", metavar="MODE", help="auto, kitty, sixel, half-block, characters: how faces are drawn.")
@leaf
def command(call: Call, plain: bool, viewer: str | None, image_mode: str | None) -> None:
    """Judge alerts: two people, one after the other, each blind to score, name, list and the other's judgement.

    Approvers read calibrations and activate lists here too. Faces need at least the policy's height in pixels before
    *same* may be said: a large terminal, or one with Kitty or Sixel graphics. The card at sign-in
    shows whether the terminal draws them; f2 there, and i later, choose another image mode, and so does
    MATCHER_IMAGE_MODE or `image_mode` in the configuration. Five minutes without a key lock it, fifteen sign out.

    --plain asks the same by lines of plain text, for screen readers and slow links. Faces are then shown by a viewer of
    your choice, only on this machine: its command gets the path of a picture in memory as its last word, or in the
    place of {}; it must stay in the foreground and keep no copies. Without one only *different* and *undecided* may be
    said.

    Example: `matcher review --user ana`
    """
    from matcher.errors import UsageError

    if call.output.as_json:
        raise UsageError("review is for people: matcher outcomes --json says what they concluded")
    if viewer is not None and not plain:
        raise UsageError("--viewer belongs to --plain: the screens draw faces themselves")
    if image_mode is not None and plain:
        raise UsageError("--image-mode belongs to the screens: --plain shows faces in a viewer")
    if plain:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("review --plain needs a terminal on stdin and stderr")
        return run_plain(call, viewer if viewer is not None else call.settings.viewer)
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise UsageError("review needs a terminal on stdin, stdout and stderr")
    return run_review(call, call.settings.user, image_mode=image_mode)


def run_plain(call: Call, viewer: str | None) -> None:
    """Line mode, until it is left."""
    import time
    from getpass import getpass

    from matcher.cli.no_dump import forbid_core_dumps
    from matcher.tui.line.review import LineReview
    from matcher.tui.line.talk import Talk
    from matcher.tui.line.viewer import chosen_viewer

    forbid_core_dumps()
    talk = Talk(sys.stdin, sys.stderr)
    talk.interrupts.listen()
    review = LineReview(call.program.reception(), talk, chosen_viewer(viewer), getpass, time.monotonic)
    review.hold(call.settings.user, _banner(call))


def run_review(
    call: Call, start_user: str | None, colours: "Colours | None" = None, image_mode: str | None = None
) -> None:
    """Runs the interface until it is left. A crash ends with one line and exit code 1, never with locals.

    `colours` are asked of the terminal unless they are known; `image_mode` goes before the setting.
    """
    from matcher.calibration.report import parse_report
    from matcher.cli.no_dump import forbid_core_dumps
    from matcher.report.table import report_table
    from matcher.review.pixels import ImageMode
    from matcher.tui.app import ReviewApp
    from matcher.tui.graphics import colours as found
    from matcher.tui.heap import keep_what_is_loaded
    from matcher.tui.silence import silence

    forbid_core_dumps()
    app = ReviewApp(
        call.program.reception(),
        colours=found() if colours is None else colours,
        start_user=start_user,
        image_mode=ImageMode.wished(call.settings.image_mode if image_mode is None else image_mode),
        banner=_banner(call),
        index_state=call.program.index_state(),
        report_table=lambda body, width: styled(report_table(parse_report(body)), width),
    )
    keep_what_is_loaded()
    with silence() as silent:
        app.run()
    if silent.summary():
        call.output.say(silent.summary())
    if app.return_code:
        raise Exit(app.return_code)


def _banner(call: Call) -> str:
    if not call.program.demo:
        return ""
    from matcher.cli.demo_story import PASSPHRASE

    return f"DEMO: generated faces, says nothing about real people. Everybody's passphrase: {PASSPHRASE}"
