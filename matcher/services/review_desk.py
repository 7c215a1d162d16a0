"""What one reviewer does with alerts: claim, judge blind, see the score, correct, finish.

1. Nothing but faces leaves this desk before all candidates of the alert are judged (`BlindAlert` has no other field).
2. Every judgement is signed by the reviewer and logged by its digest, so that the log betrays no verdict.
3. Identity is unsealed for a lead only, and only to those who judged it.
4. A conclusion counts for the watch on the list (`services/watch.py`), and may suspend it.
5. A known-answer item goes the same way, until its reviewer's own judgement stands: then they are told the truth, their
   result is entered (`services/vigilance.py`), and nothing is concluded.
6. Nothing waits for a reviewer who is suspended from judging, and no judgement of theirs is taken.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from matcher.domain.case import Correction, Judgement, Outcome, Verdict, independent
from matcher.domain.confidence import MatchConfidence, Prior
from matcher.domain.desk import (
    MOST_WAITING,
    BlindAlert,
    BlindCandidate,
    ConcludedCandidate,
    DisclosedAlert,
    DisclosedCandidate,
    FacePicture,
    Label,
    Practice,
    QueueOrder,
    QueuePage,
    Stage,
    WorkPeriod,
)
from matcher.domain.events import Action, event
from matcher.domain.ids import utc_text
from matcher.domain.people import Role, User
from matcher.domain.records import AlertRecord, SignedJudgement
from matcher.domain.revision import Item
from matcher.domain.tables import UnitOfWork
from matcher.domain.template import Millionths
from matcher.domain.vigilance import Answer, truth_text
from matcher.errors import BadInput, IntegrityError, Refused
from matcher.services.conclusion import conclude_alert
from matcher.services.own_work import own_work
from matcher.services.review_files import Standing, queue_rules, signed_bytes, standing, with_look_alikes
from matcher.services.review_queue import closings, waiting_page
from matcher.services.review_waiting import may_judge, waiting_text
from matcher.services.vigilance import enter_result, practice, require_right
from matcher.services.workplace import Session, refusals_logged, still_here

Confidence = Callable[[bytes, Millionths, int, Prior | None], MatchConfidence]

CLAIM_LEASE = timedelta(minutes=15)

_KNOWN = "this was a known-answer item: nothing is concluded from it"


class Desk:
    """Implements `rooms.ReviewDesk`.

    `confidence` turns a report's bytes, a score, its rank and the list's declared prior into what is said of the score.
    For an approver who is no reviewer the queue is empty, and every claim raises MissingRole.
    """

    def __init__(self, session: Session, confidence: Confidence) -> None:
        self._session = session
        self._confidence = confidence
        self._items: dict[str, tuple[Item, ...]] = {}

    @property
    def user(self) -> User:
        """Whose desk this is."""
        return self._session.user

    def queue(self, order: QueueOrder = QueueOrder.OLDEST, most: int = MOST_WAITING) -> QueuePage:
        """The first `most` alerts waiting for this reviewer, in an order, and how many wait in all."""
        return waiting_page(self._session, order, most)

    def closings(self) -> Sequence[str]:
        """What was closed as inconclusive in the last week, or stopped with nothing waiting, and why; newest first."""
        return closings(self._session)

    def claim(self, alert_id: str) -> BlindAlert:
        """Takes the alert's claim for 15 minutes and shows its faces, candidates in an order drawn at random once."""
        now = self._now()
        with refusals_logged(self._session, "alert.claim", alert_id), self._session.place.work() as work:
            found = self._waiting(work, alert_id, now)
            self._check_independence(found)
            self._check_right(work, found)
            order = self._drawn_order(found.line.candidate_ids)
            if not work.alerts.claim(alert_id, self._session.who, order, now, now + CLAIM_LEASE):
                raise Refused("another reviewer has just taken this alert: choose the next one")
            if found.own(self.user.name) is None:
                work.log.append(event(Action.CLAIMED, self.user.name, alert=alert_id, order=",".join(order)))
            alert, answer = self._alert(work, alert_id), work.vigilance.answer(self._session.vault, alert_id)
            found = standing(work, found.line, now)
            judged = self._own_judgements(work, alert_id)
            work.commit()
        own = found.own(self.user.name)
        if own is None:
            raise IntegrityError("a claim that was just taken is missing: the database lost a write")
        stage = Stage.BLIND if own.disclosed_at is None else Stage.DISCLOSED
        subjects = {candidate.candidate_id: candidate.subject_id for candidate in alert.candidates}
        return BlindAlert(
            alert_id,
            FacePicture(alert.probe, alert.place),
            tuple(BlindCandidate(one, self._references(alert, (one, subjects[one]), answer)) for one in own.order),
            tuple(judged.values()),
            stage,
            found.min_pixels,
        )

    def judge(self, alert_id: str, judgement: Judgement) -> None:
        """Commits one blind judgement; a later one for the same candidate replaces it until disclosure."""
        now = self._now()
        with refusals_logged(self._session, "alert.judge", alert_id), self._session.place.work() as work:
            found = self._held(work, alert_id, now)
            require_right(work, self.user.name)
            judgement.check(found.min_pixels)
            _known(found, judgement.candidate_id)
            message = signed_bytes(alert_id, self.user.name, judgement, utc_text(now))
            signature = self._session.who.sign(message)
            seat = self._session.who.seat
            work.alerts.add_judgement(
                SignedJudgement(alert_id, self.user.name, seat.account, seat.terminal, now, judgement, signature)
            )
            self._log_signed(work, Action.JUDGED, alert_id, judgement.candidate_id, message)
            work.commit()

    def recuse(self, alert_id: str, reason: str) -> None:
        """Steps back for good ("I know this person")."""
        now = self._now()
        with refusals_logged(self._session, "alert.recuse", alert_id), self._session.place.work() as work:
            own = self._held(work, alert_id, now).own(self.user.name)
            if own is not None and own.disclosed_at is not None:
                raise Refused("the scores are shown already: finish the alert; what you said blind counts")
            work.alerts.mark(alert_id, self.user.name, "recused", now)
            work.log.append(event(Action.RECUSED, self.user.name, alert=alert_id, reason=reason))
            work.commit()

    def progress(self, alert_id: str) -> tuple[Stage, Mapping[str, Verdict]]:
        """How far this reviewer is with an alert, in whichever terminal: its stage, and what they judged."""
        now = self._now()
        with self._session.place.work(write=False) as work:
            own = self._waiting(work, alert_id, now).own(self.user.name)
            judged = self._own_judgements(work, alert_id)
        stage = Stage.BLIND if own is None or own.disclosed_at is None else Stage.DISCLOSED
        return stage, {candidate: one.verdict for candidate, one in judged.items()}

    def release(self, alert_id: str) -> None:
        """Gives the claim back; committed judgements stay."""
        with self._session.place.work() as work:
            work.alerts.release(alert_id, self.user.name)
            work.log.append(event(Action.RELEASED, self.user.name, alert=alert_id))
            work.commit()

    def disclose(self, alert_id: str) -> DisclosedAlert:
        """Ends the blind stage and shows scores. Raises Refused until every candidate is judged."""
        now = self._now()
        with refusals_logged(self._session, "alert.disclose", alert_id), self._session.place.work() as work:
            found = self._held(work, alert_id, now)
            judged = self._own_judgements(work, alert_id)
            missing = len(set(found.line.candidate_ids) - set(judged))
            if missing:
                raise Refused(f"{missing} candidates are not judged yet: judge them before the scores are shown")
            alert, answer = self._alert(work, alert_id), work.vigilance.answer(self._session.vault, alert_id)
            report = work.reports.get(alert.report_digest)
            watchlist = work.lists.by_id(alert.list_id)
            own = found.own(self.user.name)
            if own is not None and own.disclosed_at is None:
                work.alerts.mark(alert_id, self.user.name, "disclosed", now)
                work.log.append(event(Action.DISCLOSED, self.user.name, alert=alert_id))
                if answer is not None:
                    verdicts = {candidate: one.verdict for candidate, one in judged.items()}
                    enter_result(work, alert, answer, verdicts, (self.user.name, now))
            work.commit()
        if report is None or watchlist is None or own is None:
            raise IntegrityError("the report or the list behind this alert is missing")
        by_id = {candidate.candidate_id: candidate for candidate in alert.candidates}
        resembled: Mapping[str, bool | None] = {}
        if answer is None:
            resembled = with_look_alikes(report.body, self._revision_items(alert))
        shown = tuple(
            DisclosedCandidate(
                candidate_id=one,
                own=judged[one].verdict,
                score=by_id[one].score,
                threshold=alert.threshold,
                confidence=self._confidence(
                    report.body, by_id[one].score, by_id[one].rank, watchlist.terms.declared_prior
                ),
                rank=by_id[one].rank,
                candidates=len(by_id),
                look_alikes=resembled.get(by_id[one].subject_id),
                truth="" if answer is None else truth_text(answer.mate, one),
            )
            for one in own.order
        )
        return DisclosedAlert(alert_id, watchlist.name, alert.case, alert.searches_of_case, shown)

    def correct(self, alert_id: str, correction: Correction) -> None:
        """A change after the score: *same* withdrawn, or a change towards *same*, which calls a third reviewer."""
        now = self._now()
        if not correction.reason.strip():
            raise BadInput("say why the judgement changes: the reason is recorded with it")
        with refusals_logged(self._session, "alert.correct", alert_id), self._session.place.work() as work:
            found = self._held(work, alert_id, now)
            own = found.own(self.user.name)
            if own is None or own.disclosed_at is None:
                raise Refused("the score is not shown yet: judge again instead of correcting")
            if found.line.known_answer:
                raise Refused("this was a known-answer item: what you said blind is your result, and nothing follows")
            _known(found, correction.candidate_id)
            message = signed_bytes(alert_id, self.user.name, correction, utc_text(now))
            work.alerts.add_correction(alert_id, self.user.name, correction, now, self._session.who.sign(message))
            self._log_signed(work, Action.CORRECTED, alert_id, correction.candidate_id, message)
            work.commit()

    def finish(self, alert_id: str) -> Sequence[ConcludedCandidate]:
        """Ends this reviewer's part; with the quorum reached, concludes the alert and unseals its lead."""
        now = self._now()
        with refusals_logged(self._session, "alert.finish", alert_id), self._session.place.work() as work:
            own = self._held(work, alert_id, now).own(self.user.name)
            if own is None or own.disclosed_at is None:
                raise Refused("look at the scores before you finish")
            work.alerts.mark(alert_id, self.user.name, "finished", now)
            work.log.append(event(Action.FINISHED, self.user.name, alert=alert_id))
            line = work.alerts.line(alert_id)
            if line is None:
                raise IntegrityError("an alert that was just finished is missing")
            found = standing(work, line, now)
            stopped = conclude_alert(work, found, self.user.name, now) if found.settled else ""
            alert = self._alert(work, alert_id)
            nobody_else = not any(may_judge(work, user, found) for user in work.users.all())
            work.commit()
        apart, outcomes = independent(found.files), dict(found.outcomes)
        if found.line.known_answer:
            return [ConcludedCandidate(one, Outcome.INCONCLUSIVE, _KNOWN, apart, None, "") for one in own.order]
        waiting = {one: waiting_text(found, one, nobody_else) for one in outcomes}
        return [
            ConcludedCandidate(one, outcomes[one], waiting[one], apart, self._label(alert, one, outcomes[one]), stopped)
            for one in own.order  # the numbers that this reviewer knows them by
        ]

    def own_work(self) -> Sequence[WorkPeriod]:
        """What this reviewer judged: the last week, the last month, and since the beginning."""
        with self._session.place.work(write=False) as work:
            still_here(self._session, work)
            return own_work(work, self.user.name, self._now())

    def practice(self) -> Practice | None:
        """What this reviewer made of known-answer items; None for who is no reviewer."""
        return practice(self._session)

    def _label(self, alert: AlertRecord, candidate_id: str, outcome: Outcome) -> Label | None:
        if outcome is not Outcome.LEAD:
            return None
        subject = next(one.subject_id for one in alert.candidates if one.candidate_id == candidate_id)
        labels = dict(next(item.labels for item in self._revision_items(alert) if item.subject_id == subject))
        return Label(subject, labels.get("name", ""), labels.get("note", ""))

    def _references(self, alert: AlertRecord, shown: tuple[str, str], answer: Answer | None) -> tuple[FacePicture, ...]:
        """The pictures of a candidate, (handle, subject): the list's, of a known-answer item the cohort's."""
        candidate_id, subject_id = shown
        items = self._revision_items(alert)  # for an item too: opening the list takes time, which would tell
        pictures = [one.picture for one in items if one.subject_id == subject_id and one.picture is not None]
        if answer is not None:
            pictures = list(answer.shown(candidate_id))
        vault = self._session.vault
        return tuple(FacePicture(vault.read(one.container, one.offset, one.length), one.place) for one in pictures)

    def _revision_items(self, alert: AlertRecord) -> tuple[Item, ...]:
        if alert.revision_id not in self._items:
            with self._session.place.work(write=False) as work:
                revision = work.revisions.get(alert.revision_id)
            if revision is None:
                raise IntegrityError("the revision behind this alert is missing")
            self._items[alert.revision_id] = self._session.place.revisions.left(self._session.vault, revision).items
        return self._items[alert.revision_id]

    def _own_judgements(self, work: UnitOfWork, alert_id: str) -> dict[str, Judgement]:
        signed = work.alerts.judgements(alert_id)
        return {one.judgement.candidate_id: one.judgement for one in signed if one.reviewer == self.user.name}

    def _alert(self, work: UnitOfWork, alert_id: str) -> AlertRecord:
        alert = work.alerts.get(self._session.vault, alert_id)
        if alert is None:
            raise BadInput(f"there is no alert {alert_id}")
        return alert

    def _waiting(self, work: UnitOfWork, alert_id: str, now: datetime) -> Standing:
        still_here(self._session, work)
        self.user.require(Role.REVIEWER)
        line = work.alerts.line(alert_id)
        if line is None:
            raise BadInput(f"there is no alert {alert_id}")
        found = standing(work, line, now)
        if line.closed_reason is not None:
            raise Refused(f"this alert was closed as inconclusive: {line.closed_reason}")
        if not found.waits_for(self.user.name, now):
            raise Refused(
                "this alert does not wait for you: it is judged, held by another reviewer, or your own search"
            )
        return found

    def _held(self, work: UnitOfWork, alert_id: str, now: datetime) -> Standing:
        """The standing of an alert whose claim this reviewer has; the claim is renewed."""
        found = self._waiting(work, alert_id, now)
        self._check_independence(found)  # somebody else may have judged since this claim was taken
        own = found.own(self.user.name)
        if own is None or not work.alerts.claim(alert_id, self._session.who, own.order, now, now + CLAIM_LEASE):
            raise Refused("your claim on this alert has lapsed and another reviewer has it: go back to the queue")
        return found

    def _check_independence(self, found: Standing) -> None:
        seat = self._session.who.seat
        shared = any(
            file.reviewer != self.user.name
            and (file.account == seat.account or (file.terminal and file.terminal == seat.terminal))
            for file in found.files
        )
        if shared and found.same_account == "refuse":
            raise Refused(
                "another reviewer judged this alert from your operating-system account or terminal: "
                "use an account of your own (policy: review.same_account)"
            )

    def _check_right(self, work: UnitOfWork, found: Standing) -> None:
        """Whoever saw the scores already may still finish: they judge nothing more there."""
        own = found.own(self.user.name)
        if own is None or own.disclosed_at is None:
            require_right(work, self.user.name)
        cohort = work.vigilance.cohort_revision(found.line.alert_id)
        if cohort in queue_rules(work, self._now()).ended:
            raise Refused("its pictures may not be shown any more: choose the next alert")

    def _drawn_order(self, candidates: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(candidates, key=lambda _: self._session.place.random(8)))

    def _log_signed(self, work: UnitOfWork, action: Action, alert_id: str, candidate: str, message: bytes) -> None:
        digest = hashlib.sha256(message).hexdigest()
        work.log.append(event(action, self.user.name, alert=alert_id, candidate=candidate, digest=digest))

    def _now(self) -> datetime:
        return self._session.place.clock()


def _known(found: Standing, candidate_id: str) -> None:
    if candidate_id not in found.line.candidate_ids:
        raise BadInput(f"alert {found.line.alert_id} has no candidate {candidate_id}")
