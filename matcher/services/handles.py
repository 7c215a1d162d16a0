"""Handles turned back into subject ids, for an admin of the home; every reading is logged.

Reports point at people by handles. Whoever keeps a list or a cohort must be able to look at them; names and notes stay
sealed all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.calibration.handles import handles_of
from matcher.calibration.report import Report, parse_report
from matcher.domain.events import Action, event
from matcher.domain.people import Role
from matcher.domain.records import StoredReport
from matcher.domain.template import Millionths
from matcher.errors import BadInput, IntegrityError
from matcher.services.collections import find_cohort
from matcher.services.reports import list_report
from matcher.services.workplace import Session, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody by handle and subject id."""

    handle: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class KnownPair:
    """Two people and their best score; `ruling` is empty for listed people."""

    one: Known
    other: Known
    score: Millionths
    ruling: str


@dataclass(frozen=True, slots=True)
class KnownLookAlikes:
    """Look-alikes and magnets of a list; `found` pairs in all, None for the `reason`."""

    report: str
    found: int | None
    reason: str | None
    pairs: tuple[KnownPair, ...]
    magnets: tuple[tuple[Known, int], ...]


@dataclass(frozen=True, slots=True)
class KnownCohortPairs:
    """Pairs of cohort people that look like one person, `found` in all, and people who may be on the list."""

    report: str
    found: int
    pairs: tuple[KnownPair, ...]
    perhaps_listed: tuple[Known, ...]


def known_look_alikes(session: Session, list_name: str) -> KnownLookAlikes:
    """Who resembles whom on a list, at the threshold of its report. Raises BadInput, MissingRole, IntegrityError."""
    with refusals_logged(session, "watchlist.look-alikes", list_name):
        stored, report = _asked(session, list_name)
        who = _people(session, stored.revision_id, report.binding.list)
        found = report.look_alikes
        pairs = tuple(KnownPair(_known(who, p.one), _known(who, p.other), p.score, "") for p in found.pairs)
        magnets = tuple((_known(who, magnet.subject), magnet.attracted) for magnet in found.magnets)
    _log(session, stored, list_name, len(found.subjects) + len(magnets))
    return KnownLookAlikes(stored.digest, found.found, found.reason, pairs, magnets)


def known_cohort_pairs(session: Session, cohort_name: str, list_name: str) -> KnownCohortPairs:
    """Whom to look at before they count as two. Raises BadInput, MissingRole, IntegrityError."""
    with refusals_logged(session, "cohort.pairs", cohort_name):
        stored, report = _asked(session, list_name)
        with session.place.work(write=False) as work:
            cohort = find_cohort(work, cohort_name)
            tested = work.revisions.get(stored.cohort_revision_id)
        if tested is None or tested.collection_id != cohort.cohort_id:
            raise BadInput(
                f"the report of list {list_name} is about another cohort than {cohort_name}: calibrate again"
            )
        who = _people(session, stored.cohort_revision_id, report.binding.cohort)
        found = report.adjudication
        pairs = tuple(KnownPair(_known(who, p.one), _known(who, p.other), p.score, p.ruling) for p in found.pairs)
        listed = tuple(_known(who, handle) for handle in found.perhaps_listed)
    _log(session, stored, list_name, len(pairs) + len(listed))
    return KnownCohortPairs(stored.digest, found.found, pairs, listed)


def _asked(session: Session, list_name: str) -> tuple[StoredReport, Report]:
    session.user.require(Role.ADMIN)
    with session.place.work(write=False) as work:
        _, stored = list_report(work, list_name)
    return stored, parse_report(stored.body)


def _people(session: Session, revision_id: str, digest: str) -> Mapping[str, str]:
    """Subject ids by handle."""
    with session.place.work(write=False) as work:
        revision = work.revisions.get(revision_id)
    if revision is None:
        raise IntegrityError("the revision behind the report is missing")
    items = session.place.revisions.read(session.vault, revision).items
    return {handle: subject for subject, handle in handles_of(digest, items).items()}


def _known(who: Mapping[str, str], handle: str) -> Known:
    if handle not in who:
        raise IntegrityError(f"the report names the handle {handle}, which nobody of its revision has")
    return Known(handle, who[handle])


def _log(session: Session, stored: StoredReport, list_name: str, people: int) -> None:
    with session.place.work() as work:
        still_here(session, work)
        work.log.append(
            event(Action.HANDLES_READ, session.user.name, list=list_name, report=stored.digest, people=people)
        )
        work.commit()
