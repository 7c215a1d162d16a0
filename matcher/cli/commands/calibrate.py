"""`matcher calibrate`: how often a list is wrong, group by group."""

from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

from matcher.cli.common import Call, leaf
from matcher.cli.output import rendered


@click.command("calibrate")
@click.argument("watchlist")
@click.option("--cohort", help="The people to test on.")
@click.option("--policy", type=click.Path(path_type=Path), help="A policy file; the shipped one is strict (0.001).")
@click.option("--threshold", metavar="T", help="Verify this threshold instead of selecting one.")
@click.option("--groups", metavar="COL,...", help="Only these group columns of the cohort.")
@click.option(
    "--adjudicated",
    type=click.Path(path_type=Path),
    help="CSV: pairs of cohort people that you looked at (one,other,ruling: handles, then same or different).",
)
@click.option(
    "--index",
    metavar="FACTORY",
    help="Test an approximate engine beside the exact one: IVF<lists>,Flat;nprobe=<n> or HNSW<m>;efSearch=<n>.",
)
@click.option("--plan", is_flag=True, help="Print how many people are needed; tests nothing.")
@click.option("--rehearse", is_flag=True, help="Search listed people against each other; certifies nothing.")
@leaf
def command(call: Call, watchlist: str, cohort: str | None, **given: Any) -> None:
    """Test a list on people who are not on it: exact counts and bounds for every declared group, and a verdict.

    Exit code 0: certified. 3: refuted. 4: insufficient evidence; the report says what would be enough.

    With --index the list is to be searched by an approximate engine, and is certified only if this decided as the exact
    one in every search of every declared group.

    --rehearse needs no cohort: it prints the likely threshold of every tier and the likely misses, stores no report,
    spends no attempt and proves nothing, because nobody who is not on the list is searched.

    Example: `matcher calibrate missing --cohort staff --user boss`
    """
    from matcher.errors import UsageError

    plan, rehearse = given.pop("plan"), given.pop("rehearse")
    if rehearse:
        _rehearse(call, watchlist, {"--plan": plan, "--cohort": cohort, **given})
        return
    if plan:
        _plan(call, watchlist, given["policy"])
        return
    if cohort is None:
        raise UsageError("test on whom? give --cohort NAME, or --plan or --rehearse to begin without one")
    _calibrate(call, watchlist, cohort, given)


def _calibrate(call: Call, watchlist: str, cohort: str, given: dict[str, Any]) -> None:
    from matcher.bootstrap import shipped_people
    from matcher.calibration.verdict import Status
    from matcher.cli.exit_codes import ExitCode
    from matcher.cli.report_output import print_report
    from matcher.domain.engine import factory_from
    from matcher.domain.template import threshold_from
    from matcher.services.calibrate import Question, calibrate_list

    tau = None if given["threshold"] is None else threshold_from(given["threshold"])
    columns = None if given["groups"] is None else tuple(part.strip() for part in given["groups"].split(","))
    engine = None if given["index"] is None else factory_from(given["index"])
    ruled = call.program.resolutions(given["adjudicated"])
    question = Question(watchlist, cohort, call.program.policy(given["policy"]), tau, columns, ruled, engine)
    session = call.session
    call.output.say(f"testing {watchlist} on {cohort} ...")
    report = calibrate_list(session, question, shipped_people())
    print_report(call.output, report)
    codes = {Status.CERTIFIED: ExitCode.DONE, Status.REFUTED: ExitCode.REFUSED}
    raise Exit(codes.get(report.verdict.status, ExitCode.INSUFFICIENT))


def _rehearse(call: Call, watchlist: str, given: dict[str, Any]) -> None:
    from matcher.cli.count_output import print_rehearsal
    from matcher.errors import UsageError
    from matcher.services.rehearse import rehearse_list

    policy = given.pop("policy")
    if beside := [f"--{name.removeprefix('--')}" for name, value in given.items() if value]:
        raise UsageError(f"a rehearsal searches listed people at no given threshold: leave out {', '.join(beside)}")
    delta = call.program.policy(policy).certification.delta
    print_rehearsal(call.output, rehearse_list(call.session, watchlist, delta))


def _plan(call: Call, watchlist: str, policy: Path | None) -> None:
    from matcher.calibration.plan import plan_rows
    from matcher.report.table import plan_table
    from matcher.services.collections import find_list
    from matcher.services.lineage import next_attempt, steps_of

    certification = call.program.policy(policy).certification
    delta = certification.delta
    with call.program.place.work(write=False) as work:
        found = find_list(work, watchlist)
        attempt = next_attempt(steps_of(work, [found]), certification.alpha)
    searches = found.terms.searches_per_day
    rows = plan_rows(delta, attempt)
    value = {
        "watchlist": watchlist,
        "searches_per_day": searches,
        "attempt": attempt,
        "tiers": [{"tier": row.tier, "alpha": row.alpha, "people": list(row.people)} for row in rows],
    }
    note = (
        "People needed in every group (and two-way group, or it is named NOT TESTED), none of them on the list.\n"
        f"Attempt {attempt} since an approver last activated this list: every further one asks for more people.\n"
        "Attempts on lists that share a reference count too; a plan, which opens nothing, does not see them.\n"
        f"The pilot tier also asks for at most one expected false alarm a day at {searches} searches."
    )
    call.output.result(value, f"{rendered(plan_table(rows))}\n{note}")
