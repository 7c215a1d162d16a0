"""The evidence beside the counts: the list against itself, and cohort people against each other.

1. What leaves here are scores without names, handles and numbers of listed subjects; nobody is told which cohort person
   resembles which listed one.
2. A subject's handle is made of all that was loaded of them; templates alone are searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from matcher.calibration import lookalikes
from matcher.calibration.adjudication import Adjudicated, adjudicate, median_of, persons_of
from matcher.calibration.handles import handles_of
from matcher.calibration.lookalikes import LookAlikes, look_alikes, unlooked
from matcher.calibration.pairs import FoundPairs, between_owners, pairs_reaching
from matcher.calibration.realism import list_probes
from matcher.calibration.resolutions import Resolutions
from matcher.calibration.trials import TrialPlan, TrialScores, members_of
from matcher.domain.ports import Index, IndexBuilder
from matcher.domain.revision import Item, RevisionContent
from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import InsufficientEvidence


@dataclass(frozen=True, slots=True, eq=False)
class SearchedList:
    """An opened list revision: its index, the number of each template's subject, subject ids by number, its digest."""

    content: RevisionContent = field(repr=False)
    digest: str
    index: Index
    owner: Scores = field(repr=False)
    subjects: tuple[str, ...] = field(repr=False)


def searched_list(build_index: IndexBuilder, content: RevisionContent, digest: str) -> SearchedList:
    """The list, ready to be searched."""
    subjects, owner = _numbered(content.items, len(content.templates))
    return SearchedList(content, digest, build_index(content.templates, owner, digest), owner, subjects)


def listed_maxima(listed: SearchedList) -> tuple[Millionths, ...]:
    """Leave-one-out maxima of the list, sorted; none for fewer than two subjects."""
    if len(listed.subjects) < 2:
        return ()
    number = {subject: place for place, subject in enumerate(listed.subjects)}
    probes = list_probes(listed.digest, listed.content.items)
    own = np.array([number[subject] for subject, _ in probes], np.int32)
    rows = listed.content.templates[[row for _, row in probes]]
    return tuple(np.sort(listed.index.maxima(rows, own)).tolist())


def adjudicated(
    people: RevisionContent, digest: str, plan: TrialPlan, scores: TrialScores, ruled: Resolutions
) -> Adjudicated:
    """The trials that are left once cohort people who look like one are joined.

    Raises BadInput for a wrong ruling, InsufficientEvidence where mates score no higher than millions of strangers.
    """
    handles = handles_of(digest, people.items)
    persons = persons_of(digest, members_of(people.items), plan, tuple(handles.values()))
    number = {subject: place for place, subject in enumerate(handles)}
    owner = np.zeros(len(people.templates), np.int32)
    for item in people.items:
        if item.row is not None:
            owner[item.row] = number[item.subject_id]
    median = median_of(scores.mates.tolist())
    found = FoundPairs.none() if median is None else pairs_reaching(people.templates, owner, median)
    if found is None:
        raise InsufficientEvidence(
            "millions of pairs of different people in the cohort score as high as pictures of one person do: "
            "this model does not tell them apart, or the subject ids of the cohort are wrong"
        )
    return adjudicate(persons, plan, scores, between_owners(found, owner), ruled)


def look_alikes_at(tau: Millionths | None, listed: SearchedList, probes: Floats, maxima: Scores) -> LookAlikes:
    """Look-alikes and magnets at the threshold; `probes` (n, d) scored `maxima` (n,) in completed searches."""
    if tau is None:
        return unlooked(lookalikes.NO_THRESHOLD)
    handles = handles_of(listed.digest, listed.content.items)
    best = (_best(listed.index, probes[place : place + 1], score) for place, score in _reaching(maxima, tau))
    return look_alikes([handles[subject] for subject in listed.subjects], _in_list(listed, tau), best)


def _reaching(maxima: Scores, tau: Millionths) -> Sequence[tuple[int, int]]:
    places = np.flatnonzero(maxima >= tau)
    return list(zip(places.tolist(), maxima[places].tolist(), strict=True))


def _best(index: Index, probe: Floats, score: Millionths) -> int:
    """Who scored best, asked at that very score: at a low threshold nearly everybody would be an answer."""
    return index.at_or_above(probe, score).hits[0][0].subject


def _in_list(listed: SearchedList, tau: Millionths) -> FoundPairs | str:
    if len(listed.owner) > lookalikes.MOST_TEMPLATES:
        return lookalikes.TOO_LARGE
    found = pairs_reaching(listed.content.templates, listed.owner, tau)
    return lookalikes.TOO_MANY if found is None else between_owners(found, listed.owner)


def _numbered(items: Sequence[Item], templates: int) -> tuple[tuple[str, ...], Scores]:
    """Subjects that have a template, in order of their ids, and the number of each template's subject."""
    subjects = tuple(sorted({item.subject_id for item in items if item.row is not None}))
    number = {subject: place for place, subject in enumerate(subjects)}
    owner = np.zeros(templates, np.int32)
    for item in items:
        if item.row is not None:
            owner[item.row] = number[item.subject_id]
    return subjects, owner
