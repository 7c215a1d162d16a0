from pathlib import Path

import pytest

from tests.cli.runner import Cli

TERMS = ("--purpose", "find", "--legal-basis", "consent", "--owner", "unit", "--expires", "2099-12-31")


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A home with a list `missing` and a cohort `staff`, both empty."""
    cli = Cli(tmp_path_factory.mktemp("cli") / "home")
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    for name, role in (("vera", "approver"), ("ana", "reviewer"), ("audrey", "auditor")):
        assert cli("user", "add", name, "--role", role, user="boss").code == 0
    assert cli("watchlist", "create", "missing", *TERMS, "--searches-per-day", "20", user="boss").code == 0
    cohort = ("--source", "volunteers", "--legal-basis", "consent", "--expires", "2099-12-31")
    assert cli("cohort", "create", "staff", *cohort, user="boss").code == 0
    return cli


@pytest.fixture
def people(tmp_path: Path, demo: Path) -> Path:
    """A folder with two real references and room for a manifest."""
    for name in ("W00lf_0.jpg", "W00lm_0.jpg"):
        (tmp_path / name).write_bytes((demo / "list" / name).read_bytes())
    return tmp_path
