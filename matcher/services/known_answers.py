"""Making known-answer items, so that nobody can tell one from an alert; the rules of judging are in `vigilance.py`.

1. Only of the cohort that the serving report was calibrated on, if its `uses` hold *train-reviewers*, it has not
   expired, and it holds pictures; of people who are still in its newest revision.
2. Under each report at most one item more than the policy's share of what is queued, chosen by chance at every search.
3. An item is made in the transaction of a search and carries its time. Beside a search that found somebody only when
   more than one is owed: two alerts of one moment tell that one of them may be an item. It never waits for whoever made
   that search, who knows what was found.
4. It has as many candidates as an alert of that report drawn at random, each with as many pictures as a listed subject
   drawn at random has. A number that no cohort person can show, with one more for the probe, is not drawn; where every
   subject has such a number no item is made: one picture among pairs of pictures would tell.
5. The log entry of that search holds its alert, fingerprint and answer's digest; `log_view.py` withholds them from who
   may still judge.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from matcher.calibration.known_answers import Faces, Limits, Pairing, mated_pairing, nonmated_pairing
from matcher.calibration.report import parse_report
from matcher.domain.cohort import Cohort
from matcher.domain.ids import RandomBytes, new_handle, new_id
from matcher.domain.records import AlertRecord, CandidateRecord, StoredReport
from matcher.domain.revision import Item, PictureRef, Revision, RevisionContent
from matcher.domain.tables import UnitOfWork
from matcher.domain.vigilance import KNOWN_CASE, Answer, KnownItem
from matcher.errors import IntegrityError
from matcher.services.search import OpenedList
from matcher.services.workplace import Session

USE = "train-reviewers"
DRAWN = 64  # people of whom the hardest is taken


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What items of one report can be made of."""

    report: StoredReport
    revision: Revision
    newest: Revision
    sizes: Sequence[int]
    shown: frozenset[str]
    now: datetime


def refusal(cohort: Cohort | None, report_cohort: str, now_expired: bool) -> str:
    """Why no item may be made of a cohort; empty where one may."""
    if cohort is None:
        return f"the cohort of revision {report_cohort} is not in this home any more"
    if USE not in cohort.terms.uses:
        return f"the people of cohort {cohort.name} did not consent to it (its uses: {', '.join(cohort.terms.uses)})"
    return f"cohort {cohort.name} expired on {cohort.terms.expires}" if now_expired else ""


def few_pictures(serving: Revision | None, tested: Revision) -> str:
    """What averages say of rule 4, without a key: perhaps too few pictures; empty where they suffice."""
    if serving is None or not tested.subjects or not serving.subjects:
        return ""
    have, shown = tested.templates / tested.subjects, serving.templates / serving.subjects
    if have >= shown + 1:
        return ""
    return (
        f"or few: listed people have {shown:.3g} pictures on average and cohort people {have:.3g}, and a probe with as "
        "many references takes one more"
    )


def cohort_of(work: UnitOfWork, report: StoredReport) -> tuple[Cohort | None, Revision]:
    """The cohort that a report was calibrated on, and the revision that was tested."""
    revision = work.revisions.get(report.cohort_revision_id)
    if revision is None:
        raise IntegrityError("the cohort behind a report is missing: restore a backup")
    return next((one for one in work.cohorts.all() if one.cohort_id == revision.collection_id), None), revision


def due_item(session: Session, opened: OpenedList, found_somebody: bool, now: datetime) -> KnownItem | None:
    """An item to queue with a search, or None: none is due, or none can be made.

    `now`: the moment that the search's alerts are queued at too. A queue is in order of these, and of two moments the
    earlier one would be the item's every time.
    """
    share = opened.policy.review.known_answer_share
    if not share:
        return None
    with session.place.work(write=False) as work:
        alerts, items = work.vigilance.counts(opened.binding.report_digest)
        owed = alerts * share / (1 - share) - items - found_somebody
        if uniform(session.place.random) >= owed:
            return None
        stock = _stock(session, work, opened, now)
    return None if stock is None else _item(session, opened, stock)


def queue_item(session: Session, work: UnitOfWork, item: KnownItem | None) -> Mapping[str, str]:
    """Queues an item, if there is one; what the log entry of its search says of it."""
    if item is None:
        return {}
    work.vigilance.add(session.vault, item)
    alert_id = item.alert.alert_id
    return {
        "known": alert_id,
        "known_answer": work.vigilance.items()[alert_id],
        "known_fingerprint": work.alerts.fingerprint(alert_id),
    }


def uniform(random: RandomBytes) -> float:
    """A number from 0 up to 1, of 53 random bits."""
    return (int.from_bytes(random(8)) >> 11) / (1 << 53)


def one_of(random: RandomBytes, values: Sequence[int]) -> int:
    """One of them."""
    return values[int(uniform(random) * len(values))]


def drawn_in_order(random: RandomBytes, rows: Sequence[int]) -> list[int]:
    """All of them, in an order drawn at random."""
    return [row for _, row in sorted((random(8), row) for row in rows)]


def _stock(session: Session, work: UnitOfWork, opened: OpenedList, now: datetime) -> Stock | None:
    report = work.reports.get(opened.binding.report_digest)
    if report is None:
        raise IntegrityError("the report behind the activation is missing: restore a backup")
    cohort, revision = cohort_of(work, report)
    expired = cohort is not None and cohort.expired(now)
    if refusal(cohort, revision.revision_id, expired) or cohort is None or cohort.latest is None:
        return None
    sizes = work.vigilance.sizes(report.digest)
    shown = work.vigilance.people_shown(session.vault, revision.revision_id)
    return Stock(report, revision, cohort.latest, sizes, shown, now)


def _item(session: Session, opened: OpenedList, stock: Stock) -> KnownItem | None:
    random = session.place.random
    content = session.place.revisions.left(session.vault, stock.revision)
    items = _usable(session, content, stock)
    subjects = sorted({item.subject_id for item in items})
    number = {subject: place for place, subject in enumerate(subjects)}
    rows = [item.row for item in items if item.row is not None]
    owner = np.array([number[item.subject_id] for item in items], np.int32)
    faces = Faces(np.ascontiguousarray(content.templates[np.array(rows, np.int64)]), owner)
    median = parse_report(stock.report.body).adjudication.median
    if median is None or not stock.sizes:
        return None
    pictures = _pictures(random, opened, int(np.bincount(owner, minlength=1).max()))
    if not pictures:
        return None
    limits = Limits(median, opened.certificate.threshold, one_of(random, stock.sizes), pictures)
    pairing = _pairing(random, faces, _probes(random, items, stock.shown, pictures), limits)
    return None if pairing is None else _queued(session, opened, stock, (items, subjects, pairing, pictures))


def _pictures(random: RandomBytes, opened: OpenedList, most: int) -> int:
    """How many pictures to show of each candidate (rule 4), `most` being all of one person; 0 where none would do."""
    listed = np.bincount(opened.owners, minlength=1)
    fitting = listed[(listed > 0) & (listed < most)]
    return one_of(random, fitting.tolist()) if len(fitting) else 0


def _usable(session: Session, content: RevisionContent, stock: Stock) -> list[Item]:
    """Different pictures that became templates, of people who are still in the cohort."""
    still = content.items
    if stock.newest != stock.revision:
        still = session.place.revisions.read(session.vault, stock.newest).items
    here = {(item.subject_id, item.digest) for item in still}
    usable = [item for item in content.items if item.row is not None and item.picture is not None]
    return [item for item in usable if (item.subject_id, item.digest) in here]


def _probes(random: RandomBytes, items: Sequence[Item], shown: frozenset[str], pictures: int) -> list[int]:
    """One picture each of up to `DRAWN` people who have enough, at random; of people shown before when all were."""
    of_person: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(items):
        of_person[item.subject_id].append(row)
    several = {person: rows for person, rows in of_person.items() if len(rows) > pictures}
    fresh = {person: rows for person, rows in several.items() if person not in shown} or several
    one_each = [drawn_in_order(random, rows)[0] for rows in fresh.values()]
    return drawn_in_order(random, one_each)[:DRAWN]


def _pairing(random: RandomBytes, faces: Faces, probes: Sequence[int], limits: Limits) -> Pairing | None:
    """Mated or not by the toss of a coin; the other kind where there is none of it."""
    kinds = [mated_pairing, nonmated_pairing]
    if random(1)[0] & 1:
        kinds.reverse()
    return next((found for make in kinds if (found := make(faces, probes, limits)) is not None), None)


def _queued(
    session: Session, opened: OpenedList, stock: Stock, found: tuple[Sequence[Item], Sequence[str], Pairing, int]
) -> KnownItem:
    items, subjects, pairing, pictures = found
    random, binding = session.place.random, opened.binding
    probe = items[pairing.probe]
    candidates = tuple(
        CandidateRecord(new_handle(random), subjects[person], score, rank)
        for rank, (person, score) in enumerate(pairing.candidates, start=1)
    )
    answer = _answer(random, items, probe, candidates, pictures)
    alert = AlertRecord(
        alert_id=new_id(random),
        list_id=opened.watchlist.list_id,
        revision_id=opened.certificate.terms.revision_id,
        certificate_digest=opened.certificate.digest(),
        report_digest=binding.report_digest,
        policy_digest=binding.policy_digest,
        threshold=min(binding.threshold, candidates[-1].score),  # at which these people are its candidates
        case=KNOWN_CASE,
        reason=KNOWN_CASE,
        searches_of_case=1,
        submitted_by=session.user.name,
        submitted_at=stock.now,
        probe=_bytes(session, _picture(probe)),
        place=_picture(probe).place,
        candidates=candidates,
    )
    return KnownItem(alert, stock.revision.revision_id, answer)


def _answer(
    random: RandomBytes, items: Sequence[Item], probe: Item, candidates: Sequence[CandidateRecord], pictures: int
) -> Answer:
    of_person: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(items):
        if item is not probe:
            of_person[item.subject_id].append(row)
    shown = {one: drawn_in_order(random, of_person[one.subject_id])[:pictures] for one in candidates}
    references = tuple((one.candidate_id, tuple(_picture(items[row]) for row in rows)) for one, rows in shown.items())
    mate = next((one.candidate_id for one in candidates if one.subject_id == probe.subject_id), None)
    return Answer(mate, probe.subject_id, references)


def _picture(item: Item) -> PictureRef:
    if item.picture is None:
        raise IntegrityError("a picture that was there is missing: restore a backup")
    return item.picture


def _bytes(session: Session, picture: PictureRef) -> bytes:
    return session.vault.read(picture.container, picture.offset, picture.length)
