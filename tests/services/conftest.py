from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from matcher.domain.policy import parse_policy
from tests.services.pictured import Pictured
from tests.services.world import World

RETENTION = '[certification]\nalpha = 0.05\n[review]\nsame_account = "mark"\n[retention]\nprobe_days = 30\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def active(world: World) -> World:
    return world.active()


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A list with pictures that serves; a lead of S007, a rejected alert, one that waits, one of S008. To be copied."""
    made = Pictured(tmp_path_factory.mktemp("lived"))
    made.practised(share=0.0)
    made.calibrate(parse_policy(RETENTION))
    made.activate()
    made.hit(7, case="lead")
    made.conclude(Verdict.SAME)
    made.hit(7, case="rejected")
    made.conclude(Verdict.DIFFERENT)
    made.hit(7, case="waiting")
    made.hit(8, case="another")
    return made
