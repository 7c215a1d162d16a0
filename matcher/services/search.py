"""The only function that searches a list, and the opening of a list for it.

1. Only an active list is opened: its sealed screen, which is stamped with the digest of the content it was made from.
2. The report behind the certificate is parsed as a `CertifiedReport`, which recomputes counts, bounds and threshold.
3. `search` takes the certificate and checks every digest in it against what was opened, and the probe's model identity.
   The engine is one that the report certifies, and its name is that of what was opened.
4. A clock that went back by more than five minutes suspends the list; one that went back by less gives no lease a
   minute more: time is never earlier than the newest entry of the log.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from matcher.calibration.certified import CertifiedReport
from matcher.domain.certificate import Binding, Certificate
from matcher.domain.policy import Policy
from matcher.domain.ports import Index
from matcher.domain.records import StoredReport
from matcher.domain.revision import Revision
from matcher.domain.search import SearchAnswer
from matcher.domain.tables import UnitOfWork
from matcher.domain.template import Floats, ModelIdentity, Scores
from matcher.domain.watchlist import Watchlist
from matcher.errors import IntegrityError, NotSearchable
from matcher.services.collections import find_list, suspend_list
from matcher.services.engines import opened_index
from matcher.services.workplace import Session

CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, eq=False)
class OpenedList:
    """An active list in memory: what was actually loaded, as digests, and its index.

    `owners` int32 (n,) are the numbers of the subjects of its templates.
    """

    watchlist: Watchlist
    certificate: Certificate
    policy: Policy
    binding: Binding
    subjects: tuple[str, ...]
    owners: Scores
    index: Index
    revision: Revision


def open_list(session: Session, name: str) -> OpenedList:
    """Opens an active list. Raises NotSearchable (what is missing), IntegrityError."""
    now = _checked_time(session, name)
    with session.place.work(write=False) as work:
        watchlist = find_list(work, name)
        revision, certificate = watchlist.require_active(now)
        report = work.reports.get(certificate.terms.binding.report_digest)
        policy = work.reports.policy(certificate.terms.binding.policy_digest)
    screen, rows = session.place.revisions.screen(session.vault, revision)
    binding = _binding_of(report, policy, certificate)
    index = opened_index(session.place, binding.engine, screen, rows)
    certificate.check_shards(index.shards)
    binding = replace(binding, list_digest=index.revision_digest, model=revision.model.text(), engine=index.engine)
    subjects, owners = screen.subject_ids, screen.subjects
    return OpenedList(watchlist, certificate, policy, binding, subjects, owners, index, revision)


def search(
    certificate: Certificate, opened: OpenedList, probes: Floats, model: ModelIdentity, now: datetime
) -> SearchAnswer:
    """Subjects at or above the certificate's threshold for each probe, float32 (m, d) unit templates of `model`.

    Raises IntegrityError when anything opened is not what the certificate was signed for, NotSearchable after its end.
    """
    certificate.check(replace(opened.binding, model=model.text()), now)
    certificate.check_shards(opened.index.shards)
    return opened.index.at_or_above(probes, certificate.threshold)


def _binding_of(report: StoredReport | None, policy: Policy, certificate: Certificate) -> Binding:
    if report is None:
        raise IntegrityError("the report behind the activation is missing: activate the list again")
    certified = CertifiedReport.parse(report.body)
    if certificate.threshold < certified.tau:
        raise IntegrityError("the certificate's threshold is below the one its report certifies: do not search")
    if certified.engine is not None and certificate.threshold != certified.tau:
        raise IntegrityError("the certificate's engine was tested at another threshold: do not search")
    if certificate.terms.tested_list != certified.binding.list:
        raise IntegrityError("the certificate rests on a report about another list: do not search")
    if certificate.terms.binding.engine != certified.engine_name:
        raise IntegrityError("the certificate is for another engine than its report tested: do not search")
    return Binding(
        list_digest=certificate.terms.binding.list_digest,
        model=certified.binding.model,
        cohort_digest=certified.binding.cohort,
        policy_digest=policy.digest(),
        report_digest=certified.digest,
        threshold=certificate.threshold,
        engine=certified.engine_name,
    )


def time_of_list(work: UnitOfWork, now: datetime) -> datetime:
    """The time that a lease is measured by: the clock's, or the log's where the clock is behind it."""
    return max(now, work.log.head().time)


def _checked_time(session: Session, name: str) -> datetime:
    now = session.place.clock()
    with session.place.work(write=False) as work:
        time = time_of_list(work, now)
    if time - now > CLOCK_TOLERANCE:
        reason = "the clock went back by more than five minutes"
        suspend_list(session, name, reason)
        raise NotSearchable(
            f"list {name} is suspended: {reason}; set the clock right, then an approver activates it again"
        )
    return time
