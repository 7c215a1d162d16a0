"""Calibrating: cohort -> trials -> maxima -> intervals -> operating point, or "too few people" -> report.

1. List and cohort must hold templates of one model identity; nobody may be in both.
2. Before activation nobody can learn here which cohort person resembles which listed one: of their comparison only
   maxima are kept. Listed people who resemble each other are named by handles, as are those of the cohort.
3. Attempts count the calibrations of the list's lineage (`lineage.py`) since an approver last activated one; the same
   inputs again are the same attempt.
4. The shipped demo people test nothing but the shipped demo list.
5. Before counting, cohort people who look like one person are joined, unless an admin who looked ruled otherwise.
6. Every figure is the exact engine's. An approximate one that is asked for is tested beside it (`engines.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.calibration.at_threshold import CohortTemplates
from matcher.calibration.calibrate import CalibrationInputs, CohortFacts, ListFacts, PolicyFacts, calibrate
from matcher.calibration.groups import FEWEST
from matcher.calibration.report import VERSION, Report, parse_report, version_of
from matcher.calibration.resolutions import Resolutions
from matcher.calibration.trials import TrialPlan, TrialScores, members_of, plan_trials
from matcher.calibration.verdict import Status
from matcher.domain.cohort import Cohort
from matcher.domain.engine import Factory, factory_from
from matcher.domain.events import Action, event
from matcher.domain.people import Role
from matcher.domain.policy import Policy
from matcher.domain.records import StoredReport
from matcher.domain.revision import UNSEEN, Item, Revision, RevisionContent
from matcher.domain.template import Floats, Millionths, Scores
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput, InsufficientEvidence, Refused
from matcher.services.collections import find_cohort, find_list
from matcher.services.engines import tested_engine
from matcher.services.integrity import SearchedList, adjudicated, listed_maxima, look_alikes_at, searched_list
from matcher.services.lineage import Step, lineage_of, next_attempt
from matcher.services.same_model import require_comparable
from matcher.services.workplace import Session, refusals_logged, still_here

PROBES_AT_ONCE = 64  # searches whose candidates are counted together


@dataclass(frozen=True, slots=True)
class Shipped:
    """Digests (sha256, hex) of the pictures of the shipped demo people."""

    cohort: frozenset[str]
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: list, cohort, policy, a threshold given beforehand or None, and group columns or None for all.

    `ruled`: what an admin found who looked at pairs of cohort people; `engine`: an approximate one, or None.
    """

    list_name: str
    cohort_name: str
    policy: Policy
    threshold: Millionths | None = None
    columns: tuple[str, ...] | None = None
    ruled: Resolutions = field(default_factory=Resolutions)
    engine: Factory | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """A list and the people to test it on, opened."""

    watchlist: Watchlist
    cohort: Cohort
    listed: RevisionContent
    people: RevisionContent
    shipped: bool


def calibrate_list(session: Session, question: Question, shipped: Shipped) -> Report:
    """Makes and stores the report. Raises BadInput, Refused, MissingRole, IntegrityError."""
    with refusals_logged(session, "calibrate", question.list_name):
        session.user.require(Role.ADMIN)
        watchlist, listed = latest_of_list(session, question.list_name)
        cohort, tested = latest_of_cohort(session, question.cohort_name)
        subjects = open_subjects(session, (watchlist, listed), (cohort, tested), shipped)
        past = lineage_of(session, watchlist, subjects.listed)
        report = report_of(session, question, subjects, (listed, tested), past)
    _store(session, question.policy, subjects, report, (listed, tested))
    return report


def report_of(
    session: Session,
    question: Question,
    subjects: Subjects,
    revisions: tuple[Revision, Revision],
    past: Sequence[Step],
) -> Report:
    """The report, not stored; `past` is the list's lineage. Raises BadInput, InsufficientEvidence."""
    searched = searched_list(session.place.build_index, subjects.listed, revisions[0].digest)
    inputs = _inputs(question, subjects, revisions, searched, past)
    if question.engine is not None:
        trials = (inputs.plan, inputs.scores)
        engine = tested_engine(session.place, question.engine, searched, subjects.people.templates, trials)
        inputs = replace(inputs, engine=engine)
    report = calibrate(inputs)
    probes = subjects.people.templates[np.array(inputs.plan.probe_rows(), dtype=np.int64)]
    look_alikes = look_alikes_at(report.threshold.tau, searched, probes, inputs.scores.maxima)
    return replace(report, look_alikes=look_alikes)


def _inputs(
    question: Question,
    subjects: Subjects,
    revisions: tuple[Revision, Revision],
    searched: SearchedList,
    past: Sequence[Step],
) -> CalibrationInputs:
    listed, tested = revisions
    names = frozenset(item.subject_id for item in subjects.listed.items)
    plan = plan_trials(tested.digest, members_of(subjects.people.items), names)
    if len(plan.people) < FEWEST:
        raise InsufficientEvidence(
            f"{len(plan.people)} people are no test, and their scores would be theirs: load at least {FEWEST} into "
            f"cohort {subjects.cohort.name}"
        )
    scores = _scores(searched, subjects.people.templates, plan)
    trials = adjudicated(subjects.people, tested.digest, plan, scores, question.ruled)
    columns = question.columns
    if columns is None:
        columns = tuple(sorted({column for item in subjects.people.items for column, _ in item.attributes}))
    policy = question.policy
    required = tuple((column, tuple(values)) for column, values in sorted(policy.groups.required.items()))
    facts = PolicyFacts(policy.digest(), policy.certification.alpha, policy.certification.delta, required)
    binding = (listed.digest, listed.model.text(), tested.digest, policy.digest())
    return CalibrationInputs(
        list=_list_facts(subjects.watchlist, listed),
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
        attempt=attempt_number(past, binding, question),
        plan=trials.plan,
        scores=trials.scores,
        adjudication=trials.record,
        listed_maxima=listed_maxima(searched),
        templates=_templates(searched, subjects.people.templates, trials.plan),
    )


def _list_facts(watchlist: Watchlist, listed: Revision) -> ListFacts:
    terms = watchlist.terms
    prior = None if terms.declared_prior is None else terms.declared_prior.chance
    return ListFacts(watchlist.name, listed.digest, listed.subjects, terms.searches_per_day, prior)


def _templates(searched: SearchedList, templates: Floats, plan: TrialPlan) -> CohortTemplates:
    rows, owner = plan.template_rows()
    probes = templates[np.array(plan.probe_rows(), dtype=np.int64)]

    def candidates(tau: Millionths) -> npt.NDArray[np.integer]:
        starts = range(0, len(probes), PROBES_AT_ONCE)
        answers = (searched.index.at_or_above(probes[at : at + PROBES_AT_ONCE], tau) for at in starts)
        return np.array([len(hits) for answer in answers for hits in answer.hits], dtype=np.int64)

    return CohortTemplates(templates[np.array(rows, dtype=np.int64)], np.array(owner, dtype=np.int32), candidates)


def attempt_number(past: Sequence[Step], binding: tuple[str, str, str, str], question: Question) -> int:
    """The number of this calibration in its lineage; the earlier number for the very same inputs."""
    same = next((step.report for step in past if answers(step.report, binding, question)), None)
    if same is not None:
        return parse_report(same.body).attempt.j
    return next_attempt(past, question.policy.certification.alpha)


def answers(stored: StoredReport, binding: tuple[str, str, str, str], question: Question) -> bool:
    """Whether a report was made from the very same inputs: digests, model, threshold, columns, rulings and engine."""
    if version_of(stored.body) != VERSION:
        return False  # made by another release: it counts as an attempt, and is never the same one
    report = parse_report(stored.body)
    same = (report.binding.list, report.binding.model, report.binding.cohort, report.binding.policy) == binding
    beforehand = report.threshold.tau if report.threshold.origin.value == "verify" else None
    tested = {column for group in report.groups for column in group.key}
    asked = tested | set(report.cohort.left_out) if question.columns is None else set(question.columns)
    ruled = report.adjudication.ruled().rulings == question.ruled.rulings
    engine = None if report.engine is None else factory_from(report.engine.factory)
    return same and beforehand == question.threshold and tested == asked and ruled and engine == question.engine


def _scores(searched: SearchedList, templates: Floats, plan: TrialPlan) -> TrialScores:
    probes = np.array(plan.probe_rows(), dtype=np.int64)
    maxima = searched.index.maxima(templates[probes]) if len(probes) else np.empty(0, np.int32)
    return TrialScores(maxima, mate_scores(templates, plan.mated_rows()))


def best_scores(session: Session, subjects: Subjects, probes: Sequence[int], digest: str) -> Scores:
    """The best score of each of these rows of the people against the whole list of this digest, int32 millionths."""
    if not probes:
        return np.empty(0, np.int32)
    listed = subjects.listed.templates
    index = session.place.build_index(listed, np.zeros(len(listed), np.int32), digest)
    return index.maxima(subjects.people.templates[np.array(probes, dtype=np.int64)])


def mate_scores(templates: Floats, pairs: Sequence[tuple[int, int]]) -> Scores:
    """The score of each (probe, reference) pair of rows."""
    probes, references = np.array(pairs, np.int32).reshape(-1, 2).T
    return kernels.paired_scores(templates, np.ascontiguousarray(probes), templates[references])


def _store(
    session: Session, policy: Policy, subjects: Subjects, report: Report, revisions: tuple[Revision, Revision]
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
    with refusals_logged(session, "calibrate", subjects.watchlist.name), session.place.work() as work:
        still_here(session, work)
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
                adjudicated=report.adjudication.resolutions,
            )
        )
        work.commit()


def latest_of_list(session: Session, name: str) -> tuple[Watchlist, Revision]:
    """A list whose life is not over, and its newest revision. Raises BadInput, Refused."""
    with session.place.work(write=False) as work:
        watchlist = find_list(work, name)
    watchlist.require_open(session.place.clock())
    if watchlist.latest is None:
        raise BadInput(f"list {name} is empty: load it first (matcher watchlist load)")
    return watchlist, watchlist.latest


def latest_of_cohort(session: Session, name: str) -> tuple[Cohort, Revision]:
    """A cohort that may be tested on, and what it holds. Raises BadInput, Refused."""
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


def open_subjects(
    session: Session, listed: tuple[Watchlist, Revision], tested: tuple[Cohort, Revision], shipped: Shipped
) -> Subjects:
    """Opens a list's revision and a cohort's. Raises Refused where they cannot be compared, IntegrityError."""
    require_comparable(listed[0].name, listed[1], tested[0].name, tested[1])
    list_content = session.place.revisions.read(session.vault, listed[1])
    cohort_content = session.place.revisions.read(session.vault, tested[1])
    synthetic = bool(_digests(cohort_content.items) & shipped.cohort)
    if synthetic and not _digests(list_content.items) <= shipped.listed:
        raise Refused("the shipped demo people do not exist: they certify nothing but the shipped demo list")
    return Subjects(listed[0], tested[0], list_content, cohort_content, synthetic)


def _digests(items: Sequence[Item]) -> frozenset[str]:
    return frozenset(item.digest for item in items)
