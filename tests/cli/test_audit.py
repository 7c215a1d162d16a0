"""Checkpoints, anchors and exports from the command line; what becomes of an anchor that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.bootstrap import create_program, open_program
from matcher.config import load_settings
from matcher.domain.checkpoint import parse_note
from matcher.errors import StorageFailed
from matcher.services.audit import verify
from tests.cli.runner import Cli
from tests.databases import variables_of

VERIFIER = Path(__file__).parents[2] / "docs" / "audit" / "verify.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("audit") / "home")
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    assert cli("user", "add", "audrey", "--role", "auditor", user="boss").code == 0
    return cli


def test_a_program_that_writes_ends_with_a_checkpoint(home: Cli) -> None:
    found = home("audit", "verify", "--json").value
    assert found["checkpoints"] >= 3  # init and each user
    assert found["log_keys"] == 1
    assert found["anchors"] == 0
    assert "whoever holds this machine could have rewritten this" in found["warning"]
    assert (home.home / "log.key").stat().st_mode & 0o777 == 0o600


def test_a_kept_checkpoint_is_compared(home: Cli, tmp_path: Path) -> None:
    kept = tmp_path / "kept.checkpoint"
    made = home("audit", "checkpoint", "--out", kept, "--json").value
    assert made["file"] == str(kept)
    assert parse_note(kept.read_text(), "it").checkpoint.size == made["entries"]
    assert home("audit", "checkpoint").out == kept.read_text()
    found = home("audit", "verify", "--anchor", tmp_path, "--json").value
    assert (found["anchors"], found["anchored_entries"]) == (1, made["entries"])
    assert f"its first {made['entries']} entries are those of then" in found["warning"]
    assert home("audit", "verify", "--anchor", VERIFIER).code == 8


def test_checkpoints_go_to_the_folder_and_the_command(home: Cli, tmp_path: Path) -> None:
    folder, piped = tmp_path / "out", tmp_path / "piped"
    folder.mkdir()
    command = f'{sys.executable} -c \'import sys; open("{piped}", "a").write(sys.stdin.read())\''
    settings = {"MATCHER_ANCHOR_FOLDER": str(folder), "MATCHER_ANCHOR_COMMAND": command}
    assert home("user", "add", "vera", "--role", "approver", user="boss", **settings).code == 0
    (file,) = folder.iterdir()
    assert file.read_text() == piped.read_text()


def test_an_anchor_that_fails_is_loud_and_undoes_nothing(home: Cli) -> None:
    failed = home("user", "add", "late", "--role", "reviewer", user="boss", MATCHER_ANCHOR_FOLDER="/nowhere/at/all")
    assert failed.code == 74
    assert "its checkpoint was not anchored" in failed.complaint
    assert "late" in home("user", "list").out


def test_an_anchor_that_fails_takes_no_new_home_away(tmp_path: Path) -> None:
    codes: list[str] = []
    environment = {"MATCHER_CONFIG": os.devnull, "MATCHER_ANCHOR_COMMAND": "false"}
    settings = load_settings(environment | variables_of(tmp_path / "new"), home=str(tmp_path / "new"))
    with pytest.raises(StorageFailed, match="not anchored"):
        create_program(settings, False, codes.append)
    assert len(codes) == 1
    opened = open_program(settings)
    assert verify(opened.place, lambda *_: None).checkpoints == 1


def test_a_refusal_keeps_its_exit_code_where_the_anchor_fails_too(home: Cli) -> None:
    refused = home("user", "add", "eve", "--role", "admin", user="audrey", MATCHER_ANCHOR_FOLDER="/nowhere")
    assert refused.code == 3
    assert "not anchored" in refused.err


def test_an_export_is_verified_without_the_program(home: Cli, tmp_path: Path) -> None:
    out = tmp_path / "export.zip"
    made = home("audit", "export", "--out", out, "--json", user="audrey").value
    done = subprocess.run([sys.executable, str(VERIFIER), str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{made['entries']} entries" in done.stdout
    public = tmp_path / "public"
    assert home("audit", "export", "--public", "--out", public, user="audrey").code == 0
    assert [file.name for file in public.iterdir()] == ["public.json"]
