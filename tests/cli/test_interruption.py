"""Ctrl-C and kill -9 in the middle of a load: the home opens, the log verifies, nothing is half there."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from matcher.bootstrap import create_program
from matcher.config import load_settings
from tests.cli.conftest import TERMS
from tests.cli.runner import PASSPHRASE, Cli
from tests.databases import variables_of

AHEAD = 4  # pictures that the pipeline takes for each job before it answers for the first


def start_load(cli: Cli, manifest: Path, *words: str, slowly: float = 0.02) -> "subprocess.Popen[bytes]":
    environment = (
        os.environ
        | variables_of(cli.home)
        | {
            "MATCHER_HOME": str(cli.home),
            "MATCHER_PASSPHRASE": PASSPHRASE,
            "MATCHER_USER": "boss",
            "COUNTED": str(counted(cli)),
            "SLOWLY": str(slowly),
        }
    )
    command = [sys.executable, "-m", "tests.cli.counting", "watchlist", "load", "missing", str(manifest), *words]
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread here
    )


def counted(cli: Cli) -> Path:
    """One line for each picture that was looked at."""
    return cli.home.parent / "looked_at"


def looked_at(cli: Cli) -> list[str]:
    return counted(cli).read_text().splitlines() if counted(cli).exists() else []


def wait_until_looked_at(cli: Cli, process: "subprocess.Popen[bytes]", count: int) -> None:
    deadline = time.monotonic() + 60
    while len(looked_at(cli)) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def home(tmp_path: Path) -> Cli:
    cli = Cli(tmp_path / "home")
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    assert cli("watchlist", "create", "missing", *TERMS, "--searches-per-day", "20", user="boss").code == 0
    return cli


def whole(cli: Cli) -> None:
    assert cli("audit", "verify").code == 0
    shown = cli("watchlist", "show", "missing", "--json").value
    assert shown["state"] == "draft"
    assert shown["templates"] is None


@pytest.mark.usefixtures("models_folder")
def test_ctrl_c_stops_at_once_and_leaves_a_journal_only(home: Cli, demo: Path) -> None:
    process = start_load(home, demo / "cohort.csv", "--jobs", "2")
    wait_until_looked_at(home, process, 20)
    process.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - pressed < 5  # about a second where nothing else runs
    assert process.returncode == 130
    assert b"Traceback" not in said
    line = said.decode().strip().splitlines()[-1]
    assert line.startswith("matcher: interrupted after ")
    assert "of 2,000 pictures, and missing is as it was: the same command goes on from there" in line
    assert [path.suffix for path in (home.home / "sealed").iterdir()] == [".journal"]
    whole(home)


@pytest.mark.usefixtures("models_folder")
def test_a_load_killed_again_and_again_does_no_picture_twice_and_loses_none(home: Cli, demo: Path) -> None:
    """What is in the journal is not looked at again: only the few that were under way are."""
    in_flight = AHEAD * 2 + 1
    before = 0
    for more in (1, 25):
        process = start_load(home, demo / "list.csv", "--jobs", "2")
        wait_until_looked_at(home, process, before + more)
        process.kill()
        process.communicate(timeout=60)
        before = len(looked_at(home))
    whole(home)
    process = start_load(home, demo / "list.csv", "--jobs", "2", slowly=0.0)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    (known,) = re.findall(r"going on with (\d+) of 80 pictures of a load begun at", said.decode())
    seen = looked_at(home)
    assert len(seen) - before == 80 - int(known)
    assert len(set(seen)) == 80
    assert len(seen) <= 80 + 2 * in_flight
    assert int(known) >= 26 - 2 * in_flight
    digest = home("watchlist", "show", "missing", "--json").value["digest"]
    assert not any(path.suffix == ".journal" for path in (home.home / "sealed").iterdir())
    again = home("watchlist", "load", "missing", demo / "list.csv", "--replace", "--jobs", "1", "--json", user="boss")
    assert (again.code, again.value["digest"], again.value["changed"]) == (0, digest, False)


@pytest.mark.usefixtures("models_folder")
def test_a_load_that_is_not_wanted_any_more_is_begun_anew(home: Cli, demo: Path) -> None:
    process = start_load(home, demo / "list.csv")
    wait_until_looked_at(home, process, 20)
    process.kill()
    process.communicate(timeout=60)
    counted(home).unlink()
    process = start_load(home, demo / "list.csv", "--restart", slowly=0.0)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"going on" not in said
    assert len(looked_at(home)) == 80
    whole_again = home("watchlist", "show", "missing", "--json").value
    assert whole_again["templates"] is not None


@pytest.mark.usefixtures("models_folder")
def test_the_same_load_in_two_processes_is_refused_once(home: Cli, demo: Path) -> None:
    process = start_load(home, demo / "cohort.csv")
    wait_until_looked_at(home, process, 10)
    second = home("watchlist", "load", "missing", demo / "cohort.csv", user="boss")
    assert second.code == 3
    assert "under way in another process" in second.complaint
    process.kill()
    process.communicate(timeout=60)


def test_a_home_opens_whole_or_not_at_all(tmp_path: Path) -> None:
    settings = load_settings(variables_of(tmp_path / "home"), home=str(tmp_path / "home"))

    def interrupted(code: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_program(settings, demo=False, tell=interrupted)
    assert not (tmp_path / "home").exists()


@pytest.mark.sqlite_only  # a server's database with a home is never taken for remains (docs/several-terminals.md)
def test_init_goes_over_the_remains_of_one_that_was_killed(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    assert cli("init").code == 0
    (cli.home / "home.toml").unlink()  # it is written last
    assert cli("audit", "verify").code == 8
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    assert cli("audit", "verify").code == 0
