"""What an erasure does to sealed files and to alerts, before and within the transaction that begins it.

1. Every revision of a collection that holds one of the subjects is sealed anew without them, beside the old one; where
   nothing is left it is only noted. Digests and counts of what is left go into the database.
2. A container of pictures keeps its length up to the last picture that somebody who is left needs: offsets stay what
   revisions and known-answer items say. Everything else in it becomes zeros, pictures that no revision refers to too.
3. An alert that shows one of them is closed if it waits; their sealed subject is emptied, and the probe with its place
   unless another candidate of the alert is a lead. Of a known-answer item the answer is emptied as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from matcher.domain.erasure import ANSWER, CLOSED, PLACE, PROBE, Shown, part_of
from matcher.domain.ports import ContainerWriter
from matcher.domain.reduction import cut
from matcher.domain.revision import Item, Remains, Revision, RevisionContent, content_digest
from matcher.domain.tables import UnitOfWork
from matcher.services.uncommitted import pictures_of
from matcher.services.workplace import Session

MOST_SAMPLES = 16  # of each kind: the home is searched for all of them
_PIECE = 1 << 20
_SAMPLE = 48  # bytes


@dataclass(slots=True)
class Cutting:
    """What is to be exchanged. `subjects`: who is erased, None for everybody; `holding`: revisions that held them."""

    erasure_id: str
    subjects: frozenset[str] | None
    number: int = 0  # once it is begun
    remains: list[tuple[str, Remains]] = field(default_factory=list)
    containers: list[str] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    items: set[tuple[str, str]] = field(default_factory=set)

    def erases(self, subject_id: str | None) -> bool:
        """Whether this subject is erased."""
        return subject_id is not None and (self.subjects is None or subject_id in self.subjects)

    def touched(self, revision_id: str) -> bool:
        """Whether a revision held one of them."""
        return any(one == revision_id for one, _ in self.remains)


@dataclass(slots=True)
class Emptied:
    """What became of alerts: how many lost something, which were closed while they waited, and samples of it."""

    alerts: set[str] = field(default_factory=set)
    closed: list[str] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)


def cut_out(session: Session, cutting: Cutting, revisions: Sequence[Revision]) -> None:
    """Seals what is left of a collection's revisions, beside what there is. Raises IntegrityError, StorageFailed."""
    kept: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for revision in revisions:
        if revision.left is not None and revision.left.digest is None:
            continue
        content = session.place.revisions.left(session.vault, revision)
        gone = [item for item in content.items if cutting.erases(item.subject_id)]
        if gone:
            _note_samples(session, cutting, (revision, content), gone)
            content = _without(cutting, content)
            _leave(session, cutting, revision, content)
        for item in content.items:
            if item.picture is not None:
                kept[item.picture.container].add((item.picture.offset, item.picture.length))
    empty = {pictures_of(revision_id) for revision_id, left in cutting.remains if left.digest is None}
    for container_id in sorted({pictures_of(one.revision_id) for one in revisions} - empty):
        if session.place.revisions.samples([container_id])[0]:
            _blank(session, cutting, container_id, sorted(kept[container_id]))


def empty_alerts(work: UnitOfWork, cutting: Cutting, emptied: Emptied, shown: Iterable[Shown], now: datetime) -> None:
    """Rule 3, for candidates of searches and of known-answer items."""
    of_alert: dict[str, list[Shown]] = defaultdict(list)
    for one in shown:
        of_alert[one.alert_id].append(one)
    concerned = {
        alert_id: rows
        for alert_id, rows in of_alert.items()
        if any(cutting.erases(one.subject_id) or cutting.erases(one.person) for one in rows)
    }
    waiting = [alert_id for alert_id, rows in concerned.items() if rows[0].open]
    work.erasures.close(waiting, CLOSED, now)
    emptied.closed += waiting
    for alert_id, rows in concerned.items():
        for part in _parts(cutting, rows):
            empty_part(work, cutting.number, emptied, alert_id, part)


def empty_part(work: UnitOfWork, number: int, emptied: Emptied, alert_id: str, part: str) -> None:
    """Empties one value, and keeps a sample of what was sealed."""
    sealed = work.erasures.empty(number, alert_id, part)
    if sealed:
        emptied.alerts.add(alert_id)
    if sealed and len(emptied.samples) < MOST_SAMPLES:
        emptied.samples.append(sealed[-_SAMPLE:])


def _parts(cutting: Cutting, rows: Sequence[Shown]) -> list[str]:
    hit = [one for one in rows if cutting.erases(one.subject_id)]
    parts = [part_of(one.candidate_id) for one in hit]
    if not any(one.lead and one not in hit for one in rows):
        parts += [PROBE, PLACE]
    return parts if rows[0].person is None else [*parts, ANSWER]


def _without(cutting: Cutting, content: RevisionContent) -> RevisionContent:
    everybody = frozenset(item.subject_id for item in content.items)
    return cut(content, everybody if cutting.subjects is None else cutting.subjects)


def _leave(session: Session, cutting: Cutting, revision: Revision, content: RevisionContent) -> None:
    if not content.items:
        cutting.remains.append((revision.revision_id, Remains(None, 0, 0, 0)))
        return
    session.place.revisions.write_left(session.vault, revision.revision_id, cutting.erasure_id, content)
    cutting.containers += [f"{revision.revision_id}-items", f"{revision.revision_id}-templates"]
    left = Remains(
        content_digest(content),
        len({item.subject_id for item in content.items if item.row is not None}),
        len(content.templates),
        sum(item.row is None for item in content.items),
    )
    cutting.remains.append((revision.revision_id, left))


def _note_samples(
    session: Session, cutting: Cutting, opened: tuple[Revision, RevisionContent], gone: Sequence[Item]
) -> None:
    """Of sealed files as they lie on the disk, and of what must not lie there at all: rows and pictures in clear."""
    revision, content = opened
    cutting.people |= {item.subject_id for item in gone}
    cutting.items |= {(item.subject_id, item.digest) for item in gone}
    if len(cutting.samples) >= 4 * MOST_SAMPLES:
        return
    names = [f"{revision.revision_id}-{kind}" for kind in ("items", "templates", "screen", "pictures")]
    cutting.samples += [one for one in session.place.revisions.samples(names) if one]
    for item in gone[:MOST_SAMPLES]:
        if item.row is not None:
            cutting.samples.append(content.templates[item.row].astype("<f4").tobytes()[:_SAMPLE])
        if item.picture is not None:
            length = min(_SAMPLE, item.picture.length)
            middle = item.picture.offset + (item.picture.length - length) // 2
            cutting.samples.append(session.vault.read(item.picture.container, middle, length))


def _blank(session: Session, cutting: Cutting, container_id: str, kept: Sequence[tuple[int, int]]) -> None:
    """A container of pictures with nothing but the `kept` ones in it (offset, length), where they were."""
    size = session.vault.size(container_id)
    if _covers(kept, size):
        return
    with session.vault.new_successor(container_id, cutting.erasure_id) as box:
        end = 0
        for offset, length in kept:
            _zeros(box, offset - end)
            for at in range(offset, offset + length, _PIECE):
                box.append(session.vault.read(container_id, at, min(_PIECE, offset + length - at)))
            end = offset + length
        box.keep()
    cutting.containers.append(container_id)


def _covers(kept: Sequence[tuple[int, int]], size: int) -> bool:
    end = 0
    for offset, length in kept:
        if offset != end:
            return False
        end = offset + length
    return end == size


def _zeros(box: ContainerWriter, count: int) -> None:
    for at in range(0, count, _PIECE):
        box.append(bytes(min(_PIECE, count - at)))
