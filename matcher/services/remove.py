"""Removing subjects: what a list holds -> the same without them, as a new revision. Whatever serves goes on serving.

1. Nothing is edited: the new revision holds every other item of the newest one, unchanged, and nothing else.
2. An unknown subject, or an empty list afterwards, is refused and nothing is stored.
3. Who removes is one of the new revision's loaders: another person, an approver, must sign for it.
4. The log holds counts and the digests of both revisions. No identifier is in it, not as a hash either: identifiers are
   few enough to be guessed. Whoever holds the home key can compare the two sealed revisions.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from matcher.domain.events import Action, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.reduction import Reduction, require_part, without
from matcher.domain.revision import Revision, RevisionContent, content_digest
from matcher.domain.watchlist import Watchlist
from matcher.errors import NotSearchable, Refused
from matcher.services.calibrate import latest_of_list
from matcher.services.collections import find_list
from matcher.services.uncommitted import discard_uncommitted
from matcher.services.workplace import Session, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed. `derivable`: an approver can activate the result without a new calibration."""

    revision: Revision
    subjects: int
    items: int
    derivable: bool


def remove_subjects(session: Session, name: str, subjects: Sequence[str]) -> Removal:
    """A new revision of the list without these subjects. Raises BadInput, Refused, MissingRole, IntegrityError."""
    with refusals_logged(session, "watchlist.remove", name):
        session.user.require(Role.ADMIN)
        watchlist, before = latest_of_list(session, name)
        content = session.place.revisions.read(session.vault, before)
        left = without(content, frozenset(subjects))
        revision = following(session, before, left)
        removed = len(frozenset(subjects)), len(content.items) - len(left.items)
        with ExitStack() as undo:
            undo.callback(discard_uncommitted, session, revision.revision_id)
            screen = session.place.screen_of(left, revision.digest)
            session.place.revisions.write(session.vault, revision.revision_id, left, screen)
            _commit(session, (watchlist, before), revision, removed)
            undo.pop_all()
    return Removal(revision, *removed, derivable=_derivable(session, watchlist, left))


def reduction_of(session: Session, whole: Revision, part: Revision) -> Reduction:
    """Opens both and shows that `part` is a part of `whole`. Raises NotSearchable where it is not, IntegrityError."""
    read = session.place.revisions.read
    return Reduction(whole, part, (read(session.vault, whole), read(session.vault, part)))


def _derivable(session: Session, watchlist: Watchlist, left: RevisionContent) -> bool:
    """Whether the list serves, and serves all of what is left, by the exact engine."""
    certificate = watchlist.certificate
    if watchlist.serving is None or (certificate is not None and certificate.terms.binding.engine):
        return False
    try:
        require_part(session.place.revisions.read(session.vault, watchlist.serving), left)
    except NotSearchable:
        return False
    return True


def following(session: Session, before: Revision, left: RevisionContent) -> Revision:
    """The revision after `before`, with what is left of its people."""
    return replace(
        before,
        revision_id=new_id(session.place.random),
        number=before.number + 1,
        digest=content_digest(left),
        subjects=len({item.subject_id for item in left.items if item.row is not None}),
        templates=len(left.templates),
        rejected=sum(item.row is None for item in left.items),
        loaded_by=session.user.name,
        loaded_at=session.place.clock(),
        loaders=tuple(sorted({session.user.name, *before.loaders})),
        left=None,
    )


def _commit(session: Session, stood: tuple[Watchlist, Revision], revision: Revision, removed: tuple[int, int]) -> None:
    watchlist, before = stood
    with session.place.work() as work:
        still_here(session, work)
        found = find_list(work, watchlist.name)
        if found.latest != before:
            raise Refused(f"somebody loaded list {found.name} meanwhile: remove again")
        work.revisions.add(revision)
        work.lists.save(found.loaded(revision, session.place.clock()))
        work.log.append(
            event(
                Action.LIST_REDUCED,
                session.user.name,
                name=found.name,
                revision=revision.number,
                digest=revision.digest,
                reduced_from=before.digest,
                subjects_removed=removed[0],
                items_removed=removed[1],
                model=revision.model.text(),
                subjects=revision.subjects,
                templates=revision.templates,
                rejected_in_all=revision.rejected,
                loaders=",".join(revision.loaders),
                quality=revision.quality,
                touchstone=revision.touchstone_digest,
            )
        )
        work.commit()
