"""`matcher serve`: the terminal interface in a browser on this machine."""

import sys

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65_535), default=8_765, show_default=True, help="0 takes a free one.")
@leaf
def command(call: Call, port: int) -> None:
    """The same review in a browser on this machine: one session at a time, behind an address that works once.

    It listens on 127.0.0.1 only. From another machine: `ssh -L 8765:127.0.0.1:8765 HOST`, then open the address there.
    Faces are drawn in half blocks; smaller letters (`/?fontsize=8`, or the browser's zoom) give larger faces. Reviewers
    at browsers of one machine are marked NOT INDEPENDENT. Needs the extra `serve`.

    Example: `matcher serve --user ana`
    """
    import asyncio

    from matcher.errors import UsageError

    if call.output.as_json:
        raise UsageError("serve is for people: matcher outcomes --json says what they concluded")
    try:
        from matcher.tui.browser.server import serve
    except ModuleNotFoundError as error:
        raise UsageError(f"serve needs {error.name}: pip install 'watchlist-matcher[serve]'") from None
    user = call.settings.user
    words = [sys.executable, "-m", "matcher", "browser-session", "--home", str(call.program.settings.home)]

    def tell(address: str) -> None:
        call.output.say(f"Open this address; it works once: {address}")
        call.output.say("Ctrl-C ends the server and its session; committed judgements stay.")

    asyncio.run(serve([*words, *(["--user", user] if user else [])], port, tell))
