"""Rehearsing on a list: what it counts, what it leaves alone, who may."""

import numpy as np
import pytest

from matcher import kernels
from matcher.calibration.rehearsal import listed_people
from matcher.domain.events import Action
from matcher.errors import BadInput, InsufficientEvidence, IntegrityError, MissingRole
from matcher.kernels import normalise
from matcher.services.audit import verify
from matcher.services.collections import find_list
from matcher.services.load import load_list
from matcher.services.rehearse import ListRehearsal, rehearse_list
from matcher.services.sources import EmbeddingSource
from tests.services.world import MODEL, Row, World, vectors


def listed(world: World, people: int = 80, several: int = 30) -> None:
    """A list of people with a declared group; the first of them have three pictures each."""
    world.create()
    base = vectors(people, seed=1)
    more = [normalise(base[:several] + 0.1 * vectors(several, seed=seed)) for seed in (2, 3)]
    who = [*range(people), *range(several), *range(several)]
    rows = [Row(f"S{i:03}", attributes=(("g", "a" if i % 2 else "b"),)) for i in who]
    source = EmbeddingSource(rows, np.concatenate([base, *more]), MODEL)
    load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)


def rehearse(world: World, who: str = "boss") -> ListRehearsal:
    return rehearse_list(world.sessions[who], "missing", 0.05)


def test_everybody_is_searched_against_everybody_else(world: World) -> None:
    listed(world)
    found = rehearse(world)
    content = world.place.revisions.read(world.sessions["boss"].vault, found.revision)
    people = [person for _, person in listed_people(found.revision.digest, content.items)]
    maxima, own = [], []
    for person in people:
        scores = kernels.canonical_scores(content.templates[[person.rows[0]]], content.templates)[0]
        maxima.append(int(np.delete(scores, person.rows).max()))
        if len(person.rows) > 1:
            own.append(int(scores[list(person.rows[1:])].max()))
    pilot = found.rehearsal.tiers[2]
    assert (found.rehearsal.people, found.rehearsal.with_several) == (80, 30)
    assert not pilot.rough
    assert pilot.tau > sorted(maxima)[-2]  # at most one of 80 may be flagged, or none
    everyone = pilot.groups[0]
    assert everyone.flagged.k == sum(score >= pilot.tau for score in maxima)
    assert everyone.missed is not None
    assert (everyone.missed.k, everyone.missed.n) == (sum(score < pilot.tau for score in own), 30)
    assert {group.cell.label for group in pilot.groups} == {"everyone", "g a", "g b"}


def test_it_certifies_nothing_stores_no_report_and_spends_no_attempt(world: World) -> None:
    listed(world)
    before = rehearse(world)
    with world.place.work(write=False) as work:
        found = find_list(work, "missing")
        assert list(work.reports.of_list(found.list_id)) == []
    assert (found.latest_report, found.latest_certified, found.certificate) == (None, False, None)
    assert rehearse(world) == before
    world.cohort()
    assert world.calibrate().attempt.j == 1


def test_it_is_logged_and_names_nobody(world: World) -> None:
    listed(world)
    found = rehearse(world)
    taus = {f"threshold_{tier.tier}": tier.tau for tier in found.rehearsal.tiers}
    true = world.newest(Action.REHEARSED)
    assert true == taus | {
        "list": "missing",
        "list_digest": found.revision.digest,
        "people": 80,
        "with_several": 30,
        "templates": 140,
    }
    verify(world.place, lambda *_: None)
    with pytest.raises(IntegrityError, match="never held"):
        world.plays(Action.REHEARSED, **(true | {"list_digest": "0" * 64}))
    assert "S0" not in repr(found.rehearsal)


def test_a_list_that_serves_goes_on(active: World) -> None:
    rehearse(active)
    assert active.submit(active.templates[0])[0].alerts == 1
    verify(active.place, lambda *_: None)


def test_who_may_and_on_what(world: World) -> None:
    world.create()
    with pytest.raises(BadInput, match="is empty"):
        rehearse(world)
    world.load(count=1)
    with pytest.raises(InsufficientEvidence, match="at least two"):
        rehearse(world)
    for who in ("vera", "ana", "audrey"):
        with pytest.raises(MissingRole):
            rehearse(world, who)
    assert world.log_actions().count("list.rehearsed") == 0
