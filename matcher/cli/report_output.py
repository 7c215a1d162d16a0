"""A report on stdout: a table for people or its canonical JSON with its digest."""

import json
from typing import TYPE_CHECKING

from matcher.cli.output import Output, rendered

if TYPE_CHECKING:
    from matcher.calibration.report import Report


def print_report(output: Output, report: "Report") -> None:
    """Prints the whole report."""
    from matcher.report.table import report_table

    value = json.loads(report.canonical()) | {"digest": report.digest()}
    output.result(value, "" if output.as_json else rendered(report_table(report)))
