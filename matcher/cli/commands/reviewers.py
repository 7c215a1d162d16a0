"""`matcher reviewers`: how well reviewers tell people apart, and restoring those who were suspended."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.group("reviewers", invoke_without_command=True)
@leaf
@click.pass_context
def command(context: click.Context, call: Call) -> None:
    """Show hits and false confirms on known-answer items, and how far reviewers agree. Names no subject and no alert.

    Admins and auditors see everybody, a reviewer themselves. Known-answer items are made of the cohort that a list was
    calibrated on, if it was created with --uses test,train-reviewers; nobody can tell one from an alert before judging.

    Example: `matcher reviewers --user boss`
    """
    if context.invoked_subcommand is not None:
        return
    from matcher.cli.reviewers_output import print_reviewers
    from matcher.services.vigilance import statistics

    print_reviewers(call.output, statistics(call.session))


@command.command("restore")
@click.argument("name")
@click.option("--reason", required=True, help="What was done since, such as a training; logged.")
@leaf
def restore(call: Call, name: str, reason: str) -> None:
    """Let a reviewer judge again who fell below a floor of the policy. Their figures begin anew; the old ones stay.

    Example: `matcher reviewers restore ana --reason "training of 12 May" --user boss`
    """
    from matcher.services.vigilance import restore as run

    run(call.session, name, reason)
    call.output.result({"name": name, "suspended": False}, f"{name} may judge again; their figures begin anew")
