"""`matcher upgrade`, as a process: homes of this version, of newer ones and of older ones."""

from pathlib import Path

import pytest

from matcher.store.schema import SCHEMA_VERSION
from matcher.store.steps import OLDEST
from tests.assets.older import older_home
from tests.cli.runner import Cli
from tests.databases import address_of, both_engines, homes_on, raw, without_rules

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
        (OLDEST - 1, "no way leads there: nothing was changed; go on with the matcher that made it"),
    ],
)
def test_a_home_of_another_version_is_refused_and_left_as_it_was(cli: Cli, version: int, words: str) -> None:
    of_version(cli.home, version)
    before = files(cli.home)
    refused = cli("upgrade", "--json", "--backup", cli.home.parent / "one.backup", user="boss")
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


def test_an_older_home_is_upgraded_by_an_admin_after_a_backup(tmp_path: Path) -> None:
    cli, file = Cli(older_home(tmp_path)), tmp_path / "one.backup"
    refused = cli("user", "list")
    assert (refused.code, "see matcher upgrade" in refused.complaint) == (3, True)
    told = cli("upgrade", "--json")
    assert (told.code, told.out) == (2, "")
    assert "matcher upgrade --backup FILE --user ADMIN" in told.complaint
    taken = tmp_path / "taken"
    taken.touch()
    for to, user, passphrase, code in (
        (file, None, None, 2),
        (file, "ana", None, 3),
        (file, "boss", "another correct horse", 3),
        (taken, "boss", None, 8),
    ):
        environment = {} if passphrase is None else {"MATCHER_PASSPHRASE": passphrase}
        assert cli("upgrade", "--backup", to, user=user, **environment).code == code
    assert cli("upgrade").code == 2  # still of the older version
    raw(cli.home, "INSERT INTO erasures SELECT 1, 'e', 'l', 'boss', created_at, NULL FROM home")
    refused = cli("upgrade", "--backup", file, user="boss")
    assert (refused.code, "erasure of this home was not finished" in refused.complaint) == (3, True)
    without_rules(cli.home, "DELETE FROM erasures")
    assert not file.exists()
    done = cli("upgrade", "--backup", file, "--json", user="boss")
    assert done.code == 0
    assert (done.value["upgraded_from"], done.value["home_version"]) == (4, SCHEMA_VERSION)
    assert done.value["bytes"] > 400_000
    assert file.stat().st_mode & 0o777 == 0o600
    assert not [path for path in cli.home.iterdir() if path.name.startswith(".")]
    assert cli("audit", "verify", "--json").value["judgements"] == 3
    again = cli("upgrade", "--backup", tmp_path / "two.backup", user="boss", MATCHER_PASSPHRASE="not asked")
    assert (again.code, "nothing to do" in again.out) == (0, True)
    assert not (tmp_path / "two.backup").exists()
    with homes_on("sqlite"):
        restored = Cli(tmp_path / "again")
        made = restored("restore", file, "--json", user="boss")
        assert (made.code, made.value["suspended"]) == (0, ["missing"])
        assert restored("audit", "verify", "--json").value["judgements"] == 3
        assert restored("user", "list", user="boss").code == 0
