"""`matcher report`: calibration reports."""

from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, leaf


@click.group("report")
def command() -> None:
    """Read calibration reports. They hold no identifier and no name."""


@command.command("show")
@click.argument("watchlist")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), help="Write the canonical JSON to this file.")
@leaf
def show(call: Call, watchlist: str, form: str, path: Path | None) -> None:
    """Show the newest report of a list. `-o FILE` writes its canonical JSON, whose sha256 is the report's digest.

    Example: `matcher report show missing --format json -o report.json`
    """
    from matcher.calibration.certified import recounted
    from matcher.cli.output import Output
    from matcher.cli.report_output import print_report
    from matcher.errors import BadInput
    from matcher.services.collections import find_list

    with call.program.place.work(write=False) as work:
        stored = work.reports.of_list(find_list(work, watchlist).list_id)
    if not stored:
        raise BadInput(f"list {watchlist} has no report yet: make one with matcher calibrate")
    body = stored[-1].body
    report = recounted(body)
    if path is None:
        print_report(Output(call.output.as_json or form == "json"), report)
        return
    try:
        path.write_bytes(body)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    call.output.result({"file": str(path), "digest": report.digest()}, f"{path}: report {report.digest()}")
