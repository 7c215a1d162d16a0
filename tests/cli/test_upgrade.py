"""`matcher upgrade`, as a process: homes of this version, of a newer one and of an older one."""

from pathlib import Path

import pytest

from matcher.store.schema import SCHEMA_VERSION
from tests.cli.runner import Cli
from tests.databases import address_of, both_engines, raw

pytestmark = both_engines


def of_version(home: Path, version: int) -> None:
    if address_of(home) is None:
        raw(home, f"PRAGMA user_version = {version}")
    else:
        raw(home, f"COMMENT ON SCHEMA matcher IS 'watchlist matcher, version {version}'")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path / "home")
    assert made("init").code == 0
    return made


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file() and path.suffix != ".db-shm"}


def test_a_home_of_this_version_has_nothing_to_do(cli: Cli) -> None:
    before = files(cli.home)
    done = cli("upgrade", "--json")
    assert (done.code, done.value["home_version"], done.value["program_version"]) == (0, SCHEMA_VERSION, SCHEMA_VERSION)
    assert f"of version {SCHEMA_VERSION}" in cli("upgrade").out
    assert files(cli.home) == before
    assert cli("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (SCHEMA_VERSION + 3, f"install a newer matcher, one that knows version {SCHEMA_VERSION + 3}"),
        (SCHEMA_VERSION - 1, "no way leads there: nothing was changed; go on with the matcher that made it"),
    ],
)
def test_a_home_of_another_version_is_refused_and_left_as_it_was(cli: Cli, version: int, words: str) -> None:
    of_version(cli.home, version)
    before = files(cli.home)
    refused = cli("upgrade", "--json")
    assert (refused.code, refused.out) == (3, "")
    assert words in refused.complaint
    assert f"this home is of version {version}" in refused.complaint
    assert files(cli.home) == before
    of_version(cli.home, SCHEMA_VERSION)
    assert cli("audit", "verify").code == 0


def test_what_is_no_home_is_bad_input(tmp_path: Path) -> None:
    assert Cli(tmp_path / "none")("upgrade").code == 8


def test_another_homes_database_is_told_of_as_nobodys(cli: Cli, tmp_path: Path) -> None:
    other = Cli(tmp_path / "other")
    assert other("init").code == 0
    address = address_of(other.home) or "postgresql+psycopg://somebody@localhost/matcher"
    refused = cli("upgrade", MATCHER_DATABASE=address)
    assert (refused.code, refused.out) == (6, "")


def test_another_command_names_this_one_for_an_older_home(cli: Cli) -> None:
    of_version(cli.home, SCHEMA_VERSION - 1)
    refused = cli("user", "list")
    assert (refused.code, "see matcher upgrade" in refused.complaint) == (3, True)
