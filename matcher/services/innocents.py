"""Counting innocents: people known not to be on a list, against what it holds, at the threshold it is certified for.

1. The list is the one that serves, at its certificate's threshold, lapsed and suspended ones included; one that was
   never activated is counted as its newest report certifies it. Without either there is no threshold to count at.
2. Only maxima leave the index: whom on the list somebody resembles is not learned, and nothing of the list is shown.
   Fewer than ten people searched would be a search of a few faces and no test: nothing is said of them.
3. It takes the role (admin or auditor) *and* a key to faces. Somebody who is an auditor and nothing else holds none: an
   admin, or an auditor who is also an approver or a reviewer, runs it; any auditor reads its result in the log.
4. It certifies nothing, spends no attempt and changes nothing: whatever comes out, the list goes on as it did.
5. People who were in the calibration itself are counted: the threshold was chosen on them, so they are no new evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.certified import CertifiedReport
from matcher.calibration.groups import FEWEST, untold
from matcher.calibration.innocents import FlaggedGroup, flagged_groups
from matcher.calibration.trials import members_of, plan_trials
from matcher.domain.cohort import Cohort
from matcher.domain.events import Action, event
from matcher.domain.people import Role
from matcher.domain.records import StoredReport
from matcher.domain.revision import Item, Revision
from matcher.domain.template import Millionths
from matcher.domain.watchlist import Watchlist
from matcher.errors import InsufficientEvidence, IntegrityError, MissingRole, NotSearchable
from matcher.services.calibrate import Shipped, Subjects, best_scores, latest_of_cohort, open_subjects
from matcher.services.collections import find_list
from matcher.services.workplace import Session, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class Target:
    """What is counted against: a revision, the report behind it, and the threshold.

    `certificate` is the digest of the one that serves, None for a list that is certified and was never activated.
    """

    watchlist: Watchlist
    revision: Revision
    stored: StoredReport
    certified: CertifiedReport
    certificate: str | None
    threshold: Millionths


@dataclass(frozen=True, slots=True)
class InnocentsCount:
    """What one count found. No identifier, name or handle of anybody is in it.

    `calibrated_on` of the cohort's people were also in the cohort that the list was calibrated on.
    """

    target: Target
    state: str
    cohort: Cohort
    cohort_digest: str
    people: int
    calibrated_on: int
    groups: tuple[FlaggedGroup, ...]

    @property
    def everyone(self) -> FlaggedGroup:
        """The row of all people."""
        return self.groups[0]


def count_innocents(session: Session, list_name: str, cohort_name: str, shipped: Shipped) -> InnocentsCount:
    """Counts and logs. Raises BadInput for people who are also on the list, MissingRole, IntegrityError.

    For a list without a certified threshold: NotSearchable, or what its report says (InsufficientEvidence, Refused).
    """
    with refusals_logged(session, "audit.innocents", list_name):
        session.user.require(Role.ADMIN, Role.AUDITOR)
        _require_key(session)
        target = _target(session, list_name)
        cohort, tested = latest_of_cohort(session, cohort_name)
        subjects = open_subjects(session, (target.watchlist, target.revision), (cohort, tested), shipped)
    names = frozenset(item.subject_id for item in subjects.listed.items)
    plan = plan_trials(tested.digest, members_of(subjects.people.items), names)
    probes = plan.probe_rows()
    if len(probes) < FEWEST:
        raise InsufficientEvidence(
            f"{len(probes)} people with a usable picture would be a search of a few faces, not a test: "
            f"load at least {FEWEST} into cohort {cohort.name}"
        )
    maxima = best_scores(session, subjects, probes, target.revision.digest)
    found = InnocentsCount(
        target=target,
        state=target.watchlist.state(session.place.clock()).value,
        cohort=cohort,
        cohort_digest=tested.digest,
        people=len(plan.people),
        calibrated_on=_calibrated_on(session, target, subjects),
        groups=_told(flagged_groups(plan, maxima, target.threshold, target.certified.alpha)),
    )
    _log(session, found)
    return found


def _told(groups: Sequence[FlaggedGroup]) -> tuple[FlaggedGroup, ...]:
    """Without groups so small that a count would be about one face (and what they could be found from)."""
    hidden = untold([(group.cell, group.n_people) for group in groups])
    return tuple(group for group in groups if group.cell not in hidden)


def _require_key(session: Session) -> None:
    if session.keys.vault is None:
        raise MissingRole(
            f"user {session.user.name} is an auditor only and holds no key to faces: an admin, or an auditor who also "
            "is an approver or a reviewer, runs this; read the result with matcher audit show"
        )


def _target(session: Session, name: str) -> Target:
    with session.place.work(write=False) as work:
        watchlist = find_list(work, name)
        certificate = watchlist.certificate
        digest = watchlist.latest_report if certificate is None else certificate.terms.binding.report_digest
        stored = None if digest is None else work.reports.get(digest)
    watchlist.require_open(session.place.clock())
    revision = watchlist.latest if certificate is None else watchlist.serving
    if revision is None or stored is None:
        raise NotSearchable(
            f"list {name} has neither a certificate nor a report, so it has no threshold to count at: "
            f"test it first (matcher calibrate {name} --cohort NAME)"
        )
    certified = CertifiedReport.parse(stored.body)
    tested, held, threshold = revision.digest, revision.digest, certified.tau
    if certificate is not None:
        terms = certificate.terms
        tested, held, threshold = terms.tested_list, terms.binding.list_digest, certificate.threshold
    if (certified.binding.list, held) != (tested, revision.digest) or threshold < certified.tau:
        raise IntegrityError(f"the certificate or the report of list {name} is for something else: do not search")
    digest = None if certificate is None else certificate.digest()
    return Target(watchlist, revision, stored, certified, digest, threshold)


def _calibrated_on(session: Session, target: Target, subjects: Subjects) -> int:
    """How many of the people have a picture in common with the cohort of the report."""
    with session.place.work(write=False) as work:
        revision = work.revisions.get(target.stored.cohort_revision_id)
    if revision is None:
        raise IntegrityError("the cohort behind the report is missing: restore a backup")
    known = _digests(session.place.revisions.left(session.vault, revision).items)
    return len({item.subject_id for item in subjects.people.items if item.digest in known})


def _digests(items: tuple[Item, ...]) -> frozenset[str]:
    return frozenset(item.digest for item in items)


def _log(session: Session, found: InnocentsCount) -> None:
    flagged = found.everyone.flagged
    with session.place.work() as work:
        still_here(session, work)
        work.log.append(
            event(
                Action.INNOCENTS_COUNTED,
                session.user.name,
                list=found.target.watchlist.name,
                list_digest=found.target.revision.digest,
                certificate=found.target.certificate,
                report=found.target.certified.digest,
                threshold=found.target.threshold,
                cohort=found.cohort.name,
                cohort_digest=found.cohort_digest,
                people=found.people,
                calibrated_on=found.calibrated_on,
                k=flagged.k,
                n=flagged.n,
            )
        )
        work.commit()
