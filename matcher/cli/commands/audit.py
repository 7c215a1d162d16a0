"""`matcher audit`: the log, and the count of innocents."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import table

if TYPE_CHECKING:
    from matcher.domain.events import LogEntry
    from matcher.domain.people import User


@click.group("audit")
def command() -> None:
    """Verify and show the log; count how many innocents a list flags. Neither shows a face, an identifier or a name."""


@command.command("verify")
@leaf
def verify(call: Call) -> None:
    """Check the chain, every signature, every certificate's arithmetic, and that the tables say what the log says.

    Example: `matcher audit verify`
    """
    from matcher.review.wording import NO_CHECKPOINT, verified
    from matcher.services.audit import verify as run

    with call.output.progress("verifying") as progress:
        found = run(call.program.place, progress)
    value = {
        "verified": True,
        "entries": found.entries,
        "head": found.head,
        "certificates": found.certificates,
        "judgements": found.judgements,
        "revisions": found.revisions,
        "searches": found.searches,
        "refutations": found.refutations,
        "warning": NO_CHECKPOINT,
    }
    call.output.result(value, "\n".join(verified(found)))


@command.command("show")
@click.option(
    "--last", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="How many entries, newest last."
)
@click.option("--action", help="Only entries of this action, such as list.searched.")
@leaf
def show(call: Call, last: int, action: str | None) -> None:
    """Show entries of the log.

    Searches and reviews are shown to who is signed in and is no reviewer, what was found and said to admins and
    auditors alone: a reviewer could tell known-answer items from alerts.

    Example: `matcher audit show --last 50 --action list.searched`
    """
    from collections import deque

    user = None if call.settings.user is None else call.session.user
    with call.program.place.work(write=False) as work:
        seen = (_seen(entry, user) for entry in work.log.entries())
        value = list(deque((one for one in seen if action in (None, one["action"])), maxlen=last))
    rows = [
        (
            one["sequence"],
            datetime.fromisoformat(one["time"]).astimezone().isoformat(" ", "seconds"),
            one["actor"],
            one["action"],
            json.dumps(one["details"], separators=(",", ":")),
        )
        for one in value
    ]
    call.output.result({"entries": value}, table(("no", "time", "actor", "action", "details"), rows, whole=True))


def _seen(entry: "LogEntry", user: "User | None") -> dict[str, Any]:
    from matcher.services.log_view import CLOSED, closed_to, shown_details

    place = {"sequence": entry.sequence, "time": entry.time.isoformat(), "hash": entry.hash}
    if closed_to(entry, user):
        return place | {"actor": "", "account": "", "terminal": "", "action": "closed", "details": {"closed": CLOSED}}
    who = {"actor": entry.actor, "account": entry.account, "terminal": entry.terminal}
    return place | who | {"action": entry.action, "details": shown_details(entry, user)}


@command.command("listed")
@click.argument("proofs", type=click.Path(path_type=Path), metavar="PROOF.json")
@leaf
def listed(call: Call, proofs: Path) -> None:
    """Check a proof that somebody was listed (`matcher watchlist listed`) against the log; it takes no key.

    Exit code 6: it was altered, or is of another home.

    Example: `matcher audit listed proof.json`
    """
    from matcher.cli.listed_output import print_checked, read_proofs
    from matcher.services.listed import check_proof

    print_checked(call.output, [(one, check_proof(call.program.place, one)) for one in read_proofs(proofs)])


@command.command("innocents")
@click.argument("watchlist")
@click.option("--cohort", required=True, help="People known not to be on the list; any cohort that may be tested on.")
@leaf
def innocents(call: Call, watchlist: str, cohort: str) -> None:
    """Count how many people who are not on a list it would flag, at the threshold it is certified for.

    Per declared group and two-way group: flagged of searched, the exact 95 % interval, Wilson's beside it to compare
    with published counts, and Fisher's exact p of each group against everyone outside it. One picture per person is
    searched; one that nobody can use is counted as a failure to acquire. Nothing is certified or changed; the count is
    logged. Nobody on the list is shown.

    An admin runs it, or an auditor who is also an approver or a reviewer: it opens faces, and an auditor who is nothing
    else holds no key to them. Exit code 4 or 5: the list has no certified threshold yet. 8: somebody is on both.

    Example: `matcher audit innocents missing --cohort congress --user boss`
    """
    from matcher.bootstrap import shipped_people
    from matcher.cli.count_output import print_innocents
    from matcher.services.innocents import count_innocents

    session = call.session
    call.output.say(f"counting {cohort} against {watchlist} ...")
    print_innocents(call.output, count_innocents(session, watchlist, cohort, shipped_people()))
