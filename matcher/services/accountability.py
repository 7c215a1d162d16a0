"""The account of a period, from the log and the tables (`calibration/accountability.py`). Needs no key.

1. Searches, alerts, judgements and what happened to a list are counted from the log, between the first moment of the
   first day and the last of the last (UTC). Where an alert of the period stands is told as of now.
2. Error rates and rules are those of the last activation up to the end of the period, whatever became of it since.
3. Admins and auditors read it; that somebody did changes nothing and is not logged, as reading the log is not.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from json import loads
from typing import Any

from matcher import __version__
from matcher.calibration.accountability import (
    Account,
    DataPolicy,
    Happened,
    ListAccount,
    Reviews,
    group_rates,
    public_form,
)
from matcher.calibration.certified import recounted
from matcher.domain.cohort import end_of
from matcher.domain.events import Action, LogEntry
from matcher.domain.ids import utc_text
from matcher.domain.people import Role
from matcher.domain.records import AlertLine
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.errors import BadInput
from matcher.services.workplace import Session, refusals_logged

_SIGNED = (Action.ACTIVATED, Action.DERIVED, Action.RAISED, Action.RENEWED)
_STOPS = (Action.LIST_SUSPENDED, Action.LIST_REFUTED, Action.LIST_RETIRED)
_LIST_CHANGES = (Action.LIST_CREATED, Action.CALIBRATED, *_SIGNED, *_STOPS, Action.INNOCENTS_COUNTED)
_NAMED_CHANGES = (Action.LIST_LOADED, Action.LIST_REDUCED, Action.LIST_ERASED)
_STEPS = {Action.JUDGED: "judgements", Action.CORRECTED: "corrections", Action.RECUSED: "recusals"}
_CONTENT = "revision {revision}: {subjects} subjects"
_DETAIL = {
    **dict.fromkeys(map(str, _SIGNED), "{tier}: {consequence}"),
    str(Action.LIST_SUSPENDED): "{reason}",
    str(Action.LIST_REFUTED): "{k} rejected of {n} cases, more than {alpha} allows",
    str(Action.LIST_LOADED): _CONTENT,
    str(Action.LIST_REDUCED): _CONTENT,
    str(Action.LIST_ERASED): "{subjects_erased} subjects, {why}",
    str(Action.INNOCENTS_COUNTED): "{k} of {n} people not listed would be flagged",
}


@dataclass(slots=True)
class _Seen:
    """What the log of the period says of one list; `signed` is its last activation up to the end."""

    counts: Counter[str] = field(default_factory=Counter)
    alerts: set[str] = field(default_factory=set)
    happened: list[Happened] = field(default_factory=list)
    signed: Mapping[str, Any] | None = None


def account_of(session: Session, first: date, last: date, public: bool) -> Account:
    """The account of all lists. Raises BadInput for a period that ends before it begins, MissingRole."""
    with refusals_logged(session, "report.accountability", ""):
        session.user.require(Role.ADMIN, Role.AUDITOR)
    if last < first:
        raise BadInput(f"--to {last} is before --from {first}: give the first day first")
    with session.place.work(write=False) as work:
        seen = _seen(work, datetime.combine(first, time.min, tzinfo=UTC), end_of(last))
        lines = {line.alert_id: line for line in work.alerts.lines()}
        leads = {lead.alert_id for lead in work.alerts.leads()}
        now = session.place.clock()
        lists = [_account(work, one, seen[one.name], (lines, leads), (now, public)) for one in work.lists.all()]
        head = work.log.head()
    told = tuple(public_form(one) if public else one for one in lists)
    return Account(__version__, first.isoformat(), last.isoformat(), head.sequence, head.hash, public, told)


def _seen(work: UnitOfWork, begins: datetime, ends: datetime) -> Mapping[str, _Seen]:
    """The log, once, list by list."""
    found: dict[str, _Seen] = defaultdict(_Seen)
    list_of: dict[str, str] = {}
    for entry in work.log.entries():
        if entry.time > ends:
            break
        details = loads(entry.details)
        if entry.action in _SIGNED:
            found[details["list"]].signed = details
        if entry.action == Action.SEARCHED and details["alert"] is not None:
            list_of[details["alert"]] = details["list"]
        if entry.time >= begins:
            _note(found, list_of, entry, details)
    return found


def _note(found: dict[str, _Seen], list_of: Mapping[str, str], entry: LogEntry, details: Mapping[str, Any]) -> None:
    if entry.action == Action.SEARCHED:
        one = found[details["list"]]
        one.counts["searches"] += 1
        if details["alert"] is not None:
            one.alerts.add(details["alert"])
    elif entry.action in _STEPS and details["alert"] in list_of:
        found[list_of[details["alert"]]].counts[_STEPS[Action(entry.action)]] += 1
    elif entry.action in _LIST_CHANGES or entry.action in _NAMED_CHANGES:
        name = details["list"] if entry.action in _LIST_CHANGES else details["name"]
        told = _detail(entry.action, details)
        found[name].happened.append(Happened(utc_text(entry.time), entry.action, entry.actor, told))


def _detail(action: str, details: Mapping[str, Any]) -> str | None:
    """What is told beside what happened."""
    words = _DETAIL.get(action)
    return None if words is None else words.format(**details)


def _account(
    work: UnitOfWork,
    watchlist: Watchlist,
    seen: _Seen,
    alerts: tuple[Mapping[str, AlertLine], set[str]],
    told: tuple[datetime, bool],
) -> ListAccount:
    (now, public), signed = told, seen.signed
    stored = None if signed is None else work.reports.get(signed["report"])
    revisions = [one for one in work.revisions.all() if one.collection_id == watchlist.list_id]
    held = next((one for one in revisions if signed is not None and one.digest == signed["list_digest"]), None)
    rates, withheld = ((), 0) if stored is None else group_rates(recounted(stored.body).groups, public)
    return ListAccount(
        name=watchlist.name,
        state=watchlist.state(now).value,
        version=None if held is None else held.number,
        digest=None if held is None else held.digest,
        model=None if held is None else held.model.text(),
        purpose=watchlist.terms.purpose,
        legal_basis=watchlist.terms.legal_basis,
        owner=watchlist.terms.owner,
        expires=watchlist.terms.expires.isoformat(),
        policy=None if stored is None else _policy(work, stored.policy_digest),
        report=None if stored is None else stored.digest,
        threshold=None if signed is None else signed["threshold"],
        groups=rates,
        groups_withheld=withheld,
        reviews=_reviews(seen, *alerts),
        happened=tuple(seen.happened),
    )


def _policy(work: UnitOfWork, digest: str) -> DataPolicy:
    found = work.reports.policy(digest)
    return DataPolicy(
        digest=digest,
        reviewers_required=found.review.reviewers_required,
        submitter_may_review=found.review.submitter_may_review,
        same_account=found.review.same_account,
        lease_hours=found.lease_hours(),
        probe_days=found.retention.probe_days,
    )


def _reviews(seen: _Seen, lines: Mapping[str, AlertLine], leads: set[str]) -> Reviews:
    stands = Counter(_standing(lines[alert], alert in leads) for alert in seen.alerts)
    counts = seen.counts
    return Reviews(
        searches=counts["searches"],
        alerts=len(seen.alerts),
        leads=stands["lead"],
        rejected=stands["rejected"],
        inconclusive=stands["inconclusive"],
        closed=stands["closed"],
        waiting=stands["waiting"],
        judgements=counts["judgements"],
        corrections=counts["corrections"],
        recusals=counts["recusals"],
    )


def _standing(line: AlertLine, lead: bool) -> str:
    if line.concluded_at is None:
        return "waiting" if line.closed_reason is None else "closed"
    return "lead" if lead else "rejected" if line.rejected else "inconclusive"
