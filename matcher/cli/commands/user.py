"""`matcher user`: the people of a home."""

from typing import TYPE_CHECKING

import rich_click as click

from matcher.cli.common import Call, agreed, leaf, passphrase
from matcher.cli.output import table

if TYPE_CHECKING:
    from matcher.domain.people import User

ROLES = ("admin", "approver", "reviewer", "auditor")


@click.group("user")
def command() -> None:
    """The people of a home and their passphrases. Loader and approver of a list are always two people."""


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
    rows = [(user.name, ", ".join(sorted(user.roles)), _state(user)) for user in users]
    value = [
        {"name": user.name, "roles": sorted(user.roles), "suspended": user.suspended, "removed": user.removed}
        for user in users
    ]
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


@command.command("passphrase")
@leaf
def change(call: Call) -> None:
    """Change your own passphrase: the old one is asked for, then the new one twice.

    In scripts: MATCHER_PASSPHRASE and MATCHER_NEW_PASSPHRASE. The old one opens nothing from then on; whoever is signed
    in with it signs in again. A copy of the home that was made before still opens with the old one.

    Example: `matcher user passphrase --user ana`
    """
    from matcher.services.people import change_passphrase

    session = call.session
    name = session.user.name
    change_passphrase(session, passphrase("MATCHER_NEW_PASSPHRASE", f"New passphrase of {name}", confirm=True))
    call.output.result({"name": name, "passphrase": "changed"}, f"the passphrase of {name} is changed")


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help='Skip "are you sure?".')
@leaf
def remove(call: Call, name: str, yes: bool) -> None:
    """Remove a person for good: their keys are deleted, what they signed can still be verified.

    The name is never given again. Whoever held the home key may have kept it: `matcher rotate-key` seals the home anew.

    Example: `matcher user remove ana --user boss --yes`
    """
    from matcher.services.people import remove_user

    session = call.session
    agreed(f"Remove {name} for good?", yes)
    user = remove_user(session, name)
    held = sorted(user.roles) != ["auditor"]
    if held:
        call.output.say(
            f"{name} could open what is sealed in this home, and a copy of the home key that they made with a program "
            "of their own still does: matcher rotate-key seals the home anew under another."
        )
    call.output.result(
        {"name": name, "removed": True, "held_home_key": held}, f"{name} is removed; what they signed stays"
    )


@command.command("recover")
@click.argument("name")
@leaf
def recover(call: Call, name: str) -> None:
    """Become an admin, under a new name, with the recovery code that `matcher init` printed.

    For when every admin's passphrase is lost. Asks for the code (or MATCHER_RECOVERY_CODE) and a new passphrase (or
    MATCHER_NEW_PASSPHRASE). The code works once; the next one is printed, once.

    Example: `matcher user recover chief`
    """
    from matcher.services.people import recover_home

    place = call.program.place
    code = passphrase("MATCHER_RECOVERY_CODE", "Recovery code")
    secret = passphrase("MATCHER_NEW_PASSPHRASE", f"New passphrase of {name}", confirm=True)

    def tell(next_code: str) -> None:
        call.output.say("Write the next recovery code down now; it is stored nowhere and never shown again.")
        call.output.result(
            {"name": name, "roles": ["admin"], "recovery_code": next_code},
            f"admin          {name}\nrecovery code  {next_code}\n"
            "next           matcher user list, and suspend or remove whom nobody answers for",
        )

    recover_home(place, code, name, secret, tell)


def _state(user: "User") -> str:
    if user.removed:
        return "removed"
    return "suspended" if user.suspended else "active"


def _set(call: Call, name: str, suspended: bool) -> None:
    from matcher.services.people import set_suspended

    set_suspended(call.session, name, suspended)
    call.output.result({"name": name, "suspended": suspended}, f"{name} is {'suspended' if suspended else 'active'}")
