"""A home on PostgreSQL as docs/several-terminals.md sets it up: owner and program apart, and a whole life of a list."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from matcher.errors import Refused, WrongPassphrase
from matcher.services.audit import verify
from matcher.services.collections import retire_list, suspend_list
from matcher.services.erase import erase_listed
from matcher.services.outcomes import outcomes
from matcher.services.people import set_suspended
from matcher.services.remove import remove_subjects
from matcher.services.rotate import rotate_home_key
from matcher.services.workplace import sign_in
from matcher.store.unit_of_work import open_store
from tests.cli.runner import Cli
from tests.databases import Server, chosen, homes_on, server, why_none
from tests.services.world import PASSPHRASE, World, workplace

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "several-terminals.md"


def statements(block: int) -> list[str]:
    """The statements of the document's nth block of SQL."""
    found = re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.S | re.M)[block]
    return [one.strip() for one in found.split(";") if one.strip()]


@pytest.fixture(scope="module")
def running() -> Server:
    reason = why_none()
    if reason is not None:
        pytest.skip(reason)
    return server()


@pytest.fixture(scope="module")
def home(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Set up as the document says; the program's address from then on."""
    running.sql("postgres", *statements(0))
    cli = Cli(tmp_path_factory.mktemp("terminals") / "home")
    chosen.addresses[cli.home] = running.address("matcher", "matcher_owner")
    assert cli("init").code == 0
    running.sql("matcher", *statements(1), user="matcher_owner")
    chosen.addresses[cli.home] = running.address("matcher", "matcher_program")
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    yield cli
    running.sql("postgres", *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in ("matcher", "life")))
    running.sql("postgres", "DROP ROLE matcher_owner", "DROP ROLE matcher_program")


def test_a_whole_life_of_a_list_as_the_program_alone(home: Cli, running: Server, tmp_path: Path) -> None:
    """What every table is written with, by the user who has no more than the document's rights."""
    running.sql("postgres", "CREATE DATABASE life OWNER matcher_owner TEMPLATE template0")
    chosen.addresses[tmp_path / "home"] = running.address("life", "matcher_owner")
    world = World(tmp_path)
    running.sql("life", *statements(1), user="matcher_owner")
    _as(world, running, "matcher_program", world.sessions)
    world.active()
    world.submit(world.templates[3])
    world.conclude(Verdict.SAME)
    shown = outcomes(world.place, world.sessions["boss"], "missing").concluded
    assert [label.name for one in shown if (label := one.label)] == ["Planted Name 3"]
    suspend_list(world.sessions["vera"], "missing", "a complaint")
    world.activate()
    remove_subjects(world.sessions["boss"], "missing", ["S007"])
    for _ in range(3):
        with pytest.raises(WrongPassphrase):
            sign_in(world.place, "ana", "not the one")
    set_suspended(world.sessions["boss"], "ben", True)
    retire_list(world.sessions["boss"], "missing")
    _only_the_owner_erases(world, running)
    verify(world.place, lambda *_: None)
    world.store.close()


def _only_the_owner_erases(world: World, running: Server) -> None:
    sealed = {path.name for path in (world.folder / "home" / "sealed").iterdir()}
    for renewed in (
        lambda: erase_listed(world.sessions["boss"], "missing", ["S003"], False),
        lambda: rotate_home_key(world.sessions["boss"], lambda *_: None),
    ):
        with pytest.raises(Refused, match="its owner"):
            renewed()
    with world.place.work(write=False) as work, pytest.raises(Refused, match="only the owner"):
        work.scrub()  # as whoever opens the home after an erasure that was killed
    assert {path.name for path in (world.folder / "home" / "sealed").iterdir()} == sealed
    _as(world, running, "matcher_owner", ["boss"])
    assert erase_listed(world.sessions["boss"], "missing", ["S003"], False).sought.found == 0
    assert rotate_home_key(world.sessions["boss"], lambda *_: None).sought.found == 0


def _as(world: World, running: Server, user: str, people: Iterable[str]) -> None:
    world.store.close()
    home = world.folder / "home"
    chosen.addresses[home] = running.address("life", user)
    world.place, world.store = workplace(home, world.clock, open_store)
    world.sessions = {name: sign_in(world.place, name, PASSPHRASE) for name in people}


def test_the_program_alone_backs_up_what_is_restored_beside_the_server(home: Cli, tmp_path: Path) -> None:
    file, again = tmp_path / "one.backup", Cli(tmp_path / "again")
    assert home("backup", "--out", file, user="boss").code == 0
    assert home("restore", file, "--home", again.home, user="boss").code == 8  # MATCHER_DATABASE is set
    with homes_on("sqlite"):
        assert again("restore", file, user="boss").code == 0
        assert again("audit", "verify").code == 0
    assert not (again.home / "database.toml").exists()


FORBIDDEN = [
    "DELETE FROM log",
    "DELETE FROM users",
    "DELETE FROM log_head",
    "TRUNCATE log CASCADE",
    "UPDATE log SET actor = 'eve'",
    "UPDATE judgements SET verdict = 'same'",
    "UPDATE users SET public_key = keys",
    "UPDATE home SET home_id = 'x'",
    "INSERT INTO log_head VALUES (1, 0, '', '')",
    "DROP TRIGGER log_never_changed ON log",
    "ALTER TABLE log DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "CREATE TABLE matcher.more (x int)",
    "CREATE OR REPLACE FUNCTION matcher.log_never_changed() RETURNS trigger LANGUAGE plpgsql "
    "AS 'BEGIN RETURN NEW; END'",
    "COMMENT ON SCHEMA matcher IS 'watchlist matcher, version 99'",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_programs_user_may_not(home: Cli, running: Server, statement: str) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        running.sql("matcher", statement, user="matcher_program")


def test_doctor_names_server_and_user_and_warns_of_one_who_may_change_the_rules(home: Cli, running: Server) -> None:
    shown = home("doctor", "--json").value["database"]
    assert shown.startswith("PostgreSQL ")
    assert "database matcher, user matcher_program, socket" in shown
    assert "change its rules" not in shown
    owner = running.address("matcher", "matcher_owner")
    assert "may change its rules" in home("doctor", "--json", MATCHER_DATABASE=owner).value["database"]


def test_a_home_and_a_database_know_each_other(home: Cli, running: Server, tmp_path: Path) -> None:
    other = Cli(tmp_path / "other")
    chosen.addresses[other.home] = running.address(running.new_database())
    assert other("init").code == 0
    swapped = home("audit", "verify", MATCHER_DATABASE=chosen.addresses[other.home])
    assert (swapped.code, "another home" in swapped.complaint) == (6, True)
    assert home("audit", "verify", MATCHER_DATABASE="").code == 3
    (other.home / "database.toml").write_text('engine = "postgresql"\nhome = "x"\nmore = 1\n')
    assert other("audit", "verify").code == 6
    plain = Cli(tmp_path / "plain")
    with homes_on("sqlite"):
        assert plain("init").code == 0
        beside = plain("audit", "verify", MATCHER_DATABASE=chosen.addresses[other.home])
    assert (beside.code, "its own matcher.db" in beside.complaint) == (6, True)


def test_init_takes_no_database_with_a_home_and_leaves_nothing_of_one_that_failed(
    home: Cli, running: Server, tmp_path: Path
) -> None:
    taken = Cli(tmp_path / "second")("init", MATCHER_DATABASE=running.address("matcher"))
    assert (taken.code, "holds a home already" in taken.complaint) == (3, True)
    assert not (tmp_path / "second").exists()
    database = running.new_database()
    failing = Cli(tmp_path / "third")
    chosen.addresses[failing.home] = running.address(database)
    assert unprinted_init(failing) == 74
    assert not failing.home.exists()
    assert running.sql(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'matcher'") == []
    assert failing("init").code == 0


def unprinted_init(cli: Cli) -> int:
    """Exit code of an `init` whose recovery code cannot be printed: nobody would have it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MATCHER_")}
    environment |= {"MATCHER_HOME": str(cli.home), "MATCHER_DATABASE": chosen.addresses[cli.home]}
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [sys.executable, "-m", "matcher", "init"],
            env=environment, stdout=full, stderr=subprocess.DEVNULL, check=False, timeout=60,
        ).returncode  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://ana:pa55-of-nobody@db.example.org/faces",
        "postgresql+psycopg://ana:pa55-of-nobody@127.0.0.1:1/faces",
        "postgresql+psycopg://ana:pa55-of-nobody@127.0.0.1:pa55-of-nobody/faces",
        "pa55-of-nobody",
    ],
)
def test_no_output_repeats_a_password(home: Cli, address: str) -> None:
    for words in (("doctor", "--json"), ("audit", "verify")):
        done = home(*words, MATCHER_DATABASE=address)
        assert "pa55" not in done.out + done.err
    assert done.code in (3, 8, 74)
