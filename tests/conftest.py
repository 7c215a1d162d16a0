"""Models for the tests: the product's own installer puts them where the product looks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.config import load_settings
from matcher.models.catalogue import default
from matcher.models.install import install
from matcher.vision.pipeline import FacePipeline, open_pipeline
from tests import databases

DEMO = Path(__file__).resolve().parent.parent / "watchlists" / "demo"


def quiet(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of modules marked `both_engines` run on each (`tests/databases.py`)."""
    if metafunc.definition.get_closest_marker("both_engines") and databases.chosen.engine == "sqlite":
        metafunc.parametrize("_engine", databases.BOTH, indirect=True)


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skips before any fixture is made what is about SQLite's file alone."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if given.get("_engine", databases.chosen.engine) == "postgresql" and item.get_closest_marker("sqlite_only"):
        pytest.skip("about the file that SQLite keeps")


@pytest.fixture(autouse=True)
def _engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """The engine of the homes that this test makes."""
    engine = getattr(request, "param", databases.chosen.engine)
    if engine == "postgresql":
        reason = databases.why_none()
        if reason is not None:
            pytest.skip(reason)
    with databases.homes_on(engine):
        yield


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The models folder, with the default models in it (fetched once on a fresh machine)."""
    folder = load_settings().models
    for kind in ("detector", "embedder"):
        install(default(kind), folder, None, quiet)
    return folder


@pytest.fixture(scope="session")
def pipeline(models_folder: Path) -> FacePipeline:
    """The default pipeline on two threads."""
    detector = install(default("detector"), models_folder, None, quiet)
    return open_pipeline(detector, install(default("embedder"), models_folder, None, quiet), 2)


@pytest.fixture(scope="session")
def demo() -> Path:
    """The folder of the synthetic demo people."""
    return DEMO
