"""Loading: files -> subjects -> template | Rejected -> a sealed revision. Nothing is stored unless all of it is.

1. A bad picture is a counted rejection; no usable picture at all is BadInput and stores nothing.
2. `load` adds to the newest revision, `replace` starts from nothing; either makes a new revision, never an edit.
3. One subject's same picture counts once, however often it is loaded.
4. Templates of different model identities, or of machines that differ beyond the tolerance, never meet in one revision.
5. A list's reference that others speak against is a counted rejection (`misplaced.py`); its sealed picture goes unused.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import numpy as np

from matcher.calibration.enrolment import FailuresToEnrol, failures_to_enrol
from matcher.calibration.trials import members_of
from matcher.domain.cohort import Cohort
from matcher.domain.events import Action, event
from matcher.domain.face import Face, Picture
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.policy import Quality
from matcher.domain.ports import ContainerWriter, FacePipeline, UnitOfWork
from matcher.domain.rejection import NothingUsable, Reason, Rejected
from matcher.domain.revision import (
    MIXED,
    UNSEEN,
    Item,
    Pairs,
    PictureRef,
    Revision,
    RevisionContent,
    content_digest,
    in_canonical_order,
)
from matcher.domain.template import Floats, ModelIdentity
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput, Refused
from matcher.services.misplaced import COPIES, Reference, misplaced
from matcher.services.same_model import require_same_model, require_same_templates
from matcher.services.workplace import Session, refusals_logged, still_here

SILENCE = timedelta(hours=1)
Progress = Callable[[int, int], None]


class Row(Protocol):
    """One row of a manifest."""

    @property
    def subject_id(self) -> str: ...
    @property
    def image(self) -> Path | None: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Pairs: ...
    @property
    def attributes(self) -> Pairs: ...
    @property
    def session(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A manifest of pictures and what turns them into templates."""

    rows: Sequence[Row]
    read: Callable[[Path], Picture | Rejected]
    pipeline: FacePipeline
    quality: Quality

    @property
    def model(self) -> ModelIdentity:
        """What makes these templates."""
        return self.pipeline.identity

    @property
    def quality_digest(self) -> str:
        """Of the limits that these pictures are held to."""
        return self.quality.digest()

    @property
    def touchstone(self) -> bytes:
        """What this machine makes of the shipped faces."""
        return self.pipeline.touchstone


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSource:
    """Templates that came as unit float32 (n, d), one per row; no picture was seen."""

    rows: Sequence[Row]
    templates: Floats
    model: ModelIdentity
    quality_digest: str = UNSEEN
    touchstone: bytes = b""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one load did."""

    revision: Revision
    added: int
    duplicates: int
    rejected: tuple[tuple[str, Rejected], ...]  # (subject id, reason)
    changed: bool
    failed: FailuresToEnrol


def load_list(
    session: Session,
    name: str,
    source: PictureSource | EmbeddingSource,
    fresh: bool,
    progress: Progress,
) -> LoadResult:
    """Loads a watchlist (`fresh`: instead of what it held). Raises BadInput, Refused, MissingRole."""

    def find(work: UnitOfWork) -> Watchlist:
        watchlist = work.lists.named(name)
        if watchlist is None:
            raise BadInput(f"there is no list {name}: create it first (matcher watchlist create)")
        watchlist.require_open(session.place.clock())
        return watchlist

    def save(work: UnitOfWork, revision: Revision) -> None:
        work.lists.save(find(work).loaded(revision, session.place.clock()))

    return _load(session, _Target(find, save, Action.LIST_LOADED, name), source, fresh, progress)


def load_cohort(
    session: Session,
    name: str,
    source: PictureSource | EmbeddingSource,
    fresh: bool,
    progress: Progress,
) -> LoadResult:
    """Loads a cohort. Raises BadInput, Refused, MissingRole."""

    def find(work: UnitOfWork) -> Cohort:
        cohort = work.cohorts.named(name)
        if cohort is None:
            raise BadInput(f"there is no cohort {name}: create it first (matcher cohort create)")
        return cohort

    def save(work: UnitOfWork, revision: Revision) -> None:
        work.cohorts.save(replace(find(work), latest=revision))

    return _load(session, _Target(find, save, Action.COHORT_LOADED, name), source, fresh, progress)


@dataclass(frozen=True, slots=True)
class _Target:
    find: Callable[[UnitOfWork], Watchlist | Cohort]
    save: Callable[[UnitOfWork, Revision], None]
    action: Action
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Enrolled:
    item: Item
    template: Floats | None
    rejected: Rejected | None = None
    unread: str = ""  # what stood for this picture while its file could not be read
    source: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.item.subject_id, self.item.digest


def _load(
    session: Session,
    target: _Target,
    source: PictureSource | EmbeddingSource,
    fresh: bool,
    progress: Progress,
) -> LoadResult:
    with refusals_logged(session, target.action.value, target.name):
        session.user.require(Role.ADMIN)
        with session.place.work(write=False) as work:
            collection = target.find(work)
        before = None if fresh else collection.latest
        if before is not None:
            require_same_model(target.name, before.model, source.model)
            require_same_templates(target.name, before, source.touchstone)
    _sweep(session)
    kept = session.place.revisions.read(session.vault, before) if before is not None else None
    revision_id = new_id(session.place.random)
    with ExitStack() as undo:
        undo.callback(discard_uncommitted, session, revision_id)
        new = _enrol(session, source, revision_id, progress)
        if isinstance(collection, Watchlist):
            new = _without_misplaced(kept, new, source.model.pictures_seen)
        rejected = [(one.item.subject_id, one.rejected) for one in new if one.rejected is not None]
        content, duplicates = _merged(kept, new, source.model.dim)
        if isinstance(collection, Cohort):
            members_of(content.items)  # two labels for one person, across loads too
        if not any(enrolled.template is not None for enrolled in new):
            reasons = sorted({result.reason.value for _, result in rejected})
            raise NothingUsable(
                f"no usable picture in {len(source.rows)} rows ({', '.join(reasons)}): nothing was stored", rejected
            )
        revision = _revision(session, (collection, before), revision_id, content, source)
        failed = failures_to_enrol(content.items)
        added = revision.templates - (0 if before is None else before.templates)
        latest = collection.latest
        if latest is not None and _nothing_new(latest, before, revision):
            return LoadResult(latest, 0, duplicates, tuple(rejected), False, failed)
        screen = session.place.screen_of(content, revision.digest)
        session.place.revisions.write(session.vault, revision_id, content, screen)
        _commit(session, target, collection, revision, len(rejected))
        undo.pop_all()
    return LoadResult(revision, added, duplicates, tuple(rejected), True, failed)


def _nothing_new(latest: Revision, before: Revision | None, made: Revision) -> bool:
    """The same content; and, where it replaces, by the same people under the same limits."""
    vouched = before is not None or (latest.loaders, latest.quality) == (made.loaders, made.quality)
    return latest.digest == made.digest and vouched


def discard_uncommitted(session: Session, revision_id: str) -> None:
    """Removes what a load or a removal that failed has sealed. After a Ctrl-C it may be committed: then it stays."""
    with session.place.work(write=False) as work:
        committed = work.revisions.get(revision_id) is not None
    if not committed:
        session.place.revisions.discard(session.vault, revision_id)
        session.vault.remove(_pictures_of(revision_id))


def _pictures_of(revision_id: str) -> str:
    return f"{revision_id}-pictures"


def _sweep(session: Session) -> None:
    """Removes what loads that were killed left behind, once they have been silent for an hour."""
    with session.place.work(write=False) as work:
        known = work.revisions.ids()
    session.vault.sweep(known, session.place.clock() - SILENCE)


def _commit(
    session: Session,
    target: _Target,
    collection: Watchlist | Cohort,
    revision: Revision,
    rejected: int,
) -> None:
    with session.place.work() as work:
        still_here(session, work)
        if target.find(work).latest != collection.latest:
            raise Refused(f"somebody else loaded {target.name} meanwhile: load again")
        work.revisions.add(revision)
        target.save(work, revision)
        details = event(
            target.action,
            session.user.name,
            name=target.name,
            revision=revision.number,
            digest=revision.digest,
            model=revision.model.text(),
            subjects=revision.subjects,
            templates=revision.templates,
            rejected=rejected,
            rejected_in_all=revision.rejected,
            loaders=",".join(revision.loaders),
            quality=revision.quality,
            touchstone=revision.touchstone_digest,
        )
        work.log.append(details)
        work.commit()


def _revision(
    session: Session,
    additive: tuple[Watchlist | Cohort, Revision | None],
    revision_id: str,
    content: RevisionContent,
    source: PictureSource | EmbeddingSource,
) -> Revision:
    collection, before = additive
    return Revision(
        revision_id=revision_id,
        collection_id=collection.list_id if isinstance(collection, Watchlist) else collection.cohort_id,
        number=1 if collection.latest is None else collection.latest.number + 1,
        digest=content_digest(content),
        model=source.model,
        subjects=len({item.subject_id for item in content.items if item.row is not None}),
        templates=len(content.templates),
        rejected=sum(item.row is None for item in content.items),
        loaded_by=session.user.name,
        loaded_at=session.place.clock(),
        loaders=tuple(sorted({session.user.name, *(() if before is None else before.loaders)})),
        quality=source.quality_digest if before is None or before.quality == source.quality_digest else MIXED,
        touchstone=source.touchstone if before is None else before.touchstone,
    )


def _without_misplaced(kept: RevisionContent | None, new: Sequence[_Enrolled], pictures: bool) -> list[_Enrolled]:
    found = {one.key: Reference(*one.key, one.template, new=True) for one in new if one.template is not None}
    for item in () if kept is None else kept.items:
        if kept is not None and item.row is not None:
            key = item.subject_id, item.digest
            found[key] = Reference(*key, kept.templates[item.row], new=False)
    refused = misplaced(tuple(found.values()), COPIES if pictures else None)
    return [_turned_away(one, *refused[one.key]) if one.key in refused else one for one in new]


def _turned_away(one: _Enrolled, reason: Reason, detail: str) -> _Enrolled:
    item = replace(one.item, reason=reason, picture=None)
    return replace(one, item=item, template=None, rejected=Rejected(one.source, reason, detail))


def _merged(kept: RevisionContent | None, new: Iterable[_Enrolled], dim: int) -> tuple[RevisionContent, int]:
    """Old and new items in canonical order with renumbered rows, and how many new ones were there already."""
    found: dict[tuple[str, str], _Enrolled] = {}
    if kept is not None:
        for item in kept.items:
            found[item.subject_id, item.digest] = _Enrolled(
                item, None if item.row is None else kept.templates[item.row]
            )
    duplicates = 0
    for enrolled in new:
        key = enrolled.key
        duplicates += key in found
        if enrolled.template is None and key in found and found[key].template is not None:
            continue  # a load adds: what is in already is not taken out by stricter limits
        found.pop((enrolled.item.subject_id, enrolled.unread), None)
        found[key] = enrolled
    items: list[Item] = []
    templates: list[Floats] = []
    for item in in_canonical_order(tuple(enrolled.item for enrolled in found.values())):
        template = found[item.subject_id, item.digest].template
        items.append(replace(item, row=None if template is None else len(templates)))
        if template is not None:
            templates.append(template)
    rows = np.stack(templates).astype(np.float32) if templates else np.empty((0, dim), np.float32)
    rows.flags.writeable = False
    return RevisionContent(tuple(items), rows), duplicates


def _enrol(
    session: Session,
    source: PictureSource | EmbeddingSource,
    revision_id: str,
    progress: Progress,
) -> list[_Enrolled]:
    if isinstance(source, EmbeddingSource):
        return [
            _Enrolled(_item(row, hashlib.sha256(template.tobytes()).hexdigest()), template, source=row.name)
            for row, template in zip(source.rows, source.templates, strict=True)
        ]
    with session.vault.new_container(_pictures_of(revision_id)) as box:
        enrolled = [_one(row, picture, result, box) for row, picture, result in _results(source, progress)]
        box.keep()
    return enrolled


def _results(source: PictureSource, progress: Progress) -> Iterator[tuple[Row, Picture | Rejected, Face | Rejected]]:
    """Rows with their pictures and results, in order; only as many pictures in memory as the pipeline looks ahead."""
    ahead: deque[tuple[Row, Picture | Rejected]] = deque()

    def pictures() -> Iterator[Picture | Rejected]:
        for row in source.rows:
            if row.image is None:
                raise BadInput(f"subject {row.subject_id} has no image column to read")
            picture = source.read(row.image)
            ahead.append((row, picture))
            yield picture

    for number, (_, result) in enumerate(source.pipeline.references(pictures(), source.quality), start=1):
        row, picture = ahead.popleft()
        progress(number, len(source.rows))
        yield row, picture, result


def _one(
    row: Row,
    picture: Picture | Rejected,
    result: Face | Rejected,
    box: ContainerWriter,
) -> _Enrolled:
    # A picture that cannot be read is known by its name in the manifest, wherever the manifest lies.
    unread = hashlib.sha256(f"unread:{row.name}".encode()).hexdigest()
    if isinstance(result, Rejected):
        digest = hashlib.sha256(picture.data).hexdigest() if isinstance(picture, Picture) else unread
        return _Enrolled(replace(_item(row, digest), reason=result.reason), None, result, unread)
    if isinstance(picture, Rejected):
        raise TypeError("a template cannot come from a picture that was not read")
    place = PictureRef(box.container_id, box.append(picture.data), len(picture.data), result.place)
    item = replace(_item(row, hashlib.sha256(picture.data).hexdigest()), picture=place)
    return _Enrolled(item, result.template, None, unread, picture.name)


def _item(row: Row, digest: str) -> Item:
    return Item(row.subject_id, digest, row.labels, row.attributes, row.session, None, None, None)
