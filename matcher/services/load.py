"""Loading: files -> subjects -> template | Rejected -> a sealed revision. Nothing is in it unless all of it is.

1. A bad picture is a counted rejection; no usable picture at all is BadInput and stores nothing.
2. `load` adds to the newest revision, `replace` starts from nothing; either makes a new revision, never an edit.
3. One subject's same picture counts once, however often it is loaded.
4. Templates of different model identities, or of machines that differ beyond the tolerance, never meet in one revision.
5. A list's reference that others speak against is a counted rejection (`misplaced.py`); its sealed picture goes unused.
6. A load that is interrupted can be gone on with (`load_journal.py`); the collection holds nothing of it until then.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from matcher.calibration.enrolment import FailuresToEnrol, failures_to_enrol
from matcher.calibration.trials import members_of
from matcher.domain.cohort import Cohort
from matcher.domain.events import Action, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.ports import LoadJournal
from matcher.domain.rejection import NothingUsable, Rejected
from matcher.domain.revision import MIXED, Revision, RevisionContent, content_digest
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput, Refused
from matcher.services.enrol import Enrolled, enrol_embeddings, enrol_pictures
from matcher.services.load_journal import journal_of
from matcher.services.merge import merged, without_misplaced
from matcher.services.same_model import require_same_model, require_same_templates
from matcher.services.sources import EmbeddingSource, Progress, Source
from matcher.services.uncommitted import discard_uncommitted, pictures_of, sweep
from matcher.services.workplace import Session, refusals_logged, still_here

Collection = Watchlist | Cohort


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
    source: Source,
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
    source: Source,
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
    find: Callable[[UnitOfWork], Collection]
    save: Callable[[UnitOfWork, Revision], None]
    action: Action
    name: str


def _load(session: Session, target: _Target, source: Source, fresh: bool, progress: Progress) -> LoadResult:
    with refusals_logged(session, target.action.value, target.name):
        session.user.require(Role.ADMIN)
        with session.place.work(write=False) as work:
            collection = target.find(work)
        before = None if fresh else collection.latest
        if before is not None:
            require_same_model(target.name, before.model, source.model)
            require_same_templates(target.name, before, source.touchstone)
    sweep(session)
    stood = _Stood(target, collection, before)
    with journal_of(session, _id_of(collection), source) as journal, ExitStack() as undo:
        revision_id = new_id(session.place.random) if journal is None else journal.begun.revision_id
        undo.callback(discard_uncommitted, session, revision_id)
        made = _made(session, stood, source, _enrol(session, source, revision_id, (journal, progress)))
        result = _stored(session, stood, source, revision_id, made)
        if result.changed:
            undo.pop_all()
    return result


@dataclass(frozen=True, slots=True)
class _Stood:
    """The collection as it was found, and the revision that is added to, None if it starts from nothing."""

    target: _Target
    collection: Collection
    before: Revision | None


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What the new revision is to hold, and what became of the rows on the way."""

    content: RevisionContent
    duplicates: int
    rejected: tuple[tuple[str, Rejected], ...]


def _enrol(
    session: Session, source: Source, revision_id: str, going: tuple[LoadJournal | None, Progress]
) -> list[Enrolled]:
    if isinstance(source, EmbeddingSource):
        return enrol_embeddings(source)
    with session.vault.new_container(pictures_of(revision_id)) as box:
        enrolled = enrol_pictures(source, box, *going)
        box.keep()
    return enrolled


def _made(session: Session, stood: _Stood, source: Source, new: list[Enrolled]) -> _Made:
    """Raises NothingUsable, BadInput."""
    kept = None if stood.before is None else session.place.revisions.read(session.vault, stood.before)
    if isinstance(stood.collection, Watchlist):
        new = without_misplaced(kept, new, source.model.pictures_seen)
    rejected = tuple((one.item.subject_id, one.rejected) for one in new if one.rejected is not None)
    content, duplicates = merged(kept, new, source.model.dim)
    if isinstance(stood.collection, Cohort):
        members_of(content.items)  # two labels for one person, across loads too
    if not any(one.template is not None for one in new):
        reasons = sorted({result.reason.value for _, result in rejected})
        raise NothingUsable(
            f"no usable picture in {len(source.rows)} rows ({', '.join(reasons)}): nothing was stored", rejected
        )
    return _Made(content, duplicates, rejected)


def _stored(session: Session, stood: _Stood, source: Source, revision_id: str, made: _Made) -> LoadResult:
    before, latest = stood.before, stood.collection.latest
    revision = _revision(session, stood, revision_id, made.content, source)
    failed = failures_to_enrol(made.content.items)
    added = revision.templates - (0 if before is None else before.templates)
    if latest is not None and _nothing_new(latest, before, revision):
        return LoadResult(latest, 0, made.duplicates, made.rejected, False, failed)
    screen = session.place.screen_of(made.content, revision.digest)
    session.place.revisions.write(session.vault, revision_id, made.content, screen)
    _commit(session, stood, revision, len(made.rejected))
    return LoadResult(revision, added, made.duplicates, made.rejected, True, failed)


def _nothing_new(latest: Revision, before: Revision | None, made: Revision) -> bool:
    """The same content; and, where it replaces, by the same people under the same limits."""
    vouched = before is not None or (latest.loaders, latest.quality) == (made.loaders, made.quality)
    return latest.digest == made.digest and vouched


def _commit(session: Session, stood: _Stood, revision: Revision, rejected: int) -> None:
    target = stood.target
    with session.place.work() as work:
        still_here(session, work)
        if target.find(work).latest != stood.collection.latest:
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


def _id_of(collection: Collection) -> str:
    return collection.list_id if isinstance(collection, Watchlist) else collection.cohort_id


def _revision(session: Session, stood: _Stood, revision_id: str, content: RevisionContent, source: Source) -> Revision:
    before, latest = stood.before, stood.collection.latest
    return Revision(
        revision_id=revision_id,
        collection_id=_id_of(stood.collection),
        number=1 if latest is None else latest.number + 1,
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
