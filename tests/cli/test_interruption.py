"""Ctrl-C and kill -9 in the middle of a load: the home opens, the log verifies, nothing is half there."""

import os
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


def start_load(cli: Cli, manifest: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"MATCHER_HOME": str(cli.home), "MATCHER_PASSPHRASE": PASSPHRASE, "MATCHER_USER": "boss"}
    command = [sys.executable, "-m", "matcher", "watchlist", "load", "missing", str(manifest)]
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread here
    )


def wait_for_progress(process: "subprocess.Popen[bytes]", sealed: Path) -> None:
    """Until pictures are being written, so that there is something to leave behind."""
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 0 for path in sealed.iterdir()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)


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
def test_ctrl_c_leaves_nothing(home: Cli, demo: Path) -> None:
    process = start_load(home, demo / "cohort.csv")
    wait_for_progress(process, home.home / "sealed")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert list((home.home / "sealed").iterdir()) == []
    whole(home)


@pytest.mark.usefixtures("models_folder")
def test_kill_leaves_a_home_that_opens_and_can_be_loaded_again(home: Cli, demo: Path) -> None:
    process = start_load(home, demo / "cohort.csv")
    wait_for_progress(process, home.home / "sealed")
    process.kill()
    process.communicate(timeout=60)
    whole(home)
    assert home("watchlist", "load", "missing", demo / "list.csv", user="boss").code == 0
    shown = home("watchlist", "show", "missing", "--json").value
    assert (shown["templates"], shown["rejected"]) == (79, 1)  # one made-up reference looks more like somebody else


def test_a_home_opens_whole_or_not_at_all(tmp_path: Path) -> None:
    settings = load_settings(environment={}, home=str(tmp_path / "home"))

    def interrupted(code: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_program(settings, demo=False, tell=interrupted)
    assert not (tmp_path / "home").exists()


def test_init_goes_over_the_remains_of_one_that_was_killed(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    assert cli("init").code == 0
    (cli.home / "home.toml").unlink()  # it is written last
    assert cli("audit", "verify").code == 8
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    assert cli("audit", "verify").code == 0
