"""Rehearsing a calibration: a list's people searched against each other. No report, no attempt, no certificate.

1. Whoever may calibrate may rehearse. Only maxima leave the index: nobody learns who resembles whom.
2. It is logged, because somebody looked: the list, how many people and pictures, and the thresholds that were shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher import kernels
from matcher.calibration.rehearsal import ListedPerson, ListedScores, Rehearsal, listed_people, rehearse
from matcher.domain.events import Action, event
from matcher.domain.people import Role
from matcher.domain.revision import Revision, RevisionContent
from matcher.domain.template import Floats, Scores
from matcher.domain.watchlist import Watchlist
from matcher.services.calibrate import latest_of_list
from matcher.services.lineage import lineage_of, next_attempt
from matcher.services.workplace import Session, refusals_logged, still_here

PILOT = 0.05  # the loosest limit: a rehearsal is held to the attempts that count for every tier


@dataclass(frozen=True, slots=True)
class ListRehearsal:
    """A rehearsal and what was rehearsed on."""

    watchlist: Watchlist
    revision: Revision
    rehearsal: Rehearsal


def rehearse_list(session: Session, name: str, delta: float) -> ListRehearsal:
    """Rehearses the newest revision; `delta` is the policy's. Raises BadInput, InsufficientEvidence, MissingRole."""
    with refusals_logged(session, "calibrate.rehearse", name):
        session.user.require(Role.ADMIN)
        watchlist, revision = latest_of_list(session, name)
        content = session.place.revisions.read(session.vault, revision)
        people = listed_people(revision.digest, content.items)
        attempt = next_attempt(lineage_of(session, watchlist, content), PILOT)
        everybody = [person for _, person in people]
        scores = _scores(session, content, everybody, revision.digest)
        found = ListRehearsal(watchlist, revision, rehearse(everybody, scores, delta, attempt))
    _log(session, found)
    return found


def _scores(session: Session, content: RevisionContent, people: Sequence[ListedPerson], digest: str) -> ListedScores:
    templates = content.templates
    owners = np.empty(len(templates), np.int32)
    for number, person in enumerate(people):
        owners[list(person.rows)] = number
    probes = np.array([person.rows[0] for person in people], np.int64)
    index = session.place.build_index(templates, owners, digest)
    maxima = index.maxima(templates[probes], np.arange(len(people), dtype=np.int32))
    return ListedScores(maxima, _own(templates, people))


def _own(templates: Floats, people: Sequence[ListedPerson]) -> Scores:
    """The best score of each person's probe with their other pictures."""
    several = [person.rows for person in people if len(person.rows) > 1]
    own = np.empty(len(several), np.int32)
    for place, (probe, *others) in enumerate(several):
        own[place] = kernels.canonical_scores(templates[[probe]], templates[others]).max()
    return own


def _log(session: Session, found: ListRehearsal) -> None:
    shown = {f"threshold_{tier.tier}": tier.tau for tier in found.rehearsal.tiers}
    with session.place.work() as work:
        still_here(session, work)
        work.log.append(
            event(
                Action.REHEARSED,
                session.user.name,
                list=found.watchlist.name,
                list_digest=found.revision.digest,
                people=found.rehearsal.people,
                with_several=found.rehearsal.with_several,
                templates=found.revision.templates,
                **shown,
            )
        )
        work.commit()
