"""Stored reports, and a report made again from what the home holds.

1. A replay takes the list revision, cohort revision and policy that the report names by digest, and its threshold where
   that was given beforehand, its columns and what an admin ruled; everything else is made again, the attempt's number
   included.
2. Nothing is stored, and nothing in the report is believed: what was made again is compared field by field.
3. It opens templates, so it takes somebody who holds the home key; `certified.py` counts again without any key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from matcher.calibration.changes import Difference, differences
from matcher.calibration.report import Report, parse_report
from matcher.calibration.threshold import Origin
from matcher.domain.cohort import Cohort
from matcher.domain.engine import factory_from
from matcher.domain.people import Role
from matcher.domain.policy import Policy
from matcher.domain.records import StoredReport
from matcher.domain.revision import Revision
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput, Refused
from matcher.services.calibrate import Question, Shipped, answers, open_subjects, report_of
from matcher.services.collections import find_list
from matcher.services.lineage import lineage_of
from matcher.services.workplace import Session, refusals_logged

SHORTEST_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Replayed:
    """Digests of the report as given and as made again, and every field that differs."""

    given: str
    again: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sources:
    """What the report was made from, as this home holds it."""

    watchlist: Watchlist
    listed: Revision
    cohort: Cohort
    tested: Revision
    policy: Policy


def list_report(work: UnitOfWork, name: str) -> tuple[Watchlist, StoredReport]:
    """The report of a list's newest revision, else the one behind the activation that serves. Raises BadInput."""
    found = find_list(work, name)
    serving = None if found.certificate is None else found.certificate.terms.binding.report_digest
    digest = serving if found.latest_report is None else found.latest_report
    stored = None if digest is None else work.reports.get(digest)
    if stored is None:
        raise BadInput(f"list {name} has no report for what it holds now: make one with matcher calibrate")
    return found, stored


def report_by_digest(work: UnitOfWork, digest: str) -> StoredReport:
    """The one report of the home whose digest begins so (8 or more digits). Raises BadInput."""
    if len(digest) < SHORTEST_DIGEST or set(digest) - set("0123456789abcdef"):
        raise BadInput(f"{digest} is neither a file nor a report's digest: give 8 or more of its digits")
    reports = (stored for one in work.lists.all() for stored in work.reports.of_list(one.list_id))
    found = [stored for stored in reports if stored.digest.startswith(digest)]
    if len(found) != 1:
        raise BadInput(f"{len(found)} reports of this home have a digest that begins with {digest}: see their lists")
    return found[0]


def replay(session: Session, body: bytes, shipped: Shipped) -> Replayed:
    """The report made again. Raises BadInput where the home lacks what it was made from, IntegrityError, Refused."""
    given = parse_report(body)
    with refusals_logged(session, "report.replay", given.list.name):
        session.user.require(Role.ADMIN, Role.APPROVER)
        with session.place.work(write=False) as work:
            sources = _sources(work, given)
        if sources.cohort.expired(session.place.clock()):
            raise Refused(f"cohort {sources.cohort.name} expired: its people may not be used any more")
        revisions = (sources.listed, sources.tested)
        subjects = open_subjects(
            session, (sources.watchlist, sources.listed), (sources.cohort, sources.tested), shipped
        )
        question = _question(given, sources)
        binding = (given.binding.list, given.binding.model, given.binding.cohort, given.binding.policy)
        past = lineage_of(session, sources.watchlist, subjects.listed)
        earlier = tuple(takewhile(lambda step: not answers(step.report, binding, question), past))
        again = report_of(session, question, subjects, revisions, earlier)
    return Replayed(given.digest(), again.digest(), differences(given, again))


def _question(given: Report, sources: _Sources) -> Question:
    return Question(
        list_name=sources.watchlist.name,
        cohort_name=sources.cohort.name,
        policy=sources.policy,
        threshold=given.threshold.tau if given.threshold.origin is Origin.VERIFY else None,
        columns=tuple(sorted({column for group in given.groups for column in group.key})),
        ruled=given.adjudication.ruled(),
        engine=None if given.engine is None else factory_from(given.engine.factory),
    )


def _sources(work: UnitOfWork, given: Report) -> _Sources:
    revisions = work.revisions.all()
    lists = [(one, found) for one in work.lists.all() for found in _loads(revisions, one.list_id, given.binding.list)]
    cohorts = [
        (one, found) for one in work.cohorts.all() for found in _loads(revisions, one.cohort_id, given.binding.cohort)
    ]
    # Two lists may hold the same people: the one of the report's name is meant.
    stored = work.reports.get(given.digest())
    ids = set() if stored is None else {stored.revision_id, stored.cohort_revision_id}
    lists.sort(key=lambda pair: (pair[0].name == given.list.name, pair[1].revision_id in ids))
    cohorts.sort(key=lambda pair: (pair[0].name == given.cohort.name, pair[1].revision_id in ids))
    if not lists or not cohorts:
        missing = "list" if not lists else "cohort"
        raise BadInput(f"this home does not hold the {missing} that the report is about: replay it where it was made")
    (watchlist, listed), (cohort, tested) = lists[-1], cohorts[-1]
    policy = work.reports.policy(given.binding.policy)
    return _Sources(watchlist, listed, cohort, tested, policy)


def _loads(revisions: Sequence[Revision], collection_id: str, digest: str) -> list[Revision]:
    return [one for one in revisions if one.collection_id == collection_id and one.digest == digest]
