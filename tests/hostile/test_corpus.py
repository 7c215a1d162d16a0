"""Every item of the corpus gets its verdict, by the functions and by the program: nothing stored, one clear line."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.bootstrap import read_policy
from matcher.config import load_settings
from matcher.domain.rejection import Rejected
from matcher.errors import BadInput, IntegrityError, MatcherError, Refused
from matcher.models.catalogue import default, parse_manifest
from matcher.models.install import install
from matcher.store.embedding_files import read_embeddings
from matcher.store.manifest_files import read_manifest
from matcher.vision.decoders import decoders
from matcher.vision.files import read_picture_file
from tests.assets.corpus import ACCEPTED, CORPUS, DIM, IN_PLACE_OF_A_FILE, PICTURES, Case
from tests.cli.conftest import opened, people  # noqa: F401 - fixtures
from tests.cli.runner import Cli
from tests.conftest import quiet

ERRORS = {3: Refused, 6: IntegrityError, 8: BadInput}


def _picture(path: Path) -> str:
    read = read_picture_file(path)
    result = read if isinstance(read, Rejected) else decoders().pixels(read)
    return f"{result.reason.value}: {result.detail}" if isinstance(result, Rejected) else ACCEPTED


def _model(path: Path) -> None:
    install(default("detector"), path.parent / "models", path, quiet)


READERS: dict[str, Callable[[Path], object]] = {
    "manifest": lambda path: read_manifest(path, "watchlist"),
    "embeddings": lambda path: read_embeddings(path, "watchlist", DIM),
    "policy": read_policy,
    "model": _model,
}


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_the_functions_say_what_the_table_says(tmp_path: Path, case: Case) -> None:
    path = tmp_path / case.name
    case.make(path)
    if case.kind == "picture":
        assert _picture(path).startswith(case.verdict)
    elif case.verdict == ACCEPTED:
        READERS[case.kind](path)
    else:
        with pytest.raises(MatcherError) as refused:
            READERS[case.kind](path)
        assert type(refused.value) is ERRORS[case.code]
        assert case.verdict in str(refused.value)
        assert str(refused.value).isprintable()
    assert not (tmp_path / "models" / default("detector").id / default("detector").file).exists()


def test_names_are_not_used_twice_and_every_kind_is_there() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    assert {case.kind for case in CORPUS} == {*READERS, "picture"}


def _files_of(home: Path) -> list[tuple[str, str]]:
    """Every file of a home but the database, which logs that somebody was refused."""
    kept = (path for path in sorted(home.rglob("*")) if path.is_file() and not path.name.startswith("matcher.db"))
    return [(str(path.relative_to(home)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in kept]


def _command(case: Case, path: Path) -> list[str | Path]:
    words: dict[str, list[str | Path]] = {
        "manifest": ["watchlist", "load", "missing", path],
        "embeddings": ["watchlist", "load", "missing", "--embeddings", path, "--model", "sface-2021dec-int8bq"],
        "policy": ["calibrate", "missing", "--cohort", "staff", "--policy", path],
        "model": ["model", "install", "yunet-2023mar-int8bq", "--from", path],
    }
    return words[case.kind]


SAMPLE = (
    "dots-out.csv",
    "linked-folder-out.csv",
    "nul.csv",
    "ansi-name.csv",
    "latin-1.csv",
    "fifo.csv",
    "sparse-10-gb.csv",
    "nan.npz",
    "pickled-rows.npz",
    "zip-bomb.npz",
    "fifo.npz",
    "unknown-key.toml",
    "too-loose.toml",
    "deeply-nested.toml",
    "sparse-10-gb.toml",
)


def _refused(cli: Cli, words: list[str | Path], case: Case, **environment: str) -> None:
    before = _files_of(cli.home)
    result = cli(*words, user="boss", **environment)
    assert result.code == case.code, result
    assert result.out == ""
    assert "Traceback" not in result.err
    assert result.complaint.startswith("matcher: ")
    assert case.verdict in result.complaint
    assert result.complaint.isprintable()
    assert _files_of(cli.home) == before


@pytest.mark.parametrize("name", SAMPLE)
def test_the_program_exits_as_the_table_says_and_leaves_nothing(opened: Cli, tmp_path: Path, name: str) -> None:  # noqa: F811
    case = next(case for case in CORPUS if case.name == name)
    case.make(tmp_path / name)
    _refused(opened, _command(case, tmp_path / name), case)


def test_a_model_of_another_digest_is_not_installed(opened: Cli, tmp_path: Path) -> None:  # noqa: F811
    case = next(case for case in CORPUS if case.name == "foreign.onnx")
    case.make(tmp_path / case.name)
    models = tmp_path / "models"
    _refused(opened, _command(case, tmp_path / case.name), case, MATCHER_MODELS=str(models))
    assert [path for path in models.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("text", ["a = " + "9" * 5_000, "a" + ".a" * 30_000 + " = 1", "a = " + "[" * 30_000])
def test_a_model_s_manifest_and_a_configuration_that_are_bombs_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="not TOML"):
        parse_manifest(text, "manifest.toml")
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(BadInput, match="cannot be read"):
        load_settings({"MATCHER_CONFIG": str(tmp_path / "config.toml")})


@pytest.mark.usefixtures("models_folder")
def test_a_list_of_nothing_but_bad_pictures_is_one_line_with_the_reason_of_each(opened: Cli, tmp_path: Path) -> None:  # noqa: F811
    bad = [case for case in (*PICTURES, *IN_PLACE_OF_A_FILE) if case.verdict != ACCEPTED]
    for case in bad:
        case.make(tmp_path / case.name)
    lines = "".join(f"S{number},{case.name}\n" for number, case in enumerate(bad))
    (tmp_path / "bad.csv").write_text("subject_id,image\n" + lines)
    every = Case("bad.csv", "manifest", "no usable picture", Path.touch)
    words: list[str | Path] = ["watchlist", "load", "missing", tmp_path / "bad.csv", "--rejects", tmp_path / "r.csv"]
    _refused(opened, words, every)
    said = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert len(said) == len(bad)
    assert all(f",{case.verdict}," in line for case, line in zip(bad, said, strict=True))
