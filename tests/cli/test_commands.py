"""Every command has help with an example; help is quick and loads nothing heavy."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from matcher.cli.main import cli
from matcher.kernels.choice import NAMES
from matcher.models.catalogue import manifests
from tests.cli.runner import Cli
from tests.databases import variables_of

HEAVY = ("numpy", "cv2", "onnxruntime", "faiss", "sqlalchemy", "textual", "scipy", "pydantic", "cryptography", "PIL")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(cli))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_leaf_has_help_an_example_and_the_shared_options(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert f"Example: `matcher {' '.join(path)}" in command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--home", "--user", "--json"} <= options


def test_no_option_skips_a_safeguard() -> None:
    options = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    assert not options & {"--force", "--auto-confirm", "--confirm-all", "--skip-review", "--top-k", "--no-review"}


def loaded_by(*words: str) -> set[str]:
    code = (
        "import sys\nfrom matcher.cli.main import main\n"
        f"sys.argv = ['matcher', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_loads_nothing_heavy() -> None:
    assert not loaded_by("--help") & set(HEAVY)
    assert not loaded_by("watchlist", "load", "--help") & set(HEAVY)


def test_show_loads_the_database_and_no_vision(opened: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MATCHER_HOME": str(opened.home), **variables_of(opened.home)}.items():
        monkeypatch.setenv(name, value)
    loaded = loaded_by("watchlist", "show", "missing")
    assert "sqlalchemy" in loaded
    assert not loaded & {"cv2", "onnxruntime", "faiss", "textual", "scipy"}


def test_help_takes_less_than_three_tenths_of_a_second() -> None:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "matcher", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.3


def test_version_and_doctor(opened: Cli) -> None:
    assert opened("--version").out.startswith("matcher")
    value = opened("doctor", "--json").value
    assert value["kernels"].split()[0] in NAMES
    assert "opens" in value["home_state"]
    assert value["provider"].startswith("onnxruntime")


def test_doctor_says_what_is_wrong_with_models_and_provider_and_goes_on(opened: Cli, tmp_path: Path) -> None:
    manifest = next(iter(manifests().values()))
    place = tmp_path / "models" / manifest.id
    place.mkdir(parents=True)
    (place / "installed.json").write_text(json.dumps({"id": manifest.id, "source_sha256": "0" * 64}))
    variables = {"MATCHER_MODELS": str(tmp_path / "models"), f"MATCHER_{manifest.kind.upper()}": manifest.id}
    value = opened("doctor", "--json", **variables, MATCHER_PROVIDER="nonsense").value
    assert "install it again" in value[manifest.kind]
    assert "no provider nonsense" in value["provider"]
    assert "opens" in value["home_state"]


def test_json_is_one_object_on_stdout(opened: Cli) -> None:
    for words in (("watchlist", "list"), ("cohort", "list"), ("user", "list"), ("model", "list"), ("audit", "show")):
        assert isinstance(opened(*words, "--json").value, dict)
    assert isinstance(opened("calibrate", "missing", "--plan", "--json").value["tiers"], list)
