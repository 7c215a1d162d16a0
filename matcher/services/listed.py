"""Committing to who is listed with every activation, and answering whether somebody was (`domain/listed.py`).

1. The leaves of a revision are sealed once, beside it, when it is first activated; an erasure leaves them: without the
   home key *and* an id they are nothing, and with both they answer the one question they are kept for.
2. The question is an admin's, and logged without the id. The day is one of UTC; an activation is in force from its
   signature to the end of its lease, or if sooner to the next activation of the list or the end of its service.
3. A proof is checked against the log of the home, without a key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from json import loads

from matcher.domain.cohort import end_of
from matcher.domain.events import Action, Detail, LogEntry, event
from matcher.domain.ids import utc_time
from matcher.domain.listed import LEAF_BYTES, ListedProof, leaf_of
from matcher.domain.merkle import Tree, root_of
from matcher.domain.people import Role
from matcher.domain.revision import Revision
from matcher.domain.tables import UnitOfWork
from matcher.errors import BadInput, IntegrityError
from matcher.services.workplace import Session, Workplace, refusals_logged, still_here

_SIGNED = (Action.ACTIVATED, Action.DERIVED, Action.RAISED, Action.RENEWED)
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class InForce:
    """An activation: of which list, by which entry of the log, from when until when."""

    list_name: str
    certificate: str
    sequence: int
    root: str
    size: int
    revision_id: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """Whether somebody was among the subjects of an activation; the proof, where they were."""

    activation: InForce
    proof: ListedProof | None


def listed_of(revision_id: str) -> str:
    """The container of the leaves of a revision."""
    return f"{revision_id}-listed"


def leaves_of(session: Session, revision: Revision) -> Sequence[bytes]:
    """The leaves of a revision, as they are sealed or are to be."""
    if session.vault.holds(listed_of(revision.revision_id)):
        return _leaves(session, revision.revision_id)
    screen, _ = session.place.revisions.screen(session.vault, revision)
    return sorted(_leaf(session, revision.revision_id, subject) for subject in screen.subject_ids)


def seal_leaves(session: Session, revision: Revision, leaves: Sequence[bytes]) -> None:
    """Seals the leaves of a revision unless they are.

    Within the transaction that asked `still_here`: leaves under an older home key would stop every later activation.
    """
    container_id = listed_of(revision.revision_id)
    if session.vault.holds(container_id):
        return
    with session.vault.new_container(container_id) as box:
        for at in range(0, len(leaves), _PIECE // LEAF_BYTES):
            box.append(b"".join(leaves[at : at + _PIECE // LEAF_BYTES]))
        box.keep()


def was_listed(session: Session, subject_id: str, day: date) -> Sequence[Listed]:
    """The answer for every activation that was in force on a day. Raises BadInput for a day to come, MissingRole."""
    now = session.place.clock()
    with refusals_logged(session, "watchlist.listed", ""):
        session.user.require(Role.ADMIN)
        if day > now.date():
            raise BadInput(f"--on {day} is still to come: nobody knows who will be listed")
        with session.place.work() as work:
            still_here(session, work)
            begins, ends = datetime.combine(day, time.min, tzinfo=UTC), end_of(day)
            asked = [one for one in _activations(work) if one.begins <= ends and one.ends >= begins]
            found = [_answer(session, one, subject_id) for one in asked]
            facts: dict[str, Detail] = {"day": day.isoformat(), "activations": len(found)}
            work.log.append(event(Action.LISTED_ASKED, session.user.name, **facts))
            work.commit()
    return found


def check_proof(place: Workplace, proof: ListedProof) -> InForce:
    """The activation that a proof is about. Raises IntegrityError unless it holds and the log has its root."""
    if not proof.holds():
        raise IntegrityError("the proof does not lead from this subject to its root: it was altered")
    with place.work(write=False) as work:
        for one in _activations(work):
            if (one.certificate, one.root, one.size) == (proof.certificate, proof.root, proof.size):
                return one
    raise IntegrityError("the log of this home holds no activation with this root: it is another home's proof, or none")


def _activations(work: UnitOfWork) -> Sequence[InForce]:
    """Every one that committed to its subjects, with its end cut to the moment that the list served no more."""
    done: list[InForce] = []
    last: dict[str, InForce] = {}
    for entry in work.log.entries():
        for name in _ended_by(entry):
            if name in last:
                before = last.pop(name)
                done.append(replace(before, ends=min(before.ends, entry.time)))
        if entry.action in _SIGNED and "listed_root" in (details := loads(entry.details)):
            last[details["list"]] = InForce(
                list_name=details["list"],
                certificate=details["certificate"],
                sequence=entry.sequence,
                root=details["listed_root"],
                size=details["listed"],
                revision_id=details["listed_revision"],
                begins=entry.time,
                ends=utc_time(details["lease_until"]),
            )
    return sorted([*done, *last.values()], key=lambda one: one.sequence)


def _ended_by(entry: LogEntry) -> Iterator[str]:
    """The list, if this entry ends what served of it."""
    if entry.action in (*_SIGNED, Action.LIST_RETIRED):
        yield loads(entry.details)["list"]
    elif entry.action == Action.LIST_ERASED and loads(entry.details)["out_of_service"]:
        yield loads(entry.details)["name"]


def _answer(session: Session, activation: InForce, subject_id: str) -> Listed:
    revision_id = activation.revision_id
    leaves = _leaves(session, revision_id)
    if (root_of(leaves).hex(), len(leaves)) != (activation.root, activation.size):
        raise IntegrityError(f"what list {activation.list_name} held then was altered: the log has another root")
    wanted = _leaf(session, revision_id, subject_id)
    if wanted not in leaves:
        return Listed(activation, None)
    place = leaves.index(wanted)
    path = tuple(step.hex() for step in Tree(leaves).inclusion(place))
    salt = session.vault.salt(revision_id, subject_id).hex()
    proof = ListedProof(activation.certificate, activation.root, activation.size, subject_id, salt, place, path)
    return Listed(activation, proof)


def _leaf(session: Session, revision_id: str, subject_id: str) -> bytes:
    return leaf_of(session.vault.salt(revision_id, subject_id), subject_id)


def _leaves(session: Session, revision_id: str) -> Sequence[bytes]:
    container_id = listed_of(revision_id)
    data = session.vault.read(container_id, 0, session.vault.size(container_id))
    return [data[at : at + LEAF_BYTES] for at in range(0, len(data), LEAF_BYTES)]
