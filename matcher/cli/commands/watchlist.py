"""`matcher watchlist`: the life of a list."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click

from matcher.cli.common import DAY, Call, agreed, leaf
from matcher.cli.loading import load_options, run_load
from matcher.cli.output import local_text, table

_MOST_STDIN = 16_000_000


@click.group("watchlist")
def command() -> None:
    """Create, load, show, shorten, activate, suspend, retire and erase lists."""


@command.command("create")
@click.argument("name")
@click.option("--purpose", required=True, help="What the list is for.")
@click.option("--legal-basis", required=True, help="The law or consent it rests on.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--expires", type=DAY, required=True, help="Its last day (UTC), YYYY-MM-DD.")
@click.option("--searches-per-day", type=int, required=True, help="Expected searches per day.")
@click.option("--prior", help="Share of probes that are of listed people, if known.")
@click.option("--prior-source", help="Where that number comes from.")
@leaf
def create(call: Call, name: str, **terms: Any) -> None:
    """Create a draft list. It needs a purpose, a legal basis, an owner, an expiry date and expected searches per day.

    Example: `matcher watchlist create missing --purpose "find missing people" --legal-basis "consent of the family"
    --owner "unit 4" --expires 2027-06-30 --searches-per-day 20 --user boss`
    """
    from matcher.domain.watchlist import ListTerms
    from matcher.services.collections import create_list

    expires: datetime = terms.pop("expires")
    created = create_list(call.session, name, ListTerms(expires=expires.date(), **terms))
    call.output.result(
        {"name": created.name, "state": "draft"}, f"list {created.name} is a draft; next: matcher watchlist load"
    )


@command.command("load")
@click.argument("name")
@load_options
@leaf
def load(call: Call, name: str, **given: Any) -> None:
    """Load references from a manifest, a folder with one sub-folder per subject, or embeddings.

    Adds to what the list holds; --replace starts anew. The active revision serves until its successor is activated.
    Interrupted or killed, it goes on when the same command runs again, for seven days; --restart begins anew.

    Example: `matcher watchlist load missing people.csv --user boss`
    """
    run_load(call, "watchlist", name, given)


@command.command("remove")
@click.argument("name")
@click.argument("subjects", nargs=-1, metavar="SUBJECT_ID...")
@leaf
def remove(call: Call, name: str, subjects: tuple[str, ...]) -> None:
    """Remove subjects with all their pictures: a new revision, whatever serves goes on serving until it is activated.

    Where the rest is exactly what serves without them, an approver activates it without a new calibration: fewer people
    can only mean fewer false alarms, so the certificate is derived at the same threshold. Anything added or changed
    since needs a new calibration. Without SUBJECT_ID, ids are read from standard input, one a line, and stand in no
    history of the shell. What was sealed before stays sealed in the older revision until it is erased.

    Example: `matcher watchlist remove missing S-0042 --user boss`
    """
    from matcher.cli.count_output import print_removal
    from matcher.errors import UsageError
    from matcher.services.remove import remove_subjects

    given = subjects or _lines_of_stdin()
    if not given:
        raise UsageError("who is removed? give SUBJECT_ID, or ids on standard input, one a line")
    print_removal(call.output, name, remove_subjects(call.session, name, given))


@command.command("show")
@click.argument("name")
@click.option("--look-alikes", is_flag=True, help="For admins: which listed people this threshold does not keep apart.")
@leaf
def show(call: Call, name: str, look_alikes: bool) -> None:
    """Show one list: its terms, state, digests and what comes next, and how often reviewers rejected what it found.

    Example: `matcher watchlist show missing`
    """
    from matcher.services.list_lines import list_facts

    if look_alikes:
        from matcher.cli.handles_output import print_look_alikes
        from matcher.services.handles import known_look_alikes

        print_look_alikes(call.output, known_look_alikes(call.session, name))
        return
    facts, watched = list_facts(call.program.place, name)
    width = max(len(key) for key in facts)
    ends = None if facts["ends_at"] is None else local_text(str(facts["ends_at"]))
    shown = facts | {"ends_at": ends, "watched": watched}
    lines = [f"{key.replace('_', ' '):<{width}}  {value}" for key, value in shown.items() if value is not None]
    call.output.result(facts, "\n".join(lines))


@command.command("list")
@leaf
def list_lists(call: Call) -> None:
    """List all lists with their states.

    Example: `matcher watchlist list`
    """
    from matcher.services.list_lines import list_facts

    with call.program.place.work(write=False) as work:
        names = [watchlist.name for watchlist in work.lists.all()]
    facts = [list_facts(call.program.place, name)[0] for name in names]
    keys = ("name", "state", "subjects", "threshold", "tier", "ends_at", "expires")
    rows = [[_cell(key, fact[key]) for key in keys] for fact in facts]
    stops = [f"{fact['name']} stopped: {fact['suspended_because']}" for fact in facts if fact["suspended_because"]]
    shown = "\n".join([table([key.replace("_", " ") for key in keys], rows), *stops])
    call.output.result({"watchlists": facts}, shown)


def _signing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of everything that an approver signs."""
    for option in (
        click.option(
            "--acknowledge-misses", metavar="GROUP", help="Name the group of which more than half are missed."
        ),
        click.option(
            "--report",
            "read",
            metavar="DIGEST",
            help="Without a terminal: the report you have read (8 or more digits).",
        ),
        click.option("--type-number", type=int, help="Without a terminal: N of the consequence; needs --report."),
        click.argument("name"),
    ):
        command = option(command)
    return command


@command.command("activate")
@_signing
@leaf
def activate(call: Call, name: str, **said: Any) -> None:
    """Activate a certified report, as an approver who loaded none of the list, by typing and signing its consequence.

    A revision from which people were only removed since it serves is activated under the same report (derived).

    Example: `matcher watchlist activate missing --user approver`
    """
    from matcher.services.activate import activate as run
    from matcher.services.activate import prepare

    prepared = prepare(call.session, name)
    _print_certificate(
        call, name, run(call.session, prepared, _typed(call, prepared, said), said["acknowledge_misses"])
    )


@command.command("renew")
@_signing
@leaf
def renew(call: Call, name: str, **said: Any) -> None:
    """Renew the lease of an active or lapsed list by signing its consequence again.

    Example: `matcher watchlist renew missing --user approver`
    """
    from matcher.services.activate import prepare_renewal
    from matcher.services.activate import renew as run

    prepared = prepare_renewal(call.session, name)
    _print_certificate(
        call, name, run(call.session, prepared, _typed(call, prepared, said), said["acknowledge_misses"])
    )


@command.command("raise")
@click.option("--threshold", required=True, metavar="T", help="The higher threshold, a multiple of 0.0001.")
@_signing
@leaf
def raise_threshold(call: Call, name: str, threshold: str, **said: Any) -> None:
    """Raise the threshold of an active list: false alarms can only fall, misses can only rise.

    Example: `matcher watchlist raise missing --threshold 0.7500 --user approver`
    """
    from matcher.domain.template import threshold_from
    from matcher.services.activate import prepare_renewal
    from matcher.services.activate import renew as run

    prepared = prepare_renewal(call.session, name, threshold_from(threshold))
    _print_certificate(
        call, name, run(call.session, prepared, _typed(call, prepared, said), said["acknowledge_misses"])
    )


@command.command("suspend")
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is logged and shown.")
@leaf
def suspend(call: Call, name: str, reason: str) -> None:
    """Stop a list at once. Anybody who is signed in may; an approver activates it again.

    Example: `matcher watchlist suspend missing --reason "wrong pictures" --user ana`
    """
    from matcher.services.collections import suspend_list

    closed = suspend_list(call.session, name, reason)
    call.output.result(
        {"name": name, "state": "suspended", "alerts_closed": closed},
        f"list {name} is suspended: searches are refused; {closed} waiting alerts closed as inconclusive",
    )


@command.command("retire")
@click.argument("name")
@click.option("--yes", is_flag=True, help='Skip "are you sure?".')
@leaf
def retire(call: Call, name: str, yes: bool) -> None:
    """End a list for good. Its data stays until it is erased.

    Example: `matcher watchlist retire missing --yes --user boss`
    """
    from matcher.services.collections import retire_list

    agreed(f"Retire list {name} for good?", yes)
    retire_list(call.session, name)
    call.output.result({"name": name, "state": "retired"}, f"list {name} is retired")


@command.command("erase")
@click.argument("name", required=False)
@click.option("--subject", "subjects", multiple=True, metavar="SUBJECT_ID", help="Whom; may be given again.")
@click.option("--expired", is_flag=True, help="What is over: retired and expired lists, probes kept long enough.")
@click.option("--stop", is_flag=True, help="Although the list serves them: it is then calibrated again to be searched.")
@click.option("--close-waiting", is_flag=True, help="With --expired: close what still waits for reviewers.")
@click.option("--yes", is_flag=True, help='Skip "are you sure?".')
@leaf
def erase(call: Call, name: str | None, subjects: tuple[str, ...], **given: bool) -> None:
    """Erase people from every revision and alert of a list, for good; or, with --expired, whatever is over.

    Their references, labels and pictures go, and of alerts that show them the probe and whom it may show; what waits is
    closed, and said. Counts, scores, judgements, outcomes and the log stay, without the person. Then every file of the
    home is searched for what was erased, and a receipt is logged. Backups that you keep elsewhere still hold them.

    A list that serves them goes on only if they are removed first (matcher watchlist remove) and an approver activates
    the rest; --stop erases at once. Without --subject, ids are read from standard input, one a line.

    Example: `matcher watchlist erase missing --subject S-0042 --yes --user boss`
    """
    from matcher.cli.erasure_output import print_erased, print_expired
    from matcher.errors import UsageError
    from matcher.services.erase import erase_listed
    from matcher.services.expire import erase_expired_lists

    if given["expired"]:
        if subjects or given["stop"]:
            raise UsageError("--expired erases what is over as a whole: leave out --subject and --stop")
        agreed("Erase what is over, for good?", given["yes"])
        print_expired(call.output, erase_expired_lists(call.session, name, given["close_waiting"]), "list")
        return
    if name is None or given["close_waiting"]:
        raise UsageError("give the list and whom to erase; --close-waiting goes with --expired")
    wanted = subjects or _lines_of_stdin()
    if not wanted:
        raise UsageError("who is erased? give --subject SUBJECT_ID, or ids on standard input, one a line")
    agreed(f"Erase {len(wanted)} subjects from list {name}, for good?", given["yes"])
    print_erased(call.output, erase_listed(call.session, name, wanted, given["stop"]), "list")


@command.command("listed")
@click.argument("subject", metavar="SUBJECT_ID")
@click.option("--on", "day", type=DAY, required=True, help="A day (UTC), YYYY-MM-DD.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the proofs go, as JSON.")
@leaf
def listed(call: Call, subject: str, day: datetime, out: Path | None) -> None:
    """Say whether somebody was listed on a day, after the list is gone too, with a proof for whoever has the log.

    An admin asks, and the log says that it was asked, not of whom. That somebody was not listed is a statement: only
    another holder of the home key can check it.

    Example: `matcher watchlist listed S-0042 --on 2026-11-25 -o proof.json --user boss`
    """
    from matcher.cli.listed_output import print_listed
    from matcher.services.listed import was_listed

    print_listed(call.output, was_listed(call.session, subject, day.date()), out)


def _lines_of_stdin() -> tuple[str, ...]:
    """What a pipe or a file holds, one entry a line; nothing from a terminal. Raises BadInput."""
    import sys

    from matcher.errors import BadInput

    if sys.stdin is None or sys.stdin.isatty():
        return ()
    raw = sys.stdin.buffer.read(_MOST_STDIN + 1)
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise BadInput("standard input is not UTF-8 text: give one id a line") from None
    if len(raw) > _MOST_STDIN:
        raise BadInput(f"standard input is longer than {_MOST_STDIN} bytes: remove fewer subjects at a time")
    return tuple(line.strip() for line in lines if line.strip())


def _cell(key: str, value: object) -> object:
    if value is None:
        return ""
    return local_text(str(value)) if key == "ends_at" else value


def _typed(call: Call, prepared: Any, said: dict[str, Any]) -> int:
    """The number that the approver types after reading the consequence. Raises UsageError with nobody to ask.

    A script cannot sign what it has not been shown: the number counts only beside the digest of the report it is from.
    """
    import sys

    from matcher.errors import UsageError

    digest, number, read = prepared.certified.digest, said["type_number"], said["read"]
    call.output.say(f"report {digest}: {prepared.consequence}")
    if read is not None and (len(read) < 8 or not digest.startswith(read)):
        raise UsageError(
            f"--report {read} is not the report that would be signed: matcher report show {prepared.watchlist.name}"
        )
    if number is not None and read is not None:
        return int(number)
    if number is not None or not sys.stdin.isatty():
        raise UsageError("read the consequence above, then give its number with --type-number N and --report DIGEST")
    answer: int = click.prompt("Type N, the false alarms a day you accept", type=int, err=True)
    return answer


def _print_certificate(call: Call, name: str, certificate: Any) -> None:
    from matcher.domain.template import score_text

    terms = certificate.terms
    value = {
        "name": name,
        "state": "active",
        "tier": terms.tier,
        "threshold": terms.binding.threshold / 1_000_000,
        "approver": terms.approver,
        "lease_until": terms.lease_until,
        "certificate": certificate.digest(),
    }
    until = local_text(terms.lease_until)
    shown = f"list {name} is active at {score_text(terms.binding.threshold)} ({terms.tier}) until {until}"
    call.output.result(value, shown)
