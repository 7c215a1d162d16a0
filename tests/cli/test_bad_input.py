"""What bad input gets: exit 8, one clear line, nothing stored."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.runner import Cli

BAD_MANIFESTS = {
    "no columns": "a,b\n1,2\n",
    "no image column": "subject_id,name\nS1,Ann\n",
    "empty file": "",
    "header only": "subject_id,image\n",
    "path leaves by dots": "subject_id,image\nS1,../x.jpg\n",
    "absolute path": "subject_id,image\nS1,/etc/passwd\n",
    "duplicate subject and image": "subject_id,image\nS1,W00lf_0.jpg\nS1,W00lf_0.jpg\n",
    "ragged": "subject_id,image\nS1,W00lf_0.jpg,extra\n",
    "no subject": "subject_id,image\n,W00lf_0.jpg\n",
    "nul byte": "subject_id,image\nS\x001,W00lf_0.jpg\n",
    "escape": "subject_id,image\nS\x1b[31m,W00lf_0.jpg\n",
}


def stored(cli: Cli) -> list[tuple[str, int]]:
    return sorted((path.name, path.stat().st_size) for path in (cli.home / "sealed").iterdir())


def refuses(cli: Cli, *words: str | Path, code: int = 8) -> str:
    before = stored(cli)
    result = cli(*words, user="boss")
    assert result.code == code, result
    assert result.out == ""
    assert result.complaint.startswith("matcher: ")
    assert "Traceback" not in result.err
    assert stored(cli) == before
    return result.complaint


@pytest.mark.parametrize("defect", BAD_MANIFESTS)
def test_a_wrong_manifest(opened: Cli, people: Path, defect: str) -> None:
    manifest = people / "bad.csv"
    manifest.write_text(BAD_MANIFESTS[defect], encoding="utf-8")
    refuses(opened, "watchlist", "load", "missing", manifest)


def test_a_manifest_that_is_not_utf8(opened: Cli, people: Path) -> None:
    (people / "bad.csv").write_bytes("subject_id,image\nMüller,W00lf_0.jpg\n".encode("latin-1"))
    assert "UTF-8" in refuses(opened, "watchlist", "load", "missing", people / "bad.csv")


def test_no_such_file(opened: Cli, tmp_path: Path) -> None:
    assert "no such file" in refuses(opened, "watchlist", "load", "missing", tmp_path / "none.csv").lower()


def test_a_cohort_with_two_labels_for_one_person(opened: Cli, people: Path) -> None:
    (people / "c.csv").write_text("subject_id,image,g\nS1,W00lf_0.jpg,a\nS1,W00lm_0.jpg,b\n")
    assert "two labels" in refuses(opened, "cohort", "load", "staff", people / "c.csv")


def test_an_empty_cohort(opened: Cli) -> None:
    assert "empty" in refuses(opened, "calibrate", "missing", "--cohort", "staff")


def test_no_usable_picture_at_all(opened: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "m.csv").write_text("subject_id,image\nS1,a.jpg\nS2,missing.jpg\n")
    assert "no usable picture" in refuses(opened, "watchlist", "load", "missing", tmp_path / "m.csv")


@pytest.mark.parametrize("defect", ["nan", "infinite", "zero", "dimension", "float64", "pickled", "text"])
def test_wrong_embeddings(opened: Cli, tmp_path: Path, defect: str) -> None:
    rows = np.ones((3, 128), np.float32)
    subjects: np.ndarray = np.array(["a", "b", "c"])
    if defect == "nan":
        rows[1, 5] = np.nan
    if defect == "infinite":
        rows[1, 5] = np.inf
    if defect == "zero":
        rows[1] = 0
    if defect == "dimension":
        rows = rows[:, :64]
    if defect == "float64":
        rows = rows.astype(np.float64)
    if defect == "pickled":
        subjects = np.array(["a", {"b": 1}, "c"], dtype=object)
    file = tmp_path / "e.npz"
    if defect == "text":
        file.write_text("not an archive")
    else:
        np.savez(file, embeddings=rows, subject_id=subjects)
    refuses(opened, "watchlist", "load", "missing", "--embeddings", file, "--model", "sface-2021dec-int8bq")


def test_an_unknown_policy_key(opened: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("[review]\nauto_confirm = true\n")
    said = refuses(opened, "calibrate", "missing", "--cohort", "staff", "--policy", tmp_path / "p.toml")
    assert "review.auto_confirm" in said


def test_a_single_bad_picture_is_a_counted_rejection(opened: Cli, people: Path) -> None:
    (people / "bad.jpg").write_bytes(b"\xff\xd8 not really")
    (people / "m.csv").write_text("subject_id,image,name\nS1,W00lf_0.jpg,=1+1\nS2,bad.jpg,Ann\nS3,gone.jpg,Ben\n")
    home = Cli(people / "home")
    home("init")
    home("user", "add", "boss", "--role", "admin")
    terms = (
        "--purpose",
        "p",
        "--legal-basis",
        "l",
        "--owner",
        "o",
        "--expires",
        "2099-01-01",
        "--searches-per-day",
        "1",
    )
    home("watchlist", "create", "missing", *terms, user="boss")
    rejects = people / "rejects.csv"
    result = home("watchlist", "load", "missing", people / "m.csv", "--rejects", rejects, "--json", user="boss")
    assert result.code == 0, result
    assert result.value["templates"] == 1
    assert len(result.value["rejected"]) == 2
    assert len(rejects.read_text().splitlines()) == 3
    assert home("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("watchlist", "create", "x"), 2),
        (("watchlist", "load", "missing"), 2),
        (("nonsense",), 2),
        (("submit", "missing", "nothing.jpg", "--case", "c", "--reason", "r"), 8),
        (("watchlist", "show", "nothing"), 8),
        (("user", "add", "Bad Name", "--role", "admin"), 8),
        (("user", "add", "boss", "--role", "admin"), 8),
        (("calibrate", "missing"), 2),
        (("calibrate", "missing", "--cohort", "staff", "--threshold", "0.70005"), 8),
        (("watchlist", "retire", "missing"), 2),
        (("review",), 2),
    ],
)
def test_exit_codes(opened: Cli, words: tuple[str, ...], code: int) -> None:
    result = opened(*words, user="boss")
    assert result.code == code, result
    assert "Traceback" not in result.err


def test_wrong_passphrase_and_missing_role_are_refused_and_an_inactive_list_is_5(opened: Cli, demo: Path) -> None:
    assert opened("watchlist", "retire", "missing", "--yes", user="boss", MATCHER_PASSPHRASE="wrong").code == 3
    assert opened("watchlist", "retire", "missing", "--yes", user="ana").code == 3
    probe = demo / "probes" / "P01.jpg"
    result = opened("submit", "missing", probe, "--case", "c", "--reason", "r", user="boss")
    assert result.code == 5
    assert "draft" in result.complaint


def test_a_home_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    assert cli("init").code == 0
    (tmp_path / "home").chmod(0o755)
    result = cli("user", "list")
    assert result.code == 3
    assert "chmod" in result.complaint


def test_no_home_is_bad_input_that_says_what_to_do(tmp_path: Path) -> None:
    result = Cli(tmp_path / "nowhere")("user", "list")
    assert result.code == 8
    assert "matcher init" in result.complaint


def test_rejects_that_cannot_be_written_store_nothing(opened: Cli, people: Path) -> None:
    refuses(opened, "watchlist", "load", "missing", people / "people.csv", "--rejects", "/nonexistent/r.csv")


def test_rejects_are_written_when_nothing_was_usable(opened: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "m.csv").write_text("subject_id,image\nS1,a.jpg\n=S2,missing.jpg\n")
    refuses(opened, "watchlist", "load", "missing", tmp_path / "m.csv", "--rejects", tmp_path / "r.csv")
    written = (tmp_path / "r.csv").read_text().splitlines()
    assert written[0] == "subject_id,image,reason,detail"
    assert "not a picture" in written[1]
    assert written[2].startswith("'=S2,")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".part") == []


def test_a_prior_that_is_no_number(opened: Cli) -> None:
    terms = (
        "--purpose",
        "p",
        "--legal-basis",
        "l",
        "--owner",
        "o",
        "--expires",
        "2031-01-01",
        "--searches-per-day",
        "1",
    )
    refuses(opened, "watchlist", "create", "other", *terms, "--prior", "abc", "--prior-source", "x")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        f"[certification]\nalpha = {'9' * 5000}\n",
        "[certification]\nalpha = 1e-320\n",
        '[review]\nmin_pixels = "64"\n',
    ],
)
def test_policies_that_are_none(opened: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    refuses(opened, "calibrate", "missing", "--cohort", "staff", "--policy", tmp_path / "p.toml")


def test_a_policy_that_is_a_pipe_is_not_waited_for(opened: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.toml")
    refuses(opened, "calibrate", "missing", "--cohort", "staff", "--policy", tmp_path / "p.toml")


@pytest.mark.parametrize("text", ["1e999999", "0.70000000000000000000000000000000001", "nan", "0.12345"])
def test_thresholds_that_are_none(opened: Cli, text: str) -> None:
    refuses(opened, "calibrate", "missing", "--cohort", "staff", "--threshold", text)


def test_a_folder_in_place_of_embeddings(opened: Cli, tmp_path: Path) -> None:
    refuses(opened, "watchlist", "load", "missing", "--embeddings", tmp_path, "--model", "sface-2021dec")


def test_rejects_over_the_manifest(opened: Cli, people: Path) -> None:
    (people / "m.csv").write_text("subject_id,image\nS1,W00lf_0.jpg\n")
    refuses(opened, "watchlist", "load", "missing", people / "m.csv", "--rejects", people / "m.csv", code=2)
    assert (people / "m.csv").read_text().startswith("subject_id")


BROKEN = sorted((Path(__file__).parents[2] / "watchlists" / "broken").iterdir())


@pytest.mark.parametrize("example", BROKEN, ids=lambda path: path.name)
def test_the_broken_examples_are_refused(opened: Cli, example: Path) -> None:
    if example.suffix == ".toml":
        code = 3 if example.name == "too-loose.toml" else 8
        refuses(opened, "calibrate", "missing", "--cohort", "staff", "--policy", example, code=code)
    else:
        refuses(opened, "watchlist", "load", "missing", example)
