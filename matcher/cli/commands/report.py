"""`matcher report`: calibration reports."""

import errno
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from matcher.cli.common import DAY, Call, leaf

if TYPE_CHECKING:
    from matcher.calibration.report import Report


@click.group("report")
def command() -> None:
    """Read, replay and compare calibration reports. They hold no identifier and no name."""


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
    from matcher.errors import UsageError
    from matcher.services.reports import list_report

    with call.program.place.work(write=False) as work:
        found, stored = list_report(work, watchlist)
        refuted = work.watch.refutation(stored.digest)
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
    from matcher.errors import BadInput, StorageFailed

    try:
        path.write_bytes(body)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise StorageFailed(f"{path} cannot be written: {error.strerror}") from None
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None


@command.command("replay")
@click.argument("report", type=click.Path(path_type=Path))
@leaf
def replay(call: Call, report: Path) -> None:
    """Make a report again from the list, cohort and policy of this home that it names, and compare.

    Exit code 0: the same. 6: not the same; every field that differs is named.

    Example: `matcher report replay report.json --user boss`
    """
    from dataclasses import asdict

    from matcher.bootstrap import read_report, shipped_people
    from matcher.cli.exit_codes import ExitCode
    from matcher.report.change_table import difference_lines
    from matcher.review.safe_text import neutralise
    from matcher.services.reports import replay as run

    body = read_report(report)
    made = run(call.session, body, shipped_people())
    value = {
        "same": made.given == made.again,
        "given": made.given,
        "again": made.again,
        "differences": [asdict(one) for one in made.differences],
    }
    if made.given == made.again:
        call.output.result(value, "same")
        return
    call.output.result(value, "\n".join(neutralise(line) for line in difference_lines(made.differences)))
    call.output.say(f"report {made.given} is not what this home makes again: {made.again}")
    raise Exit(ExitCode.INTEGRITY)


@command.command("diff")
@click.argument("old")
@click.argument("new")
@leaf
def diff(call: Call, old: str, new: str) -> None:
    """What changed between two reports of one list, and for whom. Each is a file, or 8 or more digits of a digest.

    Example: `matcher report diff report.json 3f0a9c12`
    """
    from dataclasses import asdict

    from matcher.calibration.changes import changes
    from matcher.report.change_table import change_lines
    from matcher.review.safe_text import neutralise

    change = changes(_report(call, old), _report(call, new))
    call.output.result(asdict(change), "\n".join(neutralise(line) for line in change_lines(change)))


def _report(call: Call, named: str) -> "Report":
    """A report by file or digest, counted again."""
    from matcher.bootstrap import read_report
    from matcher.calibration.certified import recounted
    from matcher.services.reports import report_by_digest

    path = Path(named)
    if path.exists():
        return recounted(read_report(path))
    with call.program.place.work(write=False) as work:
        return recounted(report_by_digest(work, named).body)


@command.command("accountability")
@click.option("--from", "first", type=DAY, required=True, help="The first day (UTC), YYYY-MM-DD.")
@click.option("--to", "last", type=DAY, required=True, help="The last day, included.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Writes OUT.html and OUT.json.")
@click.option("--public", is_flag=True, help="Leave out counts of 1 to 9, small groups, names of staff and reasons.")
@leaf
def accountability(call: Call, first: datetime, last: datetime, out: Path, public: bool) -> None:
    """What every list was for, how often it is wrong, group by group, and what was done with it in a period.

    Purpose, owner, version, data policy, error rates, searches and reviews, corrections, suspensions: one page that
    needs no network, and the same as JSON. For admins and auditors; it opens nothing that is sealed.

    Example: `matcher report accountability --from 2026-11-01 --to 2026-11-30 --out november --public --user audrey`
    """
    from matcher.report.accountability import accountability_html, accountability_json
    from matcher.services.accountability import account_of

    account = account_of(call.session, first.date(), last.date(), public)
    page, data = (out.with_name(f"{out.name}.{kind}") for kind in ("html", "json"))
    _write(page, accountability_html(account).encode("utf-8"))
    _write(data, accountability_json(account).encode("utf-8"))
    call.output.result(
        {"html": str(page), "json": str(data), "lists": len(account.lists), "public": public},
        f"{page} and {data}: {len(account.lists)} lists",
    )
