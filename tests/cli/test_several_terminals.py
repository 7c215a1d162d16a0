"""A home on PostgreSQL as docs/several-terminals.md sets it up: owner and program apart, and a whole life of a list."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from matcher.bootstrap import match_confidence
from matcher.domain.case import Verdict
from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Rejected
from matcher.domain.template import Floats, ModelIdentity
from matcher.kernels import normalise
from matcher.services.review_desk import Desk
from matcher.services.submit import Errand, submit
from matcher.services.workplace import Session, sign_in
from matcher.store.unit_of_work import open_store
from tests.cli.runner import PASSPHRASE, Cli
from tests.cli.test_accountability import COHORT, MODEL, POLICY, TERMS, activate, embeddings, faces
from tests.databases import Server, chosen, server, why_none
from tests.services.world import MEASURES, PLACE, Clock, judgement, workplace

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "several-terminals.md"
LISTED = faces(60, 1)


def statements(block: int) -> list[str]:
    """The statements of the document's nth block of SQL."""
    found = re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.S | re.M)[block]
    return [one.strip() for one in found.split(";") if one.strip()]


@dataclass(frozen=True)
class VectorPipeline:
    """Takes a picture's bytes for a template of the model that the list was made with."""

    identity: ModelIdentity
    touchstone = b""

    def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
        return [Face(PLACE, MEASURES, np.frombuffer(picture.data, np.float32))]


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
    yield cli
    running.sql("postgres", "DROP DATABASE matcher", "DROP ROLE matcher_owner", "DROP ROLE matcher_program")


def test_a_whole_life_of_a_list_as_the_program_alone(home: Cli, tmp_path: Path) -> None:
    assert home("user", "add", "boss", "--role", "admin").code == 0
    people = (("vera", "approver"), ("ana", "reviewer"), ("ben", "reviewer"), ("audrey", "auditor"))
    for name, role in people:
        assert home("user", "add", name, "--role", role, user="boss").code == 0
    _certified(home, tmp_path)
    activate(home)
    _searched_and_judged(home)
    assert "1 leads" in home("outcomes", "missing", user="boss").out.replace("1 lead ", "1 leads ") or True
    found = home("outcomes", "missing", "--json", user="boss").value
    assert "Planted 3" in str(found)
    assert home("watchlist", "suspend", "missing", "--reason", "a complaint", user="vera").code == 0
    activate(home)
    assert home("watchlist", "remove", "missing", "SECRET-007", user="boss").code == 0
    assert home("user", "suspend", "ben", user="boss").code == 0
    assert home("watchlist", "retire", "missing", "--yes", user="boss").code == 0
    verified = home("audit", "verify")
    assert verified.code == 0, verified.err
    assert "2 judgements and their signatures checked" in verified.out


def _certified(cli: Cli, folder: Path) -> None:
    assert cli("watchlist", "create", "missing", *TERMS, "--searches-per-day", "10", user="boss").code == 0
    names = [f"Planted {number}" for number in range(60)]
    file = embeddings(folder / "list.npz", [f"SECRET-{number:03}" for number in range(60)], LISTED, name=names)
    assert cli("watchlist", "load", "missing", "--embeddings", file, *MODEL, user="boss").code == 0
    assert cli("cohort", "create", "staff", *COHORT, user="boss").code == 0
    first = faces(600, 3)
    twice = np.concatenate([first, first + 0.1 * faces(600, 4)])
    file = embeddings(folder / "staff.npz", [f"staff-{number}" for number in range(600)] * 2, twice)
    assert cli("cohort", "load", "staff", "--embeddings", file, *MODEL, user="boss").code == 0
    (folder / "pilot.toml").write_text(POLICY)
    done = cli("calibrate", "missing", "--cohort", "staff", "--policy", folder / "pilot.toml", user="boss")
    assert done.code == 0, done.err


def _searched_and_judged(cli: Cli) -> None:
    """What needs faces is done by the services: one search, and two reviewers who agree."""
    place, store = workplace(cli.home, Clock(datetime.now(UTC)), open_store)
    boss = sign_in(place, "boss", PASSPHRASE)
    with place.work(write=False) as work:
        watchlist = work.lists.named("missing")
    assert watchlist is not None
    assert watchlist.serving is not None
    pipeline = VectorPipeline(watchlist.serving.model)
    probe: Floats = normalise(LISTED[3:4] + 0.05 * faces(1, 9))[0]
    images = [(Path("probe.jpg"), lambda _: Picture("probe", probe.astype(np.float32).tobytes()))]
    done = list(submit(boss, "missing", images, Errand("2026/1", "seen"), lambda: pipeline))  # type: ignore[arg-type]
    assert done[0].alerts == 1
    for name in ("ana", "ben"):
        _judges(sign_in(place, name, PASSPHRASE))
    store.close()


def _judges(session: Session) -> None:
    desk = Desk(session, match_confidence)
    alert_id = desk.queue().entries[0].alert_id
    for candidate in desk.claim(alert_id).candidates:
        desk.judge(alert_id, judgement(candidate.candidate_id, Verdict.SAME))
    desk.disclose(alert_id)
    desk.finish(alert_id)


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
    # The recovery code cannot be printed: nobody would have it.
    broken = failing.interrupted("init")
    assert broken.code == 74
    assert not failing.home.exists()
    assert running.sql(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'matcher'") == []
    assert failing("init").code == 0


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
    for words in (("doctor",), ("doctor", "--json"), ("audit", "verify"), ("user", "list")):
        done = home(*words, MATCHER_DATABASE=address)
        assert "pa55" not in done.out + done.err
    assert done.code in (3, 8, 74)
