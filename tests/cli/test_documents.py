"""Commands in the documents and in help examples exist and parse; links lead somewhere."""

import re
import shlex
from pathlib import Path

import click
import pytest

from matcher.cli.main import cli
from tests.cli.test_commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "watchlists" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def lines_of(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.S | re.M)
    return [line for block in blocks for line in block.splitlines() if line.startswith("matcher ")]


def parse(words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    command.make_context(command.name, words)


SHOWN = [line for document in DOCUMENTS for line in lines_of(document)]
EXAMPLES = [
    re.sub(r"\s+", " ", match)
    for command in COMMANDS.values()
    for match in re.findall(r"Example: `matcher (.*?)`", command.help or "", re.S)
]


def test_there_is_something_to_check() -> None:
    assert len(SHOWN) > 15
    assert len(EXAMPLES) == len(COMMANDS)


@pytest.mark.parametrize("line", [*(line.removeprefix("matcher ") for line in SHOWN), *EXAMPLES])
def test_every_shown_command_parses(line: str) -> None:
    parse(shlex.split(line))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert "://" in target or (document.parent / target).exists(), target


def test_the_two_commands_of_the_readme_are_the_first_blocks() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.S | re.M)
    start = "python3 -m venv .venv && . .venv/bin/activate && pip install "
    assert blocks[0].strip() == start + ". && matcher demo"
    assert blocks[1].strip() == start + "-e '.[test]' && pytest"
