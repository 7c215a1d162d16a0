"""Counting people who are not on a list: what is counted, who may, what is refused and what is logged."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from matcher import kernels
from matcher.calibration.groups import Level
from matcher.calibration.innocents import FlaggedGroup
from matcher.domain.cohort import CohortTerms
from matcher.domain.events import Action, Detail
from matcher.domain.face import Picture
from matcher.domain.people import Role
from matcher.domain.policy import Policy
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import Floats
from matcher.errors import (
    BadInput,
    InsufficientEvidence,
    IntegrityError,
    MissingRole,
    NotSearchable,
    Refused,
)
from matcher.kernels import normalise
from matcher.services.activate import prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.calibrate import Shipped
from matcher.services.collections import create_cohort, retire_list, suspend_list
from matcher.services.innocents import InnocentsCount, count_innocents
from matcher.services.load import load_cohort, load_list
from matcher.services.people import add_user
from matcher.services.sources import EmbeddingSource, PictureSource
from matcher.services.workplace import sign_in
from tests.services.world import MODEL, NOBODY, PASSPHRASE, PILOT, Row, VectorPipeline, World, vectors


def congress(world: World, templates: Floats, prefix: str = "M", name: str = "congress") -> None:
    """A cohort of these people; every third is of group x, the others of group y."""
    create_cohort(world.sessions["boss"], name, CohortTerms("public record", "public task", date(2027, 1, 31)))
    rows = [Row(f"{prefix}{i:03}", attributes=(("party", "y" if i % 3 else "x"),)) for i in range(len(templates))]
    load_cohort(world.sessions["boss"], name, EmbeddingSource(rows, templates, MODEL), False, lambda *_: None)


def count(world: World, who: str = "boss", cohort: str = "congress") -> InnocentsCount:
    return count_innocents(world.sessions[who], "missing", cohort, NOBODY)


def groups(found: InnocentsCount) -> dict[str, FlaggedGroup]:
    return {group.cell.label: group for group in found.groups}


def look_alikes(world: World, how_many: int, of: int) -> Floats:
    """People of whom the first are near-copies of somebody who is listed."""
    people = vectors(of, seed=7)
    people[:how_many] = normalise(world.templates[:how_many] + 0.1 * vectors(how_many, seed=8))
    return people


def test_what_is_counted_is_what_a_person_would_count(active: World) -> None:
    people = look_alikes(active, 6, 60)
    congress(active, people)
    found = count(active)
    best = kernels.canonical_scores(people, active.templates).max(axis=1)
    flags = best >= found.target.threshold
    in_x = np.arange(60) % 3 == 0
    by_label = groups(found)
    assert int(flags.sum()) >= 6
    assert (found.everyone.flagged.k, found.everyone.flagged.n) == (int(flags.sum()), 60)
    assert (by_label["party x"].flagged.k, by_label["party x"].flagged.n) == (int(flags[in_x].sum()), 20)
    assert (by_label["party y"].flagged.k, by_label["party y"].flagged.n) == (int(flags[~in_x].sum()), 40)
    assert by_label["party x"].fisher is not None
    assert found.calibrated_on == 0
    assert found.state == "active"


def test_it_counts_at_the_certificates_threshold_and_on_what_serves(active: World) -> None:
    congress(active, look_alikes(active, 6, 60))
    before = count(active)
    vera = active.sessions["vera"]
    prepared = prepare_renewal(vera, "missing", 999_900)
    raised = renew(vera, prepared, prepared.number, prepared.missed_group)
    after = count(active)
    assert (after.target.threshold, after.target.certificate) == (999_900, raised.digest())
    assert (after.everyone.flagged.k or 0) < (before.everyone.flagged.k or 0)
    # a successor that is loaded and not active does not change what is counted
    added = EmbeddingSource([Row("S900")], vectors(1, seed=9), MODEL)
    load_list(active.sessions["boss"], "missing", added, False, lambda *_: None)
    again = count(active)
    assert again.target.revision.digest == after.target.revision.digest
    assert again.groups == after.groups


def test_lapsed_and_suspended_lists_are_counted_and_ended_ones_are_not(active: World) -> None:
    congress(active, vectors(60, seed=7))
    active.clock.now += timedelta(hours=25)
    assert count(active).state == "lapsed"
    suspend_list(active.sessions["ana"], "missing", "wrong pictures")
    assert count(active).state == "suspended"
    retire_list(active.sessions["boss"], "missing")
    with pytest.raises(Refused, match="retired"):
        count(active)


def test_a_certified_list_that_was_never_activated_is_counted(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    report = world.calibrate()
    congress(world, vectors(60, seed=7))
    found = count(world)
    assert found.target.certificate is None
    assert (found.target.threshold, found.state) == (report.threshold.tau, "calibrated")


def test_without_a_certified_threshold_it_says_what_to_do(world: World) -> None:
    world.create()
    congress(world, vectors(60, seed=7))
    with pytest.raises(NotSearchable, match="test it first"):
        count(world)
    world.load()
    with pytest.raises(NotSearchable, match="test it first"):
        count(world)
    world.cohort()
    world.calibrate(Policy())
    with pytest.raises(InsufficientEvidence, match="Cheapest next step"):
        count(world)
    world.calibrate(PILOT, threshold=-900_000)
    with pytest.raises(Refused, match="does not certify"):
        count(world)
    assert world.log_actions().count("list.innocents_counted") == 0


def test_it_takes_the_role_and_a_key(active: World) -> None:
    congress(active, vectors(60, seed=7))
    boss = active.sessions["boss"]
    add_user(active.place, boss, "noor", frozenset({Role.AUDITOR, Role.REVIEWER}), PASSPHRASE)
    active.sessions["noor"] = sign_in(active.place, "noor", PASSPHRASE)
    assert count(active, "noor").everyone.flagged.n == 60
    with pytest.raises(MissingRole, match="holds no key to faces"):
        count(active, "audrey")
    for who in ("vera", "ana"):
        with pytest.raises(MissingRole, match="no admin or auditor"):
            count(active, who)
    assert active.log_actions().count("list.innocents_counted") == 1


def test_listed_people_are_no_innocents(active: World) -> None:
    congress(active, vectors(60, seed=7), prefix="S")
    with pytest.raises(BadInput, match="20 people of the cohort are also on the list"):
        count(active)


def test_a_few_faces_are_no_test(active: World) -> None:
    congress(active, vectors(9, seed=7))
    with pytest.raises(InsufficientEvidence, match="a search of a few faces"):
        count(active)


def test_cohorts_that_may_not_be_tested_on(active: World) -> None:
    terms = CohortTerms("staff", "consent", date(2027, 1, 1), uses=("train-reviewers",))
    create_cohort(active.sessions["boss"], "trainees", terms)
    with pytest.raises(Refused, match="did not consent"):
        count(active, cohort="trainees")
    create_cohort(active.sessions["boss"], "empty", CohortTerms("staff", "consent", date(2027, 1, 1)))
    with pytest.raises(BadInput, match="is empty"):
        count(active, cohort="empty")


def test_people_who_do_not_exist_are_no_innocents(active: World) -> None:
    people = vectors(60, seed=7)
    congress(active, people)
    with active.place.work(write=False) as work:
        cohort = work.cohorts.named("congress")
    assert cohort is not None
    assert cohort.latest is not None
    items = active.place.revisions.read(active.sessions["boss"].vault, cohort.latest).items
    shipped = Shipped(frozenset({items[3].digest}), frozenset())
    with pytest.raises(Refused, match="do not exist"):
        count_innocents(active.sessions["boss"], "missing", "congress", shipped)


def test_pictures_that_nobody_can_use_are_counted_beside_n(active: World) -> None:
    people = vectors(30, seed=7)
    create_cohort(active.sessions["boss"], "congress", CohortTerms("record", "public task", date(2027, 1, 31)))
    rows = [
        Row(f"M{i:03}", Path(f"{i}.jpg"), f"{i}.jpg", attributes=(("party", "x" if i < 10 else "y"),))
        for i in range(30)
    ]

    def read(path: Path) -> Picture | Rejected:
        number = int(path.stem)
        return Rejected(path.name, Reason.UNREADABLE) if number < 4 else Picture(path.name, people[number].tobytes())

    source = PictureSource(rows, read, VectorPipeline(), PILOT.quality)
    load_cohort(active.sessions["boss"], "congress", source, False, lambda *_: None)
    found = count(active)
    assert (found.people, found.everyone.flagged.n, found.everyone.fta.k) == (30, 26, 4)
    x = groups(found)["party x"]
    assert (x.flagged.n, x.fta.k, x.n_people) == (6, 4, 10)


def test_people_of_the_calibration_are_no_new_evidence(active: World) -> None:
    found = count(active, cohort="staff")
    assert (found.people, found.calibrated_on) == (400, 400)
    report = found.target.certified.report.everyone
    assert (found.everyone.flagged.k, found.everyone.flagged.n) == (report.fpir.k, report.fpir.n)


def test_what_is_logged_has_counts_and_digests_and_nobody(active: World) -> None:
    congress(active, look_alikes(active, 6, 60))
    found = count(active)
    assert active.newest(Action.INNOCENTS_COUNTED) == {
        "list": "missing",
        "list_digest": found.target.revision.digest,
        "certificate": found.target.certificate,
        "report": found.target.certified.digest,
        "threshold": found.target.threshold,
        "cohort": "congress",
        "cohort_digest": found.cohort_digest,
        "people": 60,
        "calibrated_on": 0,
        "k": found.everyone.flagged.k,
        "n": 60,
    }
    assert verify(active.place, lambda *_: None).certificates == 1


def test_a_count_that_never_was_is_found(active: World) -> None:
    congress(active, look_alikes(active, 6, 60))
    count(active)
    true = active.newest(Action.INNOCENTS_COUNTED)
    active.plays(Action.INNOCENTS_COUNTED, **true)
    none = "0" * 64
    changes: list[tuple[str, Detail]] = [("cohort", "nobody"), ("k", 61), ("k", -1), ("n", 61)]
    changes += [(name, none) for name in ("list_digest", "cohort_digest", "report", "certificate")]
    for name, value in changes:
        with pytest.raises(IntegrityError, match="not written by this program"):
            active.plays(Action.INNOCENTS_COUNTED, **(true | {name: value}))


def test_two_way_groups_are_counted(active: World) -> None:
    create_cohort(active.sessions["boss"], "congress", CohortTerms("record", "public task", date(2027, 1, 31)))
    rows = [
        Row(f"M{i:03}", attributes=(("house", "a" if i % 2 else "b"), ("party", "x" if i % 3 else "y")))
        for i in range(60)
    ]
    people = look_alikes(active, 6, 60)
    load_cohort(active.sessions["boss"], "congress", EmbeddingSource(rows, people, MODEL), False, lambda *_: None)
    found = count(active)
    two_way = [group for group in found.groups if group.level is Level.INTERSECTION]
    assert len(two_way) == 4
    assert sum(group.flagged.k or 0 for group in two_way) == found.everyone.flagged.k
    assert sum(group.flagged.n for group in two_way) == 60
