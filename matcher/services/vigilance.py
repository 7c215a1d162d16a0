"""Vigilance at work: results, floors, suspending and restoring reviewers, and what is told of them.

1. A result is entered in the transaction that shows its reviewer the truth; the floors of the item's own policy are
   looked at with it (`calibration/vigilance.py`), over the results since the reviewer was last restored.
2. Who falls below one is suspended at once: the queue is closed to them, no judgement of theirs is taken. An admin is
   told with every command until somebody is restored, by another person and with a reason; results begin anew.
3. Admins and auditors see everybody's figures, a reviewer their own. No figure names a subject, a list or an alert.
4. Agreement is over concluded alerts only: it betrays nothing to whoever may still judge.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from matcher.calibration.intervals import Estimate
from matcher.calibration.vigilance import Agreement, Floors, Skill, agreement_of, fallen, skill_of
from matcher.domain.case import Verdict
from matcher.domain.desk import Practice, Share
from matcher.domain.events import Action, event
from matcher.domain.ids import utc_text
from matcher.domain.people import Role, User
from matcher.domain.records import AlertRecord
from matcher.domain.tables import UnitOfWork
from matcher.domain.vigilance import Answer, Result, Right, said_of
from matcher.domain.words import check_line
from matcher.errors import AnotherPersonNeeded, BadInput, Refused
from matcher.services.workplace import Session, Workplace, refusals_logged, still_here

_MEND = "an admin restores them after training (matcher reviewers --restore)"


@dataclass(frozen=True, slots=True)
class ReviewerRecord:
    """One reviewer's figures since they were last restored; `before` results are older. `agreement` is with all others.

    `suspended` is the change that took their right to judge, None for who may judge.
    """

    name: str
    suspended: Right | None
    restored: int
    skill: Skill
    before: int
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two reviewers agree."""

    one: str
    other: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class ReviewerStatistics:
    """Everybody's figures; `without_items` says of which active list no known-answer item is made, and why."""

    reviewers: tuple[ReviewerRecord, ...]
    pairs: tuple[PairAgreement, ...]
    without_items: tuple[tuple[str, str], ...]


def suspension_of(work: UnitOfWork, reviewer: str) -> Right | None:
    """The change that took a reviewer's right to judge; None for who has it."""
    rights = work.vigilance.rights(reviewer)
    return rights[-1] if rights and rights[-1].suspended else None


def suspension_text(taken: Right) -> str:
    """What a suspended reviewer is told."""
    return f"your right to confirm is suspended, and the queue closed: {taken.reason}; {_MEND}"


def require_right(work: UnitOfWork, reviewer: str) -> None:
    """Raises Refused for a suspended reviewer."""
    taken = suspension_of(work, reviewer)
    if taken is not None:
        raise Refused(suspension_text(taken))


def enter_result(
    work: UnitOfWork, alert: AlertRecord, answer: Answer, verdicts: Mapping[str, Verdict], act: tuple[str, datetime]
) -> None:
    """Enters what a reviewer said of an item, and suspends them where that puts them below a floor (rules 1 and 2).

    `act`: who judged, and now.
    """
    reviewer, now = act
    before = work.vigilance.results(reviewer)
    said = said_of(answer.mate, verdicts)
    result = Result(reviewer, len(before) + 1, alert.alert_id, answer.mate, said, now)
    work.vigilance.add_result(result)
    work.log.append(
        event(Action.KNOWN_JUDGED, reviewer, alert=alert.alert_id, mate=answer.mate, said=said.value, at=utc_text(now))
    )
    rights = work.vigilance.rights(reviewer)
    if rights and rights[-1].suspended:
        return
    fall = fallen([*before, result][since_restored(rights) :], floors_of(work, alert.policy_digest))
    if fall is not None:
        _change(work, reviewer, Right(reviewer, len(rights) + 1, True, None, fall.reason, result.number, now))


def restore(session: Session, name: str, reason: str) -> None:
    """Gives a reviewer the right to judge back. Raises AnotherPersonNeeded, BadInput, MissingRole, Refused."""
    if not reason.strip():
        raise BadInput("say what was done: --reason TEXT")
    check_line("--reason", reason)
    with refusals_logged(session, "reviewers.restore", name), session.place.work() as work:
        session.user.require(Role.ADMIN)
        still_here(session, work)
        if work.users.get(name) is None:
            raise BadInput(f"there is no user {name} in this home: see matcher user list")
        if name == session.user.name:
            raise AnotherPersonNeeded("nobody restores themselves: ask another admin")
        if suspension_of(work, name) is None:
            raise Refused(f"{name} is not suspended from judging: there is nothing to restore")
        number, results = len(work.vigilance.rights(name)) + 1, len(work.vigilance.results(name))
        now = session.place.clock()
        _change(work, name, Right(name, number, False, session.user.name, reason, results, now))
        work.commit()


def _change(work: UnitOfWork, reviewer: str, right: Right) -> None:
    work.vigilance.add_right(right)
    work.log.append(
        event(
            Action.REVIEWER_SUSPENDED if right.suspended else Action.REVIEWER_RESTORED,
            reviewer if right.by is None else right.by,
            reviewer=reviewer,
            reason=right.reason,
            results=right.results,
        )
    )


def reminders(place: Workplace) -> Sequence[str]:
    """What an admin is told with every command: who is suspended from judging, and why."""
    with place.work(write=False) as work:
        taken = [suspension_of(work, user.name) for user in work.users.all()]
    return [
        f"reviewer {one.reviewer} is suspended from judging: {one.reason}; after training: "
        f"matcher reviewers --restore {one.reviewer} --reason TEXT"
        for one in taken
        if one is not None
    ]


def statistics(session: Session) -> ReviewerStatistics:
    """Everybody's figures for an admin or auditor, for a reviewer their own. Raises MissingRole."""
    with refusals_logged(session, "reviewers", session.user.name):
        session.user.require(Role.ADMIN, Role.AUDITOR, Role.REVIEWER)
    with session.place.work(write=False) as work:
        verdicts = _common(work)
        if session.user.roles.isdisjoint({Role.ADMIN, Role.AUDITOR}):
            return ReviewerStatistics((_record(work, session.user.name, verdicts),), (), ())
        names = [user.name for user in work.users.all() if _has_reviewed(work, user)]
        records = tuple(_record(work, name, verdicts) for name in names)
        without = _without_items(work, session.place.clock())
    pairs = [
        PairAgreement(one, other, agreement_of(verdicts[one, other]))
        for at, one in enumerate(names)
        for other in names[at + 1 :]
        if (one, other) in verdicts
    ]
    return ReviewerStatistics(records, tuple(pairs), without)


def practice(session: Session) -> Practice | None:
    """A reviewer's own figures; None for who is no reviewer."""
    if Role.REVIEWER not in session.user.roles:
        return None
    with session.place.work(write=False) as work:
        found = _record(work, session.user.name, {}).skill
    return Practice(
        _share(found.hits), _share(found.false_confirms), found.d_prime, found.criterion, found.reason or ""
    )


def _share(found: Estimate) -> Share:
    return Share(found.k or 0, found.n, found.rate, found.cp95)


def _has_reviewed(work: UnitOfWork, user: User) -> bool:
    return Role.REVIEWER in user.roles or bool(work.vigilance.results(user.name))


def _record(
    work: UnitOfWork, name: str, verdicts: Mapping[tuple[str, str], Sequence[tuple[bool, bool]]]
) -> ReviewerRecord:
    results, rights = work.vigilance.results(name), work.vigilance.rights(name)
    since = since_restored(rights)
    with_others = [pair for (one, _), pairs in verdicts.items() if one == name for pair in pairs]
    return ReviewerRecord(
        name=name,
        suspended=rights[-1] if rights and rights[-1].suspended else None,
        restored=sum(not right.suspended for right in rights),
        skill=skill_of(results[since:]),
        before=since,
        agreement=agreement_of(with_others),
    )


def floors_of(work: UnitOfWork, policy_digest: str) -> Floors:
    """The floors of a stored policy."""
    limits = work.reports.policy(policy_digest).review
    return Floors(limits.least_hit_rate, limits.most_false_confirm_rate, limits.known_answers_least)


def since_restored(rights: Sequence[Right]) -> int:
    """How many results a reviewer had when they were last restored."""
    return next((right.results for right in reversed(rights) if not right.suspended), 0)


def _common(work: UnitOfWork) -> Mapping[tuple[str, str], Sequence[tuple[bool, bool]]]:
    """What each two reviewers said of the same candidates: whether it is the *same*."""
    of_candidate: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    for alert, candidate, reviewer, verdict in work.vigilance.blind_verdicts():
        of_candidate[alert, candidate].append((reviewer, verdict is Verdict.SAME))
    found: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for said in of_candidate.values():
        for one, own in said:
            for other, others in said:
                if one != other:
                    found[one, other].append((own, others))
    return found


def _without_items(work: UnitOfWork, now: datetime) -> tuple[tuple[str, str], ...]:
    from matcher.services.known_answers import (
        cohort_of,
        few_pictures,
        refusal,
    )  # it loads the kernels; reminders do without

    found = []
    for watchlist in work.lists.all():
        certificate = watchlist.certificate
        report = None if certificate is None else work.reports.get(certificate.terms.binding.report_digest)
        if report is None:
            continue
        if not work.reports.policy(report.policy_digest).review.known_answer_share:
            why = "the policy's known_answer_share is 0"
        else:
            cohort, revision = cohort_of(work, report)
            why = refusal(cohort, revision.revision_id, cohort is not None and cohort.expired(now))
            why = why or few_pictures(watchlist.serving, revision)
        if why:
            found.append((watchlist.name, why))
    return tuple(found)
