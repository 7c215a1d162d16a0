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
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A checkpoint that was kept elsewhere, or a folder of them; give it as often as you like.",
)
@leaf
def verify(call: Call, anchors: tuple[Path, ...]) -> None:
    """Check the chain, every signature, every certificate's arithmetic, and that the tables say what the log says.

    With --anchor also that the log still begins with what a checkpoint from `matcher audit checkpoint` is of. Without
    one nobody can tell whether whoever holds this machine rewrote everything. Exit code 6: something is wrong.

    Example: `matcher audit verify --anchor /media/usb/checkpoints`
    """
    from matcher.bootstrap import read_anchors
    from matcher.review.wording import compared, verified
    from matcher.services.audit import verify as run

    notes = read_anchors(anchors)
    with call.output.progress("verifying") as progress:
        found = run(call.program.place, progress, notes)
    value = {
        "verified": True,
        "entries": found.entries,
        "head": found.head,
        "certificates": found.certificates,
        "judgements": found.judgements,
        "revisions": found.revisions,
        "searches": found.searches,
        "refutations": found.refutations,
        "checkpoints": found.checkpoints,
        "log_keys": found.log_keys,
        "anchors": found.anchors,
        "anchored_entries": found.anchored,
        "warning": compared(found),
    }
    call.output.result(value, "\n".join(verified(found)))


@command.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A new file; else it is printed.")
@leaf
def checkpoint(call: Call, out: Path | None) -> None:
    """Sign a checkpoint of the log: how many entries there are, and the root of the tree over them.

    Keep it where nobody who holds this machine can change it; `matcher audit verify --anchor FILE` compares later. It
    says nothing about what is in the log. A C2SP tlog-checkpoint: other people's tools read and co-sign it.

    Example: `matcher audit checkpoint --out /media/usb/2026-11-25.checkpoint`
    """
    from matcher.bootstrap import write_note

    note = call.program.notary.checkpoint(call.program.place.work)
    size, root = note.checkpoint.size, note.checkpoint.root.hex()
    if out is not None:
        write_note(out, note)
    value = {"entries": size, "root": root, "checkpoint": note.text(), "file": None if out is None else str(out)}
    text = note.text().rstrip("\n") if out is None else f"a checkpoint of {size} entries is in {out}: keep it elsewhere"
    call.output.result(value, text)


@command.command("export")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A new folder, or a new file whose name ends in .zip."
)
@click.option("--public", is_flag=True, help="Only counts of uses; cells of fewer than 10 are left out.")
@leaf
def export(call: Call, out: Path, public: bool) -> None:
    """Write the log with its proofs, checkpoints, certificates and signed judgements, for an auditor without a key.

    `docs/audit/verify.py` checks it without this program. `uses.jsonl` records each use under the points of Art. 12(3)
    of the AI Act (Regulation (EU) 2024/1689). No face, identifier or listed name is in it. The export is logged.

    Example: `matcher audit export --out 2026-11.zip --user audrey`
    """
    from matcher.bootstrap import new_export
    from matcher.services.export import export_log, export_public

    session, notary = call.session, call.program.notary
    with new_export(out) as open_file:
        done = (export_public if public else export_log)(session, notary, open_file)
    value = {
        "file": str(out),
        "form": "public" if public else "audit",
        "entries": done.entries,
        "uses": done.uses,
        "certificates": done.certificates,
        "judgements": done.judgements,
        "checkpoint": done.note.text(),
    }
    what = "counts of uses" if public else f"{done.entries} entries with {done.uses} uses"
    call.output.result(value, f"{what} up to a checkpoint of {done.entries} entries are in {out}")


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
