"""Lists and cohorts: creating, finding, suspending and retiring them."""

import hashlib
import json
from dataclasses import asdict

from matcher.domain.cohort import Cohort, CohortTerms, end_of
from matcher.domain.events import Action, event
from matcher.domain.ids import new_id, utc_text
from matcher.domain.people import Role
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import ListTerms, Watchlist
from matcher.domain.words import check_line
from matcher.errors import BadInput
from matcher.services.workplace import Session, refusals_logged, still_here


def check_collection_name(name: str) -> str:
    """A list or cohort name of 1 to 64 letters, digits, dot, dash, underscore. Raises BadInput otherwise."""
    written = name.isascii() and all(c.isalnum() or c in ".-_" for c in name)
    if not 1 <= len(name) <= 64 or not written or not name[0].isalnum():
        raise BadInput("a name is 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit")
    return name


def create_list(session: Session, name: str, terms: ListTerms) -> Watchlist:
    """A draft. Raises BadInput for a taken name or a past expiry date."""
    with refusals_logged(session, "watchlist.create", name):
        session.user.require(Role.ADMIN)
    now = session.place.clock()
    if end_of(terms.expires) < now:
        raise BadInput(f"--expires {terms.expires} is over already: give a day to come")
    watchlist = Watchlist(new_id(session.place.random), check_collection_name(name), terms, session.user.name, now)
    with session.place.work() as work:
        still_here(session, work)
        if work.lists.named(name) is not None:
            raise BadInput(f"list {name} exists already: choose another name")
        work.lists.add(watchlist)
        work.log.append(
            event(
                Action.LIST_CREATED,
                session.user.name,
                list=name,
                purpose=terms.purpose,
                terms=terms_digest(terms),
                created_at=utc_text(now),
            )
        )
        work.commit()
    return watchlist


def create_cohort(session: Session, name: str, terms: CohortTerms) -> Cohort:
    """An empty cohort. Raises BadInput for a taken name, a past expiry date or missing words."""
    with refusals_logged(session, "cohort.create", name):
        session.user.require(Role.ADMIN)
    now = session.place.clock()
    for word in ("source", "legal_basis"):
        if not getattr(terms, word).strip():
            raise BadInput(f"a cohort needs a {word.replace('_', ' ')}: give --{word.replace('_', '-')}")
    if end_of(terms.expires) < now:
        raise BadInput(f"--expires {terms.expires} is over already: give a day to come")
    cohort = Cohort(new_id(session.place.random), check_collection_name(name), terms, session.user.name, now)
    with session.place.work() as work:
        still_here(session, work)
        if work.cohorts.named(name) is not None:
            raise BadInput(f"cohort {name} exists already: choose another name")
        work.cohorts.add(cohort)
        work.log.append(
            event(
                Action.COHORT_CREATED,
                session.user.name,
                cohort=name,
                source=terms.source,
                terms=terms_digest(terms),
                created_at=utc_text(now),
            )
        )
        work.commit()
    return cohort


def terms_digest(terms: ListTerms | CohortTerms) -> str:
    """sha256 (hex) of the terms, as the log holds them."""
    return hashlib.sha256(json.dumps(asdict(terms), sort_keys=True, default=str).encode()).hexdigest()


def find_list(work: UnitOfWork, name: str) -> Watchlist:
    """The list of that name. Raises BadInput."""
    watchlist = work.lists.named(name)
    if watchlist is None:
        raise BadInput(f"there is no list {name}: see matcher watchlist list")
    return watchlist


def find_cohort(work: UnitOfWork, name: str) -> Cohort:
    """The cohort of that name. Raises BadInput."""
    cohort = work.cohorts.named(name)
    if cohort is None:
        raise BadInput(f"there is no cohort {name}: see matcher cohort list")
    return cohort


def suspend_list(session: Session, name: str, reason: str) -> int:
    """The stop button, for everyone who is signed in: search stops, waiting alerts close as inconclusive.

    Returns how many alerts were closed.
    """
    if not reason.strip():
        raise BadInput("say why: --reason TEXT")
    check_line("--reason", reason)
    now = session.place.clock()
    with refusals_logged(session, "watchlist.suspend", name), session.place.work() as work:
        still_here(session, work)
        watchlist = find_list(work, name).suspended(session.user.name, reason, now)
        work.lists.save(watchlist)
        closed = work.alerts.close(watchlist.list_id, f"list suspended: {reason}", now)
        work.log.append(event(Action.LIST_SUSPENDED, session.user.name, list=name, reason=reason, alerts_closed=closed))
        work.commit()
    return closed


def retire_list(session: Session, name: str) -> Watchlist:
    """Ends a list for good."""
    with refusals_logged(session, "watchlist.retire", name):
        session.user.require(Role.ADMIN)
        with session.place.work() as work:
            still_here(session, work)
            watchlist = find_list(work, name).retired(session.place.clock())
            work.lists.save(watchlist)
            closed = work.alerts.close(watchlist.list_id, "list retired", session.place.clock())
            work.log.append(event(Action.LIST_RETIRED, session.user.name, list=name, alerts_closed=closed))
            work.commit()
    return watchlist
