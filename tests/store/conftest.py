"""Homes in three stages: empty, with people, and with an alert waiting."""

from pathlib import Path

import pytest

from tests.store.world import VAULT, World, activate, add_people, alert, empty_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return empty_world(tmp_path)


@pytest.fixture
def peopled(world: World) -> World:
    with world.work() as work:
        add_people(work)
    return world


@pytest.fixture
def serving(peopled: World) -> World:
    with peopled.work() as work:
        activate(work)
    return peopled


@pytest.fixture
def alerted(serving: World) -> World:
    with serving.work() as work:
        work.alerts.add(VAULT, alert())
    return serving
