"""Lists as people read them."""

from datetime import datetime

from matcher.domain.desk import ListLine
from matcher.domain.ids import utc_text
from matcher.domain.provider import provider_words
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import ListState, Watchlist
from matcher.services.collections import find_list
from matcher.services.watch import record, record_facts, record_text
from matcher.services.workplace import Workplace

_PENDING = "loaded, not active yet: calibrate and activate it (where people were only removed, activate it)"


def list_facts(place: Workplace, name: str) -> tuple[dict[str, object], str | None]:
    """Everything public about one list, for `watchlist show` and its JSON, and its watch in a sentence.

    Raises BadInput.
    """
    with place.work(write=False) as work:
        found = find_list(work, name)
        watch = record(work, found)
    now = place.clock()
    state = found.state(now)
    revision, certificate = found.latest, found.certificate
    pending = revision is not None and found.serving is not None and revision != found.serving
    facts: dict[str, object] = {
        "name": found.name,
        "state": state.value,
        "next": found.next_step(now),
        "purpose": found.terms.purpose,
        "legal_basis": found.terms.legal_basis,
        "owner": found.terms.owner,
        "expires": found.terms.expires.isoformat(),
        "searches_per_day": found.terms.searches_per_day,
        "prior": found.terms.prior,
        "revision": None if revision is None else revision.number,
        "serving_revision": None if found.serving is None else found.serving.number,
        "successor": _PENDING if pending else None,
        "subjects": None if revision is None else revision.subjects,
        "templates": None if revision is None else revision.templates,
        "rejected": None if revision is None else revision.rejected,
        "loaded_by": None if revision is None else revision.loaded_by,
        "digest": None if revision is None else revision.digest,
        "model": None if revision is None else revision.model.text(),
        "run_by": None if revision is None else provider_words(revision.model.rewrite),
        "report": found.latest_report,
        "threshold": None if certificate is None else certificate.threshold / 1_000_000,
        "tier": None if certificate is None else certificate.terms.tier,
        "derived_from": None if certificate is None else certificate.terms.derived_from or None,
        "approver": None if certificate is None else certificate.terms.approver,
        "ends_at": None if certificate is None else utc_text(certificate.ends_at),
        "suspended_because": None if found.suspension is None else found.suspension.reason,
        "watched": None if watch is None else record_facts(watch),
    }
    return facts, None if watch is None else record_text(watch)


def list_line(work: UnitOfWork, found: Watchlist, now: datetime) -> ListLine:
    """One list as the lists screen shows it."""
    state = found.state(now)
    revision, certificate, watch = found.latest, found.certificate, record(work, found)
    return ListLine(
        name=found.name,
        state=state.value,
        purpose=found.terms.purpose,
        owner=found.terms.owner,
        subjects=0 if revision is None else revision.subjects,
        digest="" if revision is None else revision.digest,
        threshold=None if certificate is None else certificate.threshold,
        tier="" if certificate is None else certificate.terms.tier,
        loaded_by="" if revision is None else revision.loaded_by,
        approver="" if certificate is None else certificate.terms.approver,
        ends_at=certificate.ends_at if certificate is not None and state is ListState.ACTIVE else None,
        expires=found.terms.expires.isoformat(),
        next_step=found.next_step(now),
        waiting=work.alerts.waiting(found.list_id),
        stopped=found.stopped,
        watched="" if watch is None else record_text(watch),
    )
