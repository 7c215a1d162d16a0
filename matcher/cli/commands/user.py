"""`matcher user`: the people of a home."""

import rich_click as click

from matcher.cli.common import Call, leaf, passphrase
from matcher.cli.output import table

ROLES = ("admin", "approver", "reviewer", "auditor")


@click.group("user")
def command() -> None:
    """Add, list, suspend and restore people. Loader and approver of a list are always two people."""


@command.command("add")
@click.argument("name")
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="May be given repeatedly."
)
@leaf
def add(call: Call, name: str, roles: tuple[str, ...]) -> None:
    """Add a person. They type their own passphrase (or MATCHER_NEW_PASSPHRASE). The first one needs no --user.

    Example: `matcher user add ana --role reviewer --user boss`
    """
    from matcher.domain.people import Role
    from matcher.services.people import add_user

    program = call.program
    with program.place.work(write=False) as work:
        first = work.users.count() == 0
    actor = None if first else call.session
    secret = passphrase("MATCHER_NEW_PASSPHRASE", f"New passphrase of {name}", confirm=True)
    user = add_user(program.place, actor, name, frozenset(Role(role) for role in roles), secret)
    call.output.result(
        {"name": user.name, "roles": sorted(user.roles)}, f"added {user.name}: {', '.join(sorted(user.roles))}"
    )


@command.command("list")
@leaf
def list_users(call: Call) -> None:
    """List the people of this home.

    Example: `matcher user list`
    """
    with call.program.place.work(write=False) as work:
        users = work.users.all()
    rows = [(user.name, ", ".join(sorted(user.roles)), "suspended" if user.suspended else "active") for user in users]
    value = [{"name": user.name, "roles": sorted(user.roles), "suspended": user.suspended} for user in users]
    call.output.result({"users": value}, table(("name", "roles", "state"), rows))


@command.command("suspend")
@click.argument("name")
@leaf
def suspend(call: Call, name: str) -> None:
    """Suspend a person: they can do nothing until restored.

    Example: `matcher user suspend ana --user boss`
    """
    _set(call, name, suspended=True)


@command.command("restore")
@click.argument("name")
@leaf
def restore(call: Call, name: str) -> None:
    """Lift a suspension.

    Example: `matcher user restore ana --user boss`
    """
    _set(call, name, suspended=False)


def _set(call: Call, name: str, suspended: bool) -> None:
    from matcher.services.people import set_suspended

    set_suspended(call.session, name, suspended)
    call.output.result({"name": name, "suspended": suspended}, f"{name} is {'suspended' if suspended else 'active'}")
