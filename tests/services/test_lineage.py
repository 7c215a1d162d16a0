"""Attempts are counted for whom they are about: copying a list buys no fresh error probability."""

from dataclasses import replace
from datetime import date

import pytest

from matcher.calibration.report import Report
from matcher.calibration.verdict import Status
from matcher.domain.policy import parse_policy
from matcher.domain.template import Floats
from matcher.domain.watchlist import ListTerms
from matcher.errors import InsufficientEvidence, Refused
from matcher.services.activate import prepare_renewal
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_list
from matcher.services.load import load_list
from matcher.services.reports import replay
from matcher.services.sources import EmbeddingSource
from tests.services.world import MODEL, NOBODY, PILOT, Row, World, vectors


def listed(world: World, name: str, templates: Floats, prefix: str) -> None:
    create_list(world.sessions["boss"], name, ListTerms("find", "consent", "unit", date(2027, 1, 31), 10))
    source = EmbeddingSource([Row(f"{prefix}{i:03}") for i in range(len(templates))], templates, MODEL)
    load_list(world.sessions["boss"], name, source, False, lambda *_: None)


def calibrated(world: World, name: str, threshold: int) -> Report:
    return calibrate_list(world.sessions["boss"], Question(name, "staff", PILOT, threshold), NOBODY)


def test_a_copy_of_a_list_goes_on_where_the_list_failed(world: World) -> None:
    world.cohort()
    listed(world, "first", world.templates, "S")
    assert [calibrated(world, "first", tau).attempt.j for tau in (-900_000, -800_000)] == [1, 2]
    listed(world, "copy", world.templates[:3], "T")  # three of its references, under other ids
    report = calibrated(world, "copy", -700_000)
    assert (report.attempt.j, report.attempt.delta_j < 0.05) == (3, True)
    assert replay(world.sessions["boss"], report.canonical(), NOBODY).differences == ()


def test_certified_reports_are_attempts_until_an_approver_signs_one(world: World) -> None:
    """Of many certified reports somebody would pick the one with the lowest threshold."""
    world.cohort()
    listed(world, "missing", world.templates, "S")
    first = calibrate_list(world.sessions["boss"], Question("missing", "staff", PILOT, None), NOBODY)
    assert (first.verdict.status, first.attempt.j) == (Status.CERTIFIED, 1)
    again = calibrated(world, "missing", 990_000)
    assert (again.verdict.status, again.attempt.j) == (Status.CERTIFIED, 2)
    world.activate()
    assert calibrated(world, "missing", 980_000).attempt.j == 1


def test_activating_a_looser_limit_begins_nothing_anew_for_a_stricter_one(world: World) -> None:
    world.cohort()
    listed(world, "missing", world.templates, "S")
    calibrated(world, "missing", 990_000)
    world.activate()
    strict = parse_policy("[certification]\nalpha = 0.01\n")
    report = calibrate_list(world.sessions["boss"], Question("missing", "staff", strict, 990_000), NOBODY)
    assert report.attempt.j == 2


def test_a_threshold_at_which_the_list_was_refuted_is_not_signed_for(world: World) -> None:
    world.cohort()
    listed(world, "missing", world.templates, "S")
    calibrated(world, "missing", 990_000)
    world.activate()
    served = world.calibrate()  # the evidence's own threshold, lower
    assert served.threshold.tau is not None
    refuted = calibrated(world, "missing", -900_000)
    assert refuted.verdict.status is Status.REFUTED
    prepare_renewal(world.sessions["vera"], "missing")  # refuted lower than what serves
    body = replace(refuted, threshold=replace(refuted.threshold, tau=995_000))
    with world.place.work() as work:
        found = work.lists.named("missing")
        assert found is not None
        stored = work.reports.of_list(found.list_id)[-1]
        work.reports.add(replace(stored, digest=body.digest(), body=body.canonical()), PILOT)
        work.commit()
    with pytest.raises(Refused, match=r"refutes list missing at threshold 0\.9950"):
        prepare_renewal(world.sessions["vera"], "missing")


def test_a_few_faces_are_no_test(world: World) -> None:
    world.cohort(people=9)
    listed(world, "missing", world.templates, "S")
    with pytest.raises(InsufficientEvidence, match="9 people are no test"):
        calibrated(world, "missing", 0)


def test_other_people_are_another_lineage(world: World) -> None:
    world.cohort()
    listed(world, "first", world.templates, "S")
    calibrated(world, "first", -900_000)
    listed(world, "others", vectors(20, seed=77), "S")  # the same ids: ids are no references
    assert calibrated(world, "others", -900_000).attempt.j == 1
