"""Judgements as the quorum rule reads them, and where an alert stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from matcher.calibration.handles import handles_of
from matcher.calibration.lookalikes import has_look_alikes
from matcher.calibration.report import parse_report
from matcher.domain.case import Correction, Judgement, Outcome, ReviewFile, conclude, reviewers_needed
from matcher.domain.records import AlertLine, Progress, QueueRules
from matcher.domain.revision import Item
from matcher.domain.tables import UnitOfWork
from matcher.domain.vigilance import unconcluded


@dataclass(frozen=True, slots=True)
class Standing:
    """One alert as it stands: everybody's progress, the files that count, and the outcome of every candidate."""

    line: AlertLine
    progress: Sequence[Progress]
    files: tuple[ReviewFile, ...]
    outcomes: tuple[tuple[str, Outcome], ...]
    needed: int
    min_pixels: int
    same_account: str
    submitter_may_review: bool

    @property
    def settled(self) -> bool:
        """True when no further reviewer is needed."""
        return all(outcome not in (Outcome.PENDING, Outcome.THIRD_NEEDED) for _, outcome in self.outcomes)

    def own(self, reviewer: str) -> Progress | None:
        """One reviewer's progress."""
        return next((step for step in self.progress if step.reviewer == reviewer), None)

    def held_by_other(self, reviewer: str, now: datetime) -> bool:
        """True while another reviewer's claim has not lapsed."""
        return any(_holds(step, now) for step in self.progress if step.reviewer != reviewer)

    def waits_for(self, reviewer: str, now: datetime) -> bool:
        """Whether this alert belongs in a reviewer's queue."""
        own = self.own(reviewer)
        if own is not None and (own.finished_at is not None or own.recused_at is not None):
            return False
        if self.line.submitted_by == reviewer and not self.submitter_may_review:
            return False
        done = sum(file.finished for file in self.files if file.reviewer != reviewer)
        return self.is_open and done < self.needed and not self.held_by_other(reviewer, now)

    @property
    def is_open(self) -> bool:
        """False once concluded, or closed by a suspension or the end of a list."""
        return self.line.closed_reason is None and self.line.concluded_at is None


def queue_rules(work: UnitOfWork, now: datetime) -> QueueRules:
    """What the policies of open alerts say, and the cohorts whose known-answer items wait for nobody any more."""
    rules = {digest: work.reports.policy(digest).review for digest in work.alerts.open_policies()}
    ended = {one.cohort_id for one in work.cohorts.all() if one.expired(now)}
    over = [one.revision_id for one in work.revisions.all() if one.collection_id in ended] if ended else []
    return QueueRules(
        {digest: rule.reviewers_required for digest, rule in rules.items()},
        frozenset(digest for digest, rule in rules.items() if rule.submitter_may_review),
        frozenset(over),
    )


def standing(work: UnitOfWork, line: AlertLine, now: datetime) -> Standing:
    """Where an alert stands. A disclosed file whose claim has lapsed counts as finished: its judgements stand."""
    policy = work.reports.policy(line.policy_digest).review
    progress = work.alerts.progress(line.alert_id)
    latest: dict[str, dict[str, Judgement]] = {}
    for signed in work.alerts.judgements(line.alert_id):
        latest.setdefault(signed.reviewer, {})[signed.judgement.candidate_id] = signed.judgement
    corrections: dict[str, list[Correction]] = {}
    for made in work.alerts.corrections(line.alert_id):
        corrections.setdefault(made.reviewer, []).append(made.correction)
    disclosed = [step for step in progress if step.disclosed_at is not None and step.recused_at is None]
    files = tuple(
        ReviewFile(
            step.reviewer,
            step.account,
            step.terminal,
            tuple((candidate, judgement.verdict) for candidate, judgement in latest[step.reviewer].items()),
            tuple(corrections.get(step.reviewer, ())),
            _ended_at(step, now) is not None,
        )
        for step in sorted(disclosed, key=lambda step: (_ended_at(step, now) or now, step.reviewer))
    )
    concluded = unconcluded if line.known_answer else conclude
    outcomes = concluded(line.candidate_ids, files, policy.reviewers_required)
    return Standing(
        line=line,
        progress=progress,
        files=files,
        outcomes=outcomes,
        needed=reviewers_needed(outcomes, policy.reviewers_required),
        min_pixels=policy.min_pixels,
        same_account=policy.same_account,
        submitter_may_review=policy.submitter_may_review and not line.known_answer,  # they know what was found
    )


def signed_bytes(alert_id: str, reviewer: str, what: Judgement | Correction, moment: str) -> bytes:
    """What a reviewer's signature is over: a context line and canonical JSON of the judgement or correction."""
    facts: dict[str, object] = {"alert": alert_id, "reviewer": reviewer, "time": moment, "candidate": what.candidate_id}
    facts["verdict"] = what.verdict.value
    if isinstance(what, Judgement):
        facts["checklist"] = [[component.value, finding.value] for component, finding in what.checklist]
        facts |= {"mode": what.mode, "face_pixels": what.face_pixels, "milliseconds": round(what.seconds * 1000)}
    else:
        facts["reason"] = what.reason
    kind = "judgement" if isinstance(what, Judgement) else "correction"
    return f"watchlist-matcher/{kind}/v1\n".encode() + json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def _holds(step: Progress, now: datetime) -> bool:
    waiting = step.finished_at is None and step.recused_at is None
    return waiting and step.claimed_until is not None and step.claimed_until > now


def _ended_at(step: Progress, now: datetime) -> datetime | None:
    if step.finished_at is not None or step.claimed_until is None:
        return step.finished_at
    return step.claimed_until if step.claimed_until <= now else None


def with_look_alikes(report: bytes, items: Sequence[Item]) -> Mapping[str, bool | None]:
    """For each subject of the revision that a report is about: whether the list holds look-alikes of them."""
    parsed = parse_report(report)
    handles = handles_of(parsed.binding.list, items)
    return {subject: has_look_alikes(parsed.look_alikes, handle) for subject, handle in handles.items()}
