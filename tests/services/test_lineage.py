"""Attempts are counted for whom they are about: copying a list buys no fresh error probability."""

from datetime import date

from matcher.calibration.report import Report
from matcher.domain.template import Floats
from matcher.domain.watchlist import ListTerms
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_list
from matcher.services.load import EmbeddingSource, load_list
from matcher.services.reports import replay
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


def test_other_people_are_another_lineage(world: World) -> None:
    world.cohort()
    listed(world, "first", world.templates, "S")
    calibrated(world, "first", -900_000)
    listed(world, "others", vectors(20, seed=77), "S")  # the same ids: ids are no references
    assert calibrated(world, "others", -900_000).attempt.j == 1
