"""Homes and people: the first user, more users, their passphrases, suspending, restoring and removing them.

1. Only an admin adds, suspends, restores and removes; nobody suspends or removes themselves, so a home keeps an admin.
2. Only who knows a passphrase changes it. The old one opens nothing from then on, and whoever is signed in with it
   must sign in again before they change anything.
3. Of somebody who was removed, name, roles and public key stay: what they signed can be verified. Their wrapped keys
   are deleted; the name is never given again.
4. Whoever has the recovery code makes themselves an admin under a name of their own, never under another's: nobody's
   signing key is behind it. A code works once; the next one is told before the home takes it, and stored nowhere.
"""

import hashlib
from collections.abc import Callable

from matcher.domain.events import Action, Event, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role, User, check_user_name
from matcher.domain.tables import UnitOfWork
from matcher.errors import BadInput, Refused, WrongPassphrase
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
        if actor is not None:
            still_here(actor, work)
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
        _present(work, name)
        work.users.set_suspended(name, suspended)
        action = Action.USER_SUSPENDED if suspended else Action.USER_RESTORED
        work.log.append(event(action, actor.user.name, user=name))
        work.commit()


def change_passphrase(actor: Session, new: str) -> None:
    """Puts the actor's own keys under another passphrase and salt. Raises BadInput for a weak or the old one."""
    place, name = actor.place, actor.user.name
    if _opens(place, actor.record, new):
        raise BadInput("the new passphrase is the old one: choose another")
    record = actor.keys.under(new)
    with refusals_logged(actor, "user.passphrase", name), place.work() as work:
        still_here(actor, work)
        work.users.set_keys(name, record)
        digest = hashlib.sha256(record).hexdigest()
        work.log.append(event(Action.USER_PASSPHRASE, name, user=name, record=digest))
        work.commit()


def recover_home(place: Workplace, code: str, name: str, passphrase: str, tell: Callable[[str], None]) -> User:
    """Adds an admin with the recovery code; `tell` is given the next code before this one is used up.

    Raises BadInput for a mistyped code or a bad or taken name, WrongPassphrase for another home's code or a used one.
    """
    check_user_name(name)
    with place.work(write=False) as work:
        facts = work.home.get()
        taken = work.users.get(name) is not None
    if taken:
        raise BadInput(
            f"user {name} exists already, and their signing key opens with their passphrase only: name another"
        )
    with refusals_of(place, place.seat.account, "user.recover", name):
        if facts.recovery_sealed is None:
            raise Refused("this home has no home key yet: matcher user add NAME --role admin makes it")
        next_code, public = place.keyring.new_recovery()
        keys = place.keyring.recovered(code, facts.recovery_sealed, (name, passphrase), public)
    with refusals_of(place, place.seat.account, "user.recover", name), place.work() as work:
        found = work.home.get()
        if found.recovery_public == facts.recovery_public and found.recovery_sealed != facts.recovery_sealed:
            raise Refused("the home key was rotated meanwhile, and the code was not used: recover again")
        if found != facts or keys.recovery_sealed is None:
            raise Refused("the recovery code was used meanwhile: the next one was printed there")
        user = User(name, frozenset({Role.ADMIN}), keys.public_key, place.clock())
        work.users.add(user, keys.record)
        work.log.append(_recovered(user, keys.record, public))
        work.home.replace_recovery(public, keys.recovery_sealed)  # which the database takes for that entry alone
        tell(next_code)
        work.commit()
    return user


def remove_user(actor: Session, name: str) -> User:
    """Deletes the wrapped keys of a user, who can do nothing from then on; returns them as they were.

    Raises MissingRole, Refused for oneself, BadInput for a name that is not there.
    """
    with refusals_logged(actor, "user.remove", name):
        actor.user.require(Role.ADMIN)
        if name == actor.user.name:
            raise Refused("you cannot remove yourself: ask another admin")
    with refusals_logged(actor, "user.remove", name), actor.place.work() as work:
        still_here(actor, work)
        user = _present(work, name)
        work.users.remove(name)
        work.log.append(event(Action.USER_REMOVED, actor.user.name, user=name))
        work.commit()
    return user


def _recovered(user: User, record: bytes, public: bytes) -> Event:
    return event(
        Action.USER_RECOVERED,
        user.name,
        user=user.name,
        roles=",".join(sorted(user.roles)),
        key=user.public_key.hex(),
        record=hashlib.sha256(record).hexdigest(),
        recovery_key=public.hex(),
    )


def _present(work: UnitOfWork, name: str) -> User:
    user = work.users.get(name)
    if user is None:
        raise BadInput(f"there is no user {name} in this home: see matcher user list")
    if user.removed:
        raise Refused(f"user {name} was removed from this home for good: add another name")
    return user


def _opens(place: Workplace, record: bytes, passphrase: str) -> bool:
    try:
        place.keyring.unlock(record, passphrase)
    except WrongPassphrase:
        return False
    return True
