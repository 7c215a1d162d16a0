"""Homes and people: the first user, more users, suspending and restoring them."""

import hashlib

from matcher.domain.events import Action, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role, User, check_user_name
from matcher.errors import BadInput, Refused
from matcher.services.workplace import Session, Workplace, refusals_logged, refusals_of, still_here


def begin_home(place: Workplace, demo: bool) -> str:
    """Writes the facts of a new home and returns the recovery code, which is stored nowhere."""
    code, public = place.keyring.new_recovery()
    with place.work() as work:
        home_id = new_id(place.random)
        work.home.create(home_id, place.clock(), demo, public)
        recovery = hashlib.sha256(public).hexdigest()
        work.log.append(event(Action.HOME_CREATED, place.seat.account, demo=demo, home=home_id, recovery=recovery))
        work.commit()
    return code


def add_user(place: Workplace, actor: Session | None, name: str, roles: frozenset[Role], passphrase: str) -> User:
    """Adds a user. The first user of a home needs no actor and must be an admin; later ones are added by an admin.

    Raises BadInput for a bad or taken name, MissingRole, Refused.
    """
    check_user_name(name)
    if not roles:
        raise BadInput("a user needs at least one role: --role admin, approver, reviewer or auditor")
    with place.work(write=False) as work:
        first = work.users.count() == 0
        facts = work.home.get()
        taken = work.users.get(name) is not None
    if taken:
        raise BadInput(f"user {name} exists already: choose another name")
    with refusals_of(place, actor.user.name if actor else place.seat.account, "user.add", name):
        if actor is not None:
            with place.work(write=False) as work:
                still_here(actor, work)
        if first and Role.ADMIN not in roles:
            raise Refused("the first user of a home must be an admin, who then adds the others: --role admin")
        if first:
            keys = place.keyring.first_user(name, passphrase, facts.recovery_public)
        elif actor is None:
            raise Refused("only an admin adds users to a home that has some: give --user and the admin's passphrase")
        else:
            actor.user.require(Role.ADMIN)
            keys = actor.keys.keys_for(name, passphrase, holds_home_key=roles != {Role.AUDITOR})
    with place.work() as work:
        if actor is not None:
            still_here(actor, work)
        user = User(name, roles, keys.public_key, place.clock())
        if first and work.users.count():
            raise Refused("somebody else added the first user meanwhile: sign in as an admin")
        work.users.add(user, keys.record)
        if keys.recovery_sealed is not None:
            work.home.set_recovery_sealed(keys.recovery_sealed)
        work.log.append(
            event(
                Action.USER_ADDED,
                actor.user.name if actor else name,
                user=name,
                roles=",".join(sorted(roles)),
                key=keys.public_key.hex(),
                record=hashlib.sha256(keys.record).hexdigest(),
            )
        )
        work.commit()
    return user


def set_suspended(actor: Session, name: str, suspended: bool) -> None:
    """Suspends or restores a user; nobody suspends themselves, so that a home keeps an admin who can act."""
    with refusals_logged(actor, "user.suspend", name):
        actor.user.require(Role.ADMIN)
        if name == actor.user.name:
            raise Refused("you cannot suspend yourself: ask another admin")
    with refusals_logged(actor, "user.suspend", name), actor.place.work() as work:
        still_here(actor, work)
        if work.users.get(name) is None:
            raise BadInput(f"there is no user {name} in this home: see matcher user list")
        work.users.set_suspended(name, suspended)
        action = Action.USER_SUSPENDED if suspended else Action.USER_RESTORED
        work.log.append(event(action, actor.user.name, user=name))
        work.commit()
