"""`matcher outcomes`: what reviewers concluded."""

from typing import TYPE_CHECKING

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import local_text, table

if TYPE_CHECKING:
    from matcher.services.outcomes import ConcludedAlert


@click.command("outcomes")
@click.argument("watchlist", required=False)
@leaf
def command(call: Call, watchlist: str | None) -> None:
    """What reviewers concluded, with who and when. A lead is not an identification; a name appears for leads only.

    Example: `matcher outcomes missing --user ana`
    """
    from matcher.domain.ids import utc_text
    from matcher.services.collections import find_list
    from matcher.services.outcomes import ConcludedAlert, outcomes

    session = call.session
    if watchlist is not None:
        with call.program.place.work(write=False) as work:
            find_list(work, watchlist)
    found = outcomes(call.program.place, session, watchlist)

    def facts(one: ConcludedAlert) -> dict[str, object]:
        return {
            "alert": one.alert_id,
            "candidate": one.candidate_id,
            "list": one.list_name,
            "case": one.case,
            "submitted_at": one.submitted_at.isoformat(),
            "outcome": one.outcome.value,
            "independent": one.independent,
            "reviewers": [{"name": name, "judgement": verdict} for name, verdict in one.reviewers],
            "concluded_at": None if one.concluded_at is None else one.concluded_at.isoformat(),
            "closed_because": one.closed_reason,
            "subject_id": None if one.label is None else one.label.subject_id,
            "name": None if one.label is None else one.label.name,
            "note": None if one.label is None else one.label.note,
        }

    rows = [
        (
            one.list_name,
            one.case,
            _outcome(one),
            ", ".join(f"{name}: {verdict}" for name, verdict in one.reviewers),
            "" if one.label is None else f"{one.label.subject_id} {one.label.name}",
            "" if one.concluded_at is None else local_text(utc_text(one.concluded_at)),
        )
        for one in found.concluded
    ]
    shown = (
        table(("list", "case", "outcome", "reviewers", "lead", "when"), rows) if rows else "Nothing is concluded yet."
    )
    shown += "\nA lead is not an identification." if any(one.label for one in found.concluded) else ""
    value = {"outcomes": [facts(one) for one in found.concluded], "waiting": found.waiting}
    call.output.result(value, f"{shown}\n{found.waiting} alerts wait for reviewers.")


def _outcome(one: "ConcludedAlert") -> str:
    notes = [] if one.independent else ["NOT INDEPENDENT"]
    notes += [] if one.closed_reason is None else [one.closed_reason]
    return one.outcome.value + (f" ({'; '.join(notes)})" if notes else "")
