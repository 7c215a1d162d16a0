"""`matcher reviewers`: how well reviewers tell people apart, and restoring those who were suspended."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("reviewers")
@click.option("--restore", "restored", metavar="NAME", help="Let a suspended reviewer judge again; needs --reason.")
@click.option("--reason", help="What was done since, such as a training; logged.")
@leaf
def command(call: Call, restored: str | None, reason: str | None) -> None:
    """Show hits and false confirms on known-answer items, and how far reviewers agree. Names no subject and no alert.

    Admins and auditors see everybody, a reviewer themselves. Known-answer items are made of the cohort that a list was
    calibrated on, if it was created with --uses test,train-reviewers; nobody can tell one from an alert before judging.
    Who falls below a floor of the policy judges nothing more until an admin restores them; figures begin anew then.

    Example: `matcher reviewers --user boss`
    """
    from matcher.cli.reviewers_output import print_reviewers
    from matcher.errors import UsageError
    from matcher.services.vigilance import restore, statistics

    if restored is None and reason is not None:
        raise UsageError("--reason says why somebody is restored: give --restore NAME too")
    if restored is not None:
        restore(call.session, restored, reason or "")
        call.output.say(f"{restored} may judge again; their figures begin anew")
    print_reviewers(call.output, statistics(call.session))
