"""Erasing people from a list or a cohort: what the rules of `domain/erasure.py` leave, and a receipt in the log.

1. An admin erases. An unknown subject is refused, and nobody is erased.
2. Where the newest revision of a list that is open, or of a cohort, holds them, a new revision without them is made, as
   a removal makes it: its eraser is one of its loaders, and another person must sign for it.
3. A list that serves them is only erased from with `stop`: it is out of service at once, and what is left of it must be
   calibrated again, since nobody can show any more that it is a part of what was tested. To go on serving, remove them
   (`remove.py`), have an approver sign the derived certificate, and erase then.
4. Interrupted loads may hold them: their journals are removed, and those loads begin anew.
5. The log holds counts and digests, no identifier, not as a hash either.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from matcher.domain.cohort import Cohort
from matcher.domain.erasure import CLOSED, Erasure, Shown, Sought
from matcher.domain.events import Action, Detail, event
from matcher.domain.ids import new_id
from matcher.domain.people import Role
from matcher.domain.reduction import cut
from matcher.domain.revision import Revision
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import ListState, Watchlist
from matcher.errors import AnotherPersonNeeded, BadInput, Refused
from matcher.services.collections import find_cohort, find_list
from matcher.services.erasing import Cutting, Emptied, cut_out, empty_alerts
from matcher.services.finish_erasure import dropped_unless_committed, finish
from matcher.services.remove import following
from matcher.services.uncommitted import discard_uncommitted, sweep
from matcher.services.workplace import Session, refusals_logged, still_here

if TYPE_CHECKING:
    from collections.abc import Iterator

OVER = (ListState.RETIRED, ListState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased. `closed`: alerts that waited and were closed; `cases`: theirs, to be submitted again.

    `revision` is the new one, if one was made; `out_of_service`: the list served them and serves no more.
    """

    name: str
    number: int
    subjects: int
    items: int
    revisions: int
    alerts: int
    closed: int
    cases: tuple[str, ...]
    revision: Revision | None
    out_of_service: bool
    sought: Sought


@dataclass(frozen=True, slots=True)
class Target:
    """A list or a cohort as it was found, with its revisions; `why` goes into the log."""

    collection: Watchlist | Cohort
    revisions: tuple[Revision, ...]
    why: str

    @property
    def collection_id(self) -> str:
        """Of the list or cohort."""
        return self.collection.list_id if isinstance(self.collection, Watchlist) else self.collection.cohort_id

    @property
    def serving(self) -> Revision | None:
        """The revision that serves, of a list."""
        return self.collection.serving if isinstance(self.collection, Watchlist) else None


def erase_listed(session: Session, name: str, subjects: Iterable[str], stop: bool) -> Erased:
    """Erases subjects of a list. Raises AnotherPersonNeeded (rule 3), BadInput, MissingRole, Refused, StorageFailed."""
    with refusals_logged(session, "watchlist.erase", name):
        session.user.require(Role.ADMIN)
        with session.place.work(write=False) as work:
            target = found_list(work, name, "subjects")
        over = isinstance(target.collection, Watchlist) and target.collection.state(session.place.clock()) in OVER

        def allowed(cutting: Cutting) -> None:
            serves = target.serving is not None and cutting.touched(target.serving.revision_id)
            if serves and not (stop or over):
                raise AnotherPersonNeeded(
                    f"list {name} serves people to be erased: remove them first (matcher watchlist remove {name}), "
                    "have an approver activate the rest, and erase then; or erase at once with --stop, which takes the "
                    "list out of service until it is calibrated again"
                )

        return erase(session, target, frozenset(subjects), allowed)


def erase_people(session: Session, name: str, subjects: Iterable[str]) -> Erased:
    """Erases people of a cohort, who took back their consent. Raises BadInput, MissingRole, Refused, IntegrityError."""
    with refusals_logged(session, "cohort.erase", name):
        session.user.require(Role.ADMIN)
        with session.place.work(write=False) as work:
            target = found_cohort(work, name, "subjects")
        return erase(session, target, frozenset(subjects), lambda _: None)


def found_list(work: UnitOfWork, name: str, why: str) -> Target:
    """A list and its revisions. Raises BadInput."""
    watchlist = find_list(work, name)
    return Target(watchlist, _revisions(work, watchlist.list_id), why)


def found_cohort(work: UnitOfWork, name: str, why: str) -> Target:
    """A cohort and its revisions. Raises BadInput."""
    cohort = find_cohort(work, name)
    return Target(cohort, _revisions(work, cohort.cohort_id), why)


def erase(
    session: Session, target: Target, subjects: frozenset[str] | None, allowed: Callable[[Cutting], None]
) -> Erased:
    """Erases subjects, None for everybody; `allowed` may refuse once it is known which revisions hold them."""
    sweep(session)
    session.vault.discard_journals()
    cutting = Cutting(new_id(session.place.random), subjects)
    with dropped_unless_committed(session.place, cutting.erasure_id):
        cut_out(session, cutting, target.revisions)
        if subjects is not None and (absent := len(subjects - cutting.people)):
            raise BadInput(
                f"{absent} of the {len(subjects)} subjects are not in {target.collection.name}: erased nobody"
            )
        allowed(cutting)
        with _revision(session, target, cutting) as revision:
            number, emptied, cases = _commit(session, target, cutting, revision)
    serving = target.serving
    erasure = Erasure(number, cutting.erasure_id, target.collection_id, session.user.name, session.place.clock())
    return Erased(
        name=target.collection.name,
        number=number,
        subjects=len(cutting.people),
        items=len(cutting.items),
        revisions=len(cutting.remains),
        alerts=len(emptied.alerts),
        closed=len(emptied.closed),
        cases=cases,
        revision=revision,
        out_of_service=serving is not None and cutting.touched(serving.revision_id),
        sought=finish(session.place, erasure, [*cutting.samples, *emptied.samples]),
    )


def _revisions(work: UnitOfWork, collection_id: str) -> tuple[Revision, ...]:
    return tuple(one for one in work.revisions.all() if one.collection_id == collection_id)


@contextmanager
def _revision(session: Session, target: Target, cutting: Cutting) -> "Iterator[Revision | None]":
    """The new revision without them, sealed, where one is needed and somebody is left (rule 2)."""
    latest = target.collection.latest
    is_over = isinstance(target.collection, Watchlist) and target.collection.state(session.place.clock()) in OVER
    if latest is None or is_over or cutting.subjects is None or not cutting.touched(latest.revision_id):
        yield None
        return
    content = cut(session.place.revisions.left(session.vault, latest), cutting.subjects)
    if not len(content.templates):
        yield None
        return
    revision = following(session, latest, content)
    try:
        screen = session.place.screen_of(content, revision.digest)
        session.place.revisions.write(session.vault, revision.revision_id, content, screen)
        yield revision
    finally:
        discard_uncommitted(session, revision.revision_id)


def _commit(
    session: Session, target: Target, cutting: Cutting, revision: Revision | None
) -> tuple[int, Emptied, tuple[str, ...]]:
    now = session.place.clock()
    with session.place.work() as work:
        still_here(session, work)
        _save(work, target, cutting, revision, now)
        number = work.erasures.begin(cutting.erasure_id, target.collection_id, session.user.name, now)
        cutting.number = number
        for revision_id, left in cutting.remains:
            work.erasures.leave(number, revision_id, left)
        emptied = Emptied()
        if cutting.subjects is None and isinstance(target.collection, Watchlist):
            emptied.closed += work.erasures.waiting(target.collection_id)
            work.erasures.close(emptied.closed, CLOSED, now)
        empty_alerts(work, cutting, emptied, _shown(session, work, target), now)
        session.place.revisions.hold(cutting.erasure_id, cutting.containers)
        serving = target.serving
        facts: dict[str, Detail] = {
            "subjects_erased": len(cutting.people),
            "items_erased": len(cutting.items),
            "out_of_service": serving is not None and cutting.touched(serving.revision_id),
        }
        if revision is not None and target.collection.latest is not None:
            facts |= _revision_facts(revision, target.collection.latest.digest)
        log_erasure(work, session, target, (number, emptied), facts)
        cases = tuple(work.erasures.cases(emptied.closed))
        work.commit()
    return number, emptied, cases


def _shown(session: Session, work: UnitOfWork, target: Target) -> Iterable[Shown]:
    if isinstance(target.collection, Watchlist):
        return work.erasures.shown(session.vault, target.collection.list_id)
    return work.erasures.practised(session.vault, frozenset(one.revision_id for one in target.revisions))


def _save(work: UnitOfWork, target: Target, cutting: Cutting, revision: Revision | None, now: datetime) -> None:
    """The collection with its new revision, and out of service where it served them."""
    stood = target.collection
    if isinstance(stood, Cohort):
        _require_same(find_cohort(work, stood.name), stood)
        if revision is not None:
            work.revisions.add(revision)
            work.cohorts.save(replace(stood, latest=revision))
        return
    _require_same(find_list(work, stood.name), stood)
    changed = stood
    if stood.serving is not None and cutting.touched(stood.serving.revision_id):
        changed = stood.unserved()
    if revision is not None:
        work.revisions.add(revision)
        changed = changed.loaded(revision, now)
    if changed != stood:
        work.lists.save(changed)


def _require_same(found: Watchlist | Cohort, stood: Watchlist | Cohort) -> None:
    if found != stood:
        raise Refused(f"{stood.name} changed meanwhile: erase again")


def _revision_facts(revision: Revision, reduced_from: str) -> dict[str, Detail]:
    return {
        "revision": revision.number,
        "digest": revision.digest,
        "reduced_from": reduced_from,
        "model": revision.model.text(),
        "subjects": revision.subjects,
        "templates": revision.templates,
        "rejected_in_all": revision.rejected,
        "loaders": ",".join(revision.loaders),
        "quality": revision.quality,
        "touchstone": revision.touchstone_digest,
    }


def log_erasure(
    work: UnitOfWork, session: Session, target: Target, done: tuple[int, Emptied], facts: dict[str, Detail]
) -> None:
    """The receipt: counts, and digests of what is left and of what was emptied."""
    number, emptied = done
    is_list = isinstance(target.collection, Watchlist)
    closed: Sequence[str] = sorted(emptied.closed)
    work.log.append(
        event(
            Action.LIST_ERASED if is_list else Action.COHORT_ERASED,
            session.user.name,
            name=target.collection.name,
            erasure=number,
            why=target.why,
            revisions_changed=len(work.erasures.left(number)),
            values_emptied=work.erasures.parts(number),
            alerts_closed=len(closed),
            closed=",".join(closed),
            content=work.erasures.fingerprint(number),
            **facts,
        )
    )
