"""Calibrating: cohort -> trials -> maxima -> intervals -> operating point, or "too few people" -> report.

1. List and cohort must hold templates of one model identity; nobody may be in both.
2. Only maxima leave the index here: before activation there is no way to learn who resembles whom.
3. Attempts count the list's calibrations since its last certified one; the same inputs again are the same attempt.
4. The shipped demo cohort certifies nothing but the shipped demo list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher import kernels
from matcher.calibration.calibrate import CalibrationInputs, CohortFacts, ListFacts, PolicyFacts, calibrate
from matcher.calibration.report import Report, parse_report
from matcher.calibration.trials import TrialPlan, TrialScores, members_of, plan_trials
from matcher.calibration.verdict import Status
from matcher.domain.cohort import Cohort
from matcher.domain.events import Action, event
from matcher.domain.people import Role
from matcher.domain.policy import Policy
from matcher.domain.records import StoredReport
from matcher.domain.revision import UNSEEN, Item, Revision, RevisionContent
from matcher.domain.template import Floats, Millionths, Scores
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput, Refused
from matcher.services.collections import find_cohort, find_list
from matcher.services.workplace import Session, refusals_logged


@dataclass(frozen=True, slots=True)
class Shipped:
    """Digests (sha256, hex) of the pictures of the shipped demo people."""

    cohort: frozenset[str]
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: list, cohort, policy, a threshold given beforehand or None, and group columns or None for all."""

    list_name: str
    cohort_name: str
    policy: Policy
    threshold: Millionths | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Subjects:
    """Both sides of a calibration, opened."""

    watchlist: Watchlist
    cohort: Cohort
    listed: RevisionContent
    people: RevisionContent
    shipped: bool


def calibrate_list(session: Session, question: Question, shipped: Shipped) -> Report:
    """Makes and stores the report. Raises BadInput, Refused, MissingRole, IntegrityError."""
    with refusals_logged(session, "calibrate", question.list_name):
        session.user.require(Role.ADMIN)
        watchlist, listed = _latest_of_list(session, question.list_name)
        cohort, tested = _latest_of_cohort(session, question.cohort_name)
        if listed.model != tested.model:
            raise Refused(
                f"list {watchlist.name} and cohort {cohort.name} hold templates of different models: "
                "load the cohort again with the list's model (--replace)"
            )
        subjects = _open(session, (watchlist, listed), (cohort, tested), shipped)
    inputs = _inputs(session, question, subjects, (listed, tested))
    report = calibrate(inputs)
    _store(session, question.policy, subjects, report, (listed, tested))
    return report


def _inputs(
    session: Session, question: Question, subjects: _Subjects, revisions: tuple[Revision, Revision]
) -> CalibrationInputs:
    listed, tested = revisions
    names = frozenset(item.subject_id for item in subjects.listed.items)
    plan = plan_trials(tested.digest, members_of(subjects.people.items), names)
    columns = question.columns
    if columns is None:
        columns = tuple(sorted({column for item in subjects.people.items for column, _ in item.attributes}))
    policy = question.policy
    required = tuple((column, tuple(values)) for column, values in sorted(policy.groups.required.items()))
    facts = PolicyFacts(policy.digest(), policy.certification.alpha, policy.certification.delta, required)
    binding = (listed.digest, listed.model.text(), tested.digest, policy.digest())
    with session.place.work(write=False) as work:
        earlier = work.reports.of_list(subjects.watchlist.list_id)
    return CalibrationInputs(
        list=ListFacts(
            subjects.watchlist.name, listed.digest, listed.subjects, subjects.watchlist.terms.searches_per_day
        ),
        cohort=CohortFacts(
            subjects.cohort.name,
            subjects.cohort.terms.source,
            tested.digest,
            {listed.quality, tested.quality} <= {policy.quality.digest(), UNSEEN},
            subjects.shipped,
        ),
        policy=facts,
        model=listed.model.text(),
        columns=columns,
        tau=question.threshold,
        attempt=attempt_number(earlier, binding, question),
        plan=plan,
        scores=_scores(session, subjects, plan, listed.digest),
    )


def next_attempt(earlier: Sequence[StoredReport]) -> int:
    """The number of the next calibration with new inputs: one more than those since the last certified one."""
    number = 1
    for stored in earlier:
        number = 1 if stored.certified else number + 1
    return number


def attempt_number(earlier: Sequence[StoredReport], binding: tuple[str, str, str, str], question: Question) -> int:
    """One more than the calibrations since the last certified one; the earlier number for the very same inputs."""
    for stored in earlier:
        report = parse_report(stored.body)
        same = (report.binding.list, report.binding.model, report.binding.cohort, report.binding.policy) == binding
        beforehand = report.threshold.tau if report.threshold.origin.value == "verify" else None
        tested = {column for group in report.groups for column in group.key}
        asked = tested | set(report.cohort.left_out) if question.columns is None else set(question.columns)
        if same and beforehand == question.threshold and tested == asked:
            return report.attempt.j
    return next_attempt(earlier)


def _scores(session: Session, subjects: _Subjects, plan: TrialPlan, digest: str) -> TrialScores:
    templates = subjects.people.templates
    searched = [item for item in subjects.listed.items if item.row is not None]
    index = session.place.build_index(subjects.listed.templates, np.zeros(len(searched), np.int32), digest)
    probes = np.array(plan.probe_rows(), dtype=np.int64)
    maxima = index.maxima(templates[probes]) if len(probes) else np.empty(0, np.int32)
    return TrialScores(maxima, mate_scores(templates, plan.mated_rows()))


def mate_scores(templates: Floats, pairs: Sequence[tuple[int, int]]) -> Scores:
    """The score of each (probe, reference) pair of rows."""
    probes, references = np.array(pairs, np.int32).reshape(-1, 2).T
    return kernels.paired_scores(templates, np.ascontiguousarray(probes), templates[references])


def _store(
    session: Session, policy: Policy, subjects: _Subjects, report: Report, revisions: tuple[Revision, Revision]
) -> None:
    listed, tested = revisions
    now = session.place.clock()
    certified = report.verdict.status is Status.CERTIFIED
    stored = StoredReport(
        digest=report.digest(),
        list_id=subjects.watchlist.list_id,
        revision_id=listed.revision_id,
        cohort_revision_id=tested.revision_id,
        policy_digest=policy.digest(),
        certified=certified,
        made_by=session.user.name,
        made_at=now,
        body=report.canonical(),
    )
    with session.place.work() as work:
        watchlist = find_list(work, subjects.watchlist.name)
        if watchlist.latest != listed:
            raise Refused(f"somebody loaded list {watchlist.name} meanwhile: calibrate again")
        work.reports.add(stored, policy)
        work.lists.save(watchlist.calibrated(stored.digest, certified, now))
        work.log.append(
            event(
                Action.CALIBRATED,
                session.user.name,
                list=watchlist.name,
                cohort=subjects.cohort.name,
                report=stored.digest,
                policy=stored.policy_digest,
                verdict=report.verdict.status.value,
                tier=report.verdict.tier,
                attempt=report.attempt.j,
                threshold=report.threshold.tau,
            )
        )
        work.commit()


def _latest_of_list(session: Session, name: str) -> tuple[Watchlist, Revision]:
    with session.place.work(write=False) as work:
        watchlist = find_list(work, name)
    watchlist.require_open(session.place.clock())
    if watchlist.latest is None:
        raise BadInput(f"list {name} is empty: load it first (matcher watchlist load)")
    return watchlist, watchlist.latest


def _latest_of_cohort(session: Session, name: str) -> tuple[Cohort, Revision]:
    with session.place.work(write=False) as work:
        cohort = find_cohort(work, name)
    if cohort.expired(session.place.clock()):
        raise Refused(f"cohort {name} expired on {cohort.terms.expires}: its people may not be used any more")
    if "test" not in cohort.terms.uses:
        raise Refused(
            f"the people of cohort {name} did not consent to testing (its uses: {', '.join(cohort.terms.uses)})"
        )
    if cohort.latest is None:
        raise BadInput(f"cohort {name} is empty: load it first (matcher cohort load)")
    return cohort, cohort.latest


def _open(
    session: Session, listed: tuple[Watchlist, Revision], tested: tuple[Cohort, Revision], shipped: Shipped
) -> _Subjects:
    list_content = session.place.revisions.read(session.vault, listed[1])
    cohort_content = session.place.revisions.read(session.vault, tested[1])
    synthetic = bool(_digests(cohort_content.items) & shipped.cohort)
    if synthetic and not _digests(list_content.items) <= shipped.listed:
        raise Refused("the shipped demo people do not exist: they certify nothing but the shipped demo list")
    return _Subjects(listed[0], tested[0], list_content, cohort_content, synthetic)


def _digests(items: Sequence[Item]) -> frozenset[str]:
    return frozenset(item.digest for item in items)
