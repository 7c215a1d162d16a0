"""Rotating the home key: everything sealed is sealed anew under another, and the old one opens nothing that is left.

1. An admin rotates. The next key is sealed to everybody who holds the old one, with the public key that they have
   (`UnlockedKeys.next_home_key`): nobody need be there, and passphrases and recovery code stay. Who was removed gets
   none.
2. Containers are sealed anew first, beside the old ones, which takes as much room as they have; journals of interrupted
   loads are removed. Until the transaction is committed all that is nothing.
3. One transaction is the switch: every sealed value of an alert, every key record and what the recovery code opens. It
   is refused where a collection was loaded or erased meanwhile: what is sealed anew would not be all there is.
4. Files are exchanged, the database is written anew and the home searched for old seals, as an erasure does it
   (`finish_erasure.py`), by whoever opens the home next if this program ends first.
5. Whoever is signed in meanwhile changes nothing any more (`still_here`), and what they cannot open tells them why.
6. What the log says of sealed bytes goes on to hold: the database keeps digests of what each value was and is
   (`store/origins.py`), and the log a digest of these and of every new key record.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcher.domain.erasure import Erasure, Sought
from matcher.domain.events import Action, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.ports import NextHomeKey
from matcher.domain.tables import UnitOfWork
from matcher.errors import Refused
from matcher.services.finish_erasure import dropped_unless_committed, finish
from matcher.services.uncommitted import sweep
from matcher.services.workplace import Session, refusals_logged, still_here

Progress = Callable[[int, int], None]

MOST_SAMPLES = 16  # old seals of each kind that the home is searched for afterwards
_SAMPLE = 48  # bytes
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Rotated:
    """How much was sealed anew, who holds the next key, and how the home was searched for the old seals."""

    containers: int
    values: int
    people: tuple[str, ...]
    sought: Sought


def rotate_home_key(session: Session, progress: Progress) -> Rotated:
    """Puts everything sealed under another home key; `progress` is told bytes of containers done, and of all.

    Raises MissingRole, Refused while a load is under way or when the home changed meanwhile, IntegrityError where
    something does not open with the old key, StorageFailed.
    """
    place = session.place
    with refusals_logged(session, "home.rotate", ""):
        session.user.require(Role.ADMIN)
        following = session.keys.next_home_key()
        sweep(session)
        session.vault.discard_journals()
        erasure_id = new_id(place.random)
        with dropped_unless_committed(place, erasure_id):
            with place.work(write=False) as work:
                still_here(session, work)
                before = _standing(work)
            containers = place.revisions.containers(frozenset(before[0]))
            samples = list(place.revisions.samples(containers[:MOST_SAMPLES]))
            _seal_anew(session, following, (erasure_id, containers), progress)
            with place.work() as work:
                still_here(session, work)
                if _standing(work) != before:
                    raise Refused("something was loaded or erased meanwhile: rotate again")
                erasure, values, people = _switch(session, work, following, erasure_id, samples)
                place.revisions.hold(erasure_id, containers)
                work.commit()
    return Rotated(len(containers), values, people, finish(place, erasure, samples))


def _standing(work: UnitOfWork) -> tuple[Sequence[str], int]:
    """What containers there are follows from these: the revisions, and how many erasures there were."""
    return sorted(work.revisions.ids()), len(work.erasures.all())


def _seal_anew(session: Session, following: NextHomeKey, which: tuple[str, Sequence[str]], progress: Progress) -> None:
    erasure_id, containers = which
    old, new = session.vault, following.vault
    sizes = [old.size(one) for one in containers]
    done, total = 0, sum(sizes)
    for number, (container_id, size) in enumerate(zip(containers, sizes, strict=True)):
        with new.new_successor(container_id, erasure_id) as box:
            for at in range(0, size, _PIECE):
                piece = old.read(container_id, at, min(_PIECE, size - at))
                box.append(piece)
                done += len(piece)
                progress(done, total)
            box.keep()
        session.place.revisions.hold(erasure_id, containers[: number + 1])  # no sweep takes them, however long it takes


def _switch(
    session: Session, work: UnitOfWork, following: NextHomeKey, erasure_id: str, samples: list[bytes]
) -> tuple[Erasure, int, tuple[str, ...]]:
    """What the transaction does: the erasure, how many values were sealed anew, and who holds the next key."""
    by, now, facts = session.user.name, session.place.clock(), work.home.get()
    number = work.erasures.begin(erasure_id, facts.home_id, by, now)
    vaults = session.vault, following.vault
    seals: list[bytes] = []
    for alert_id in work.erasures.alerts():
        old = work.erasures.reseal(number, vaults, alert_id)
        seals += [one[-_SAMPLE:] for one in old[: MOST_SAMPLES - len(seals)]]
    sealed = following.for_recovery(facts.recovery_public)
    samples += [*seals, *([] if facts.recovery_sealed is None else [facts.recovery_sealed])]
    values = work.erasures.parts(number)
    work.log.append(
        event(
            Action.HOME_ROTATED,
            by,
            erasure=number,
            values_resealed=values,
            content=work.erasures.fingerprint(number),
            recovery_sealed=hashlib.sha256(sealed).hexdigest(),
        )
    )
    work.home.replace_sealed(sealed)  # which the database takes for that entry alone
    people = [user.name for user in work.users.all() if not user.removed and _rewrap(work, following, by, user.name)]
    return Erasure(number, erasure_id, facts.home_id, by, now), values, tuple(people)


def _rewrap(work: UnitOfWork, following: NextHomeKey, by: str, name: str) -> bool:
    """Gives one person the next key; False for an auditor."""
    before = work.users.keys(name)
    record = following.record_with(before)
    if record == before:
        return False
    work.users.set_keys(name, record)
    digest = hashlib.sha256(record).hexdigest()
    work.log.append(event(Action.USER_REWRAPPED, by, user=name, record=digest))
    return True
