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
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table for people, or the canonical JSON.",
)
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), help="Write the canonical JSON to this file.")
@leaf
def show(call: Call, watchlist: str, form: str, path: Path | None) -> None:
    """Show the report of a list: of its newest revision, else the one behind the activation that serves.

    `-o FILE` writes its canonical JSON, whose sha256 is the report's digest.

    Example: `matcher report show missing --format json -o report.json`
    """
    from matcher.calibration.certified import recounted
    from matcher.cli.output import Output
    from matcher.cli.report_output import print_report
    from matcher.errors import BadInput
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
    body = stored.body
    report = recounted(body)
    if path is None:
        print_report(Output(call.output.as_json or form == "json"), report)
        return
    try:
        path.write_bytes(body)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    call.output.result({"file": str(path), "digest": report.digest()}, f"{path}: report {report.digest()}")
