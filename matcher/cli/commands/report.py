"""`matcher report`: calibration reports."""

from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, leaf


@click.group("report")
def command() -> None:
    """Read calibration reports. They hold no identifier and no name."""


@command.command("show")
@click.argument("watchlist")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "html"]),
    default="table",
    show_default=True,
    help="A table for people, the canonical JSON, or a page with plots.",
)
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path),
    help="Write to this file: the page for html, else the canonical JSON.",
)
@click.option("--public", is_flag=True, help="In the page, leave out cells with fewer than 10 people.")
@leaf
def show(call: Call, watchlist: str, form: str, path: Path | None, public: bool) -> None:
    """Show the report of a list: of its newest revision, else the one behind the activation that serves.

    `-o FILE` writes its canonical JSON, whose sha256 is the report's digest; with `--format html` one page that needs
    no network, with a plot and a table for everything.

    Example: `matcher report show missing --format html -o report.html`
    """
    from matcher.calibration.certified import recounted
    from matcher.cli.output import Output
    from matcher.cli.report_output import print_report
    from matcher.errors import BadInput, UsageError
    from matcher.services.collections import find_list

    with call.program.place.work(write=False) as work:
        found = find_list(work, watchlist)
        serving = None if found.certificate is None else found.certificate.terms.binding.report_digest
        stored = work.reports.get(found.latest_report or serving or "")
        refuted = None if stored is None else work.watch.refutation(stored.digest)
    if stored is None:
        raise BadInput(f"list {watchlist} has no report for what it holds now: make one with matcher calibrate")
    if found.latest_report is None:
        call.output.say("the newest revision has no report yet; this one is of the revision that serves")
    if refuted is not None:
        call.output.say(f"this report was refuted in service: {refuted.reason}")
    if public and form != "html":
        raise UsageError("--public is for pages: a report without its numbers has another digest (--format html)")
    report = recounted(stored.body)
    if form == "html":
        from matcher.report.html import report_html

        page = report_html(report, public=public)
        if path is None:
            if call.output.as_json:
                raise UsageError("a page is no JSON: name a file for it (-o report.html)")
            call.output.result({}, page.rstrip("\n"))
            return
        _write(path, page.encode("utf-8"))
    elif path is None:
        print_report(Output(call.output.as_json or form == "json"), report)
        return
    else:
        _write(path, stored.body)
    call.output.result({"file": str(path), "digest": report.digest()}, f"{path}: report {report.digest()}")


def _write(path: Path, body: bytes) -> None:
    from matcher.errors import BadInput

    try:
        path.write_bytes(body)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
