"""`matcher watchlist`: the life of a list."""

from datetime import datetime
from typing import Any

import rich_click as click

from matcher.cli.common import DAY, Call, agreed, leaf
from matcher.cli.loading import load_options, run_load
from matcher.cli.output import table


@click.group("watchlist")
def command() -> None:
    """Create, load, show, activate, suspend and retire lists."""


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

    Example: `matcher watchlist load missing people.csv --user boss`
    """
    run_load(call, "watchlist", name, given)


@command.command("show")
@click.argument("name")
@leaf
def show(call: Call, name: str) -> None:
    """Show one list: its terms, state, digests and what comes next.

    Example: `matcher watchlist show missing`
    """
    from matcher.services.list_lines import list_facts

    facts = list_facts(call.program.place, name)
    width = max(len(key) for key in facts)
    lines = [f"{key.replace('_', ' '):<{width}}  {value}" for key, value in facts.items() if value is not None]
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
    facts = [list_facts(call.program.place, name) for name in names]
    keys = ("name", "state", "subjects", "threshold", "tier", "ends_at", "expires")
    rows = [[fact[key] if fact[key] is not None else "" for key in keys] for fact in facts]
    call.output.result({"watchlists": facts}, table([key.replace("_", " ") for key in keys], rows))


@command.command("activate")
@click.argument("name")
@click.option("--type-number", type=int, help="N of the consequence, as you would type it at the prompt.")
@click.option("--acknowledge-misses", metavar="GROUP", help="Name the group of which more than half are missed.")
@leaf
def activate(call: Call, name: str, type_number: int | None, acknowledge_misses: str | None) -> None:
    """Activate a certified report, as an approver who is not the loader, by typing and signing its consequence.

    Example: `matcher watchlist activate missing --user approver`
    """
    from matcher.services.activate import activate as run
    from matcher.services.activate import prepare

    prepared = prepare(call.session, name)
    certificate = run(call.session, prepared, _typed(call, prepared, type_number), acknowledge_misses)
    _print_certificate(call, name, certificate)


@command.command("renew")
@click.argument("name")
@click.option("--type-number", type=int, help="N of the consequence, as you would type it at the prompt.")
@leaf
def renew(call: Call, name: str, type_number: int | None) -> None:
    """Renew the lease of an active or lapsed list by signing its consequence again.

    Example: `matcher watchlist renew missing --user approver`
    """
    from matcher.services.activate import prepare_renewal
    from matcher.services.activate import renew as run

    prepared = prepare_renewal(call.session, name)
    _print_certificate(call, name, run(call.session, prepared, _typed(call, prepared, type_number)))


@command.command("raise")
@click.argument("name")
@click.option("--threshold", required=True, metavar="T", help="The higher threshold, a multiple of 0.0001.")
@click.option("--type-number", type=int, help="N of the consequence, as you would type it at the prompt.")
@leaf
def raise_threshold(call: Call, name: str, threshold: str, type_number: int | None) -> None:
    """Raise the threshold of an active list: false alarms can only fall, misses can only rise.

    Example: `matcher watchlist raise missing --threshold 0.7500 --user approver`
    """
    from matcher.domain.template import threshold_from
    from matcher.services.activate import prepare_renewal
    from matcher.services.activate import raise_threshold as run

    tau = threshold_from(threshold)
    prepared = prepare_renewal(call.session, name)
    _print_certificate(call, name, run(call.session, prepared, _typed(call, prepared, type_number), tau))


@command.command("suspend")
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is logged and shown.")
@leaf
def suspend(call: Call, name: str, reason: str) -> None:
    """Stop a list at once. Anybody who is signed in may; an approver activates it again.

    Example: `matcher watchlist suspend missing --reason "wrong pictures" --user ana`
    """
    from matcher.services.collections import suspend_list

    suspend_list(call.session, name, reason)
    call.output.result({"name": name, "state": "suspended"}, f"list {name} is suspended: searches are refused")


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


def _typed(call: Call, prepared: Any, type_number: int | None) -> int:
    """The number that the approver types after reading the consequence. Raises UsageError with nobody to ask."""
    import sys

    from matcher.errors import UsageError

    call.output.say(prepared.consequence)
    if type_number is not None:
        return type_number
    if not sys.stdin.isatty():
        raise UsageError("read the consequence above and give its first number with --type-number N")
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
    shown = f"list {name} is active at {score_text(terms.binding.threshold)} ({terms.tier}) until {terms.lease_until}"
    call.output.result(value, shown)
