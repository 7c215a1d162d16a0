"""Activation: an approver who loaded none of a list signs what a certified report means, in numbers.

1. Only a report that parses as a `CertifiedReport` (which recomputes it), about the newest revision, can be signed.
2. The approver types N of "up to N false alarms a day"; another number is refused.
3. A declared group of which more than half are missed needs an acknowledgement of its own.
4. Renewing signs the same report again while it is younger than 90 days; raising signs it with a higher threshold.
   A lower threshold is never derived.
5. A newest revision without a report of its own, from which people were only removed (a `Reduction` of the one that
   serves), is activated under the report of the larger list, at the threshold that serves: a derived certificate.
6. A report that was refuted in service is not signed again, nor is one of the same list and cohort with the same or a
   lower threshold and the same or a lower alpha: the same people are no new evidence.
7. An approximate engine is signed for with the list and at the threshold that it was tested on: nothing is derived from
   its report, because an index of fewer people is another index, and it is not raised.
8. A threshold at or below one at which any report refutes this list, at this alpha or a larger one, is not signed for:
   not by activating, renewing, raising or deriving.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from matcher.calibration.certified import CertifiedReport
from matcher.calibration.consequence import consequence
from matcher.calibration.engine import CertifiedEngine
from matcher.calibration.report import VERSION, parse_report, version_of
from matcher.calibration.verdict import Status
from matcher.domain.certificate import REPORT_LIFE, Binding, Certificate, CertificateTerms
from matcher.domain.events import Action, event
from matcher.domain.ids import utc_text
from matcher.domain.merkle import root_of
from matcher.domain.people import Role
from matcher.domain.policy import Policy
from matcher.domain.records import StoredReport
from matcher.domain.reduction import Reduction
from matcher.domain.revision import Revision
from matcher.domain.shards import shard_digests
from matcher.domain.tables import UnitOfWork
from matcher.domain.template import Millionths, score_text
from matcher.domain.watchlist import Watchlist
from matcher.errors import AnotherPersonNeeded, IntegrityError, NotSearchable, Refused
from matcher.services.collections import find_list
from matcher.services.listed import leaves_of, seal_leaves
from matcher.services.remove import reduction_of
from matcher.services.workplace import Session, refusals_logged, still_here

# A home opens for the account that owns it, so its reviewers always share one.
ONE_ACCOUNT = (
    "no alert can become a lead: reviewers of this home share its operating-system account, which the policy refuses "
    '(calibrate under a policy with same_account = "mark" to mark them NOT INDEPENDENT instead)'
)
_ATTEMPTS = {
    Action.ACTIVATED: "watchlist.activate",
    Action.DERIVED: "watchlist.activate",
    Action.RENEWED: "watchlist.renew",
    Action.RAISED: "watchlist.raise",
}


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What an approver is about to sign: the sentence, the number in it, and what it rests on.

    It cannot be built for a revision that the report did not test, unless a `Reduction` shows that it is a part of what
    the certificate before it is for, or that certificate is for exactly this revision. Raises IntegrityError.
    """

    watchlist: Watchlist
    revision: Revision
    stored: StoredReport
    certified: CertifiedReport
    policy: Policy
    consequence: str
    number: int
    missed_group: str | None
    threshold: Millionths
    previous: Certificate | None
    reduction: Reduction | None

    def __post_init__(self) -> None:
        tested = self.revision.digest
        if self.previous is not None:
            held = self.revision if self.reduction is None else self.reduction.whole
            if self.previous.terms.binding.list_digest != held.digest:
                raise IntegrityError("the certificate before this one is for another revision: do not search")
            tested = self.previous.terms.tested_list
        if self.certified.binding.list != tested or (self.reduction and self.reduction.part != self.revision):
            raise IntegrityError("the report is about another revision than it is stored for: calibrate again")
        if self.certified.engine is not None and self.threshold != self.certified.tau:
            raise NotSearchable(
                "an approximate engine was compared at the threshold of its report alone: test it at the higher one "
                "(matcher calibrate --index ... --threshold ...)"
            )
        if self.derived_from and self.certified.engine is not None:
            raise NotSearchable(
                "an approximate engine was tested on the larger list, and of fewer people it is another one: "
                "test it again (matcher calibrate)"
            )

    @property
    def derived_from(self) -> str:
        """The digest of the larger list that was tested, or empty where exactly this one was."""
        tested = self.certified.binding.list
        return "" if tested == self.revision.digest else tested


@dataclass(frozen=True, slots=True)
class _Basis:
    """What is signed beside a report: the certificate it follows, a higher threshold, the removal of people."""

    previous: Certificate | None = None
    raised: Millionths | None = None
    reduction: Reduction | None = None


def prepare(session: Session, name: str) -> Prepared:
    """What activating would sign. Raises Refused, AnotherPersonNeeded, InsufficientEvidence, IntegrityError."""
    with refusals_logged(session, "watchlist.activate", name):
        with session.place.work(write=False) as work:
            watchlist = find_list(work, name)
            _check_person(session, name, watchlist.latest)
            revision, digest = watchlist.latest, watchlist.latest_report
            stored = work.reports.get(digest) if digest is not None else None
            policy = work.reports.policy(stored.policy_digest) if stored is not None else None
        watchlist.require_open(session.place.clock())
        if revision is not None and digest is None and watchlist.certificate is not None:
            return _derived(session, watchlist, revision, watchlist.certificate)
        if revision is None or stored is None or policy is None:
            raise NotSearchable(f"list {name} has no report for its newest revision: test it first (matcher calibrate)")
        _check_ratchet(watchlist, stored)
        return _prepared(session, watchlist, revision, (stored, policy), _Basis())


def prepare_renewal(session: Session, name: str, threshold: Millionths | None = None) -> Prepared:
    """What renewing would sign again, or raising to a higher `threshold`. Raises NotSearchable when nothing serves."""
    with refusals_logged(session, "watchlist.renew" if threshold is None else "watchlist.raise", name):
        with session.place.work(write=False) as work:
            watchlist = find_list(work, name)
            _check_person(session, name, watchlist.serving)
            revision, previous = watchlist.serving, watchlist.certificate
            stored = work.reports.get(previous.terms.binding.report_digest) if previous is not None else None
            policy = work.reports.policy(stored.policy_digest) if stored is not None else None
        watchlist.require_open(session.place.clock())
        if watchlist.suspension is not None:
            raise NotSearchable(f"list {name} is suspended: {watchlist.next_step(session.place.clock())}")
        if revision is None or stored is None or policy is None:
            raise NotSearchable(f"list {name} was never activated: there is nothing to renew")
        if previous is not None and threshold is not None and threshold <= previous.threshold:
            raise Refused("a derived certificate can only raise the threshold: calibrate again to lower it")
        return _prepared(session, watchlist, revision, (stored, policy), _Basis(previous, threshold))


def activate(session: Session, prepared: Prepared, typed: int, acknowledged: str | None) -> Certificate:
    """Signs and activates. `acknowledged` names the group of which more than half are missed, where there is one."""
    action = Action.ACTIVATED if prepared.reduction is None else Action.DERIVED
    return _signed(session, prepared, (typed, acknowledged), action)


def renew(session: Session, prepared: Prepared, typed: int, acknowledged: str | None) -> Certificate:
    """Signs the same report again: a new lease, and a higher threshold where `prepare_renewal` was given one.

    False alarms can only fall with a rising threshold; the misses in what is signed are counted at it.
    """
    if prepared.previous is None or prepared.reduction is not None:
        raise TypeError("only what prepare_renewal prepared can be renewed")
    raised = prepared.threshold > prepared.previous.threshold
    return _signed(session, prepared, (typed, acknowledged), Action.RAISED if raised else Action.RENEWED)


def _signed(session: Session, prepared: Prepared, said: tuple[int, str | None], action: Action) -> Certificate:
    typed, acknowledged = said
    with refusals_logged(session, _ATTEMPTS[action], prepared.watchlist.name):
        if prepared.missed_group is not None and acknowledged != prepared.missed_group:
            raise Refused(
                f"more than half of the listed people of group {prepared.missed_group} are missed: "
                f'acknowledge it with --acknowledge-misses "{prepared.missed_group}"'
            )
        certificate = _sign(session, prepared, typed)
    return _store(session, prepared, certificate, action)


def _check_person(session: Session, name: str, revision: Revision | None) -> None:
    """A loader is told first that it takes another person, whatever their roles."""
    if revision is not None and session.user.name in revision.loaders:
        raise AnotherPersonNeeded(
            f"you loaded list {name} or a part of it: another person, an approver, must sign for it"
        )
    session.user.require(Role.APPROVER)


def _check_ratchet(watchlist: Watchlist, stored: StoredReport) -> None:
    """Once raised, the old report cannot bring the lower threshold back: that takes a new calibration."""
    served = watchlist.certificate
    if served is None or served.terms.binding.report_digest != stored.digest:
        return
    if served.threshold > CertifiedReport.parse(stored.body).tau:
        raise Refused(
            f"the threshold of list {watchlist.name} was raised to {score_text(served.threshold)}: renew it there "
            "(matcher watchlist renew), or calibrate anew for another one"
        )


def _derived(session: Session, watchlist: Watchlist, revision: Revision, served: Certificate) -> Prepared:
    """The newest revision under the certificate that serves, if people were only removed since."""
    with session.place.work(write=False) as work:
        stored = work.reports.get(served.terms.binding.report_digest)
        policy = work.reports.policy(served.terms.binding.policy_digest)
    if watchlist.serving is None or stored is None:
        raise IntegrityError(f"the report or the revision behind the activation of list {watchlist.name} is missing")
    if watchlist.serving == revision:  # a derived one that was suspended
        return _prepared(session, watchlist, revision, (stored, policy), _Basis(served))
    try:
        reduction = reduction_of(session, watchlist.serving, revision)
    except NotSearchable as error:
        raise NotSearchable(f"the newest revision of list {watchlist.name} has no report: {error}") from None
    return _prepared(session, watchlist, revision, (stored, policy), _Basis(served, None, reduction))


def _check_not_refuted(prepared: Prepared, reports: Sequence[StoredReport]) -> None:
    """Whatever test found the list wrong too often at this threshold or a higher one is not undone by another test."""
    held = {prepared.certified.binding.list, prepared.revision.digest}
    for one in reports:
        if version_of(one.body) != VERSION:
            continue
        found = parse_report(one.body)
        tau = found.threshold.tau
        if found.verdict.status is not Status.REFUTED or tau is None or found.binding.list not in held:
            continue
        same_model = found.binding.model == prepared.certified.binding.model
        if same_model and tau >= prepared.threshold and found.verdict.alpha >= prepared.certified.alpha:
            raise Refused(
                f"a report of {one.made_at:%Y-%m-%d} refutes list {prepared.watchlist.name} at threshold "
                f"{score_text(tau)}, and what you would sign is {score_text(prepared.threshold)}: only a higher "
                "threshold, or another list, can be signed for"
            )


def _refuted(work: UnitOfWork, watchlist: Watchlist) -> list[CertifiedReport]:
    known = {one.report for one in work.watch.refutations()}
    reports = work.reports.of_list(watchlist.list_id) if known else []
    return [CertifiedReport.parse(one.body) for one in reports if one.digest in known]


def _check_refuted(prepared: Prepared, refuted: Sequence[CertifiedReport]) -> None:
    found = prepared.certified
    for old in refuted:
        same = all(getattr(found.binding, part) == getattr(old.binding, part) for part in ("list", "model", "cohort"))
        if same and found.tau <= old.tau and found.alpha <= old.alpha:
            raise Refused(
                f"what this report certifies of list {prepared.watchlist.name} was refuted in service, "
                "and the same people are no new evidence: calibrate on others (matcher calibrate)"
            )


def _prepared(
    session: Session, watchlist: Watchlist, revision: Revision, evidence: tuple[StoredReport, Policy], basis: _Basis
) -> Prepared:
    stored, policy = evidence
    if session.place.clock() - stored.made_at >= REPORT_LIFE:
        raise NotSearchable(
            f"the report of list {watchlist.name} is older than 90 days: collect people anew and calibrate again"
        )
    certified = CertifiedReport.parse(stored.body)
    if certified.binding.policy != policy.digest():
        raise IntegrityError("the report is about another policy than it is stored for: calibrate again")
    serving = certified.tau if basis.previous is None else basis.previous.threshold
    threshold = serving if basis.raised is None else basis.raised
    meant = consequence(certified, threshold)
    parts = [meant.text]
    if certified.binding.list != revision.digest:
        parts.append(_since_tested(certified.binding.N, revision.subjects))
    if certified.engine is not None:
        parts.append(_engine(certified.engine))
    if policy.review.same_account != "mark":
        parts.append(ONE_ACCOUNT)
    prepared = Prepared(
        watchlist=watchlist,
        revision=revision,
        stored=stored,
        certified=certified,
        policy=policy,
        consequence="; ".join(parts),
        number=meant.number,
        missed_group=meant.missed_group,
        threshold=threshold,
        previous=basis.previous,
        reduction=basis.reduction,
    )
    with session.place.work(write=False) as work:  # whatever is signed passes here
        _check_refuted(prepared, _refuted(work, watchlist))
        _check_not_refuted(prepared, work.reports.of_list(watchlist.list_id))
    return prepared


def _engine(engine: CertifiedEngine) -> str:
    bound = engine.trial.worst_upper95
    upper = (
        ""
        if bound is None
        else f", and up to {100 * bound:.3g} % of searches for listed people may differ (worst group)"
    )
    return (
        f"searched by engine {engine.trial.factory}, which may leave listed people out: on the tested people it named "
        f"whom the exact engine named{upper}"
    )


def _since_tested(tested: int, left: int) -> str:
    people = f"{tested - left} of the {tested} people" if left < tested else "people"
    return (
        f"{people} on the list that was tested were removed since: false alarms can only be fewer, "
        "misses were measured on the larger list"
    )


def _sign(session: Session, prepared: Prepared, typed: int) -> Certificate:
    if typed != prepared.number:
        raise Refused(
            f"{typed} is not how many false alarms a day the consequence allows: read it and type that number"
        )
    now = session.place.clock()
    binding = prepared.certified.binding
    terms = CertificateTerms(
        list_id=prepared.watchlist.list_id,
        revision_id=prepared.revision.revision_id,
        binding=Binding(
            prepared.revision.digest,
            binding.model,
            binding.cohort,
            binding.policy,
            prepared.certified.digest,
            prepared.threshold,
            prepared.certified.engine_name,
        ),
        tier=prepared.policy.tier().value,
        alpha=repr(prepared.policy.certification.alpha),
        subjects=prepared.revision.subjects,
        consequence=prepared.consequence,
        consequence_number=prepared.number,
        loaders=prepared.revision.loaders,
        approver=session.user.name,
        issued_at=utc_text(now),
        lease_until=utc_text(now + timedelta(hours=prepared.policy.lease_hours())),
        report_made_at=utc_text(prepared.stored.made_at),
        previous="" if prepared.previous is None else prepared.previous.digest(),
        derived_from=prepared.derived_from,
        shards=_shards(session, prepared),
    )
    return Certificate(terms, session.who.sign(terms.signed_bytes()), session.user.public_key)


def _shards(session: Session, prepared: Prepared) -> tuple[str, ...]:
    """The digests of the shards where a cluster is to search, from the sealed rows, whatever any machine holds.

    An approximate engine is tested whole, and searches on one machine.
    """
    count, revision = session.place.shards, prepared.revision
    if count is None or prepared.certified.engine is not None:
        return ()
    screen, rows = session.place.revisions.screen(session.vault, revision)
    return shard_digests(revision.digest, screen.subject_ids, screen.subjects, rows, count)


def _store(session: Session, prepared: Prepared, certificate: Certificate, action: Action) -> Certificate:
    now = session.place.clock()
    with refusals_logged(session, _ATTEMPTS[action], prepared.watchlist.name):
        leaves = leaves_of(session, prepared.revision)
        listed_root = root_of(leaves).hex()
    with refusals_logged(session, _ATTEMPTS[action], prepared.watchlist.name), session.place.work() as work:
        still_here(session, work)
        seal_leaves(session, prepared.revision, leaves)
        found = find_list(work, prepared.watchlist.name)
        if found != prepared.watchlist:
            raise Refused(f"list {found.name} changed meanwhile: read its consequence again")
        work.lists.save(found.activated(prepared.revision, certificate, now))
        work.log.append(
            event(
                action,
                session.user.name,
                list=found.name,
                certificate=certificate.digest(),
                report=prepared.certified.digest,
                list_digest=prepared.revision.digest,
                tested_list=prepared.certified.binding.list,
                threshold=certificate.threshold,
                tier=certificate.terms.tier,
                consequence=prepared.consequence,
                lease_until=certificate.terms.lease_until,
                listed_root=listed_root,
                listed=len(leaves),
                listed_revision=prepared.revision.revision_id,
                **({"shards": len(certificate.terms.shards)} if certificate.terms.shards else {}),
            )
        )
        work.commit()
    return certificate
