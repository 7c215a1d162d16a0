"""docs/models.md, command by command: a model of one's own, from its file to a certificate, and what a change does."""

import csv
import hashlib
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from matcher.models.catalogue import default
from tests.cli.runner import Cli, Result
from tests.models.tiny_embedder import tiny_embedder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
PILOT = (
    '[certification]\nalpha = 0.05\n[review]\nsame_account = "mark"\n[lease]\nhours = 24\n'
    '[quality]\nseveral_faces = "largest"\n'
)


@dataclass
class Walk:
    """A folder with what the page speaks of, and the results of its commands, in order."""

    folder: Path
    cli: Cli
    environment: dict[str, str]
    results: list[tuple[str, Result]] = field(default_factory=list)

    def run(self, line: str) -> Result:
        words = [self.folder / word if (self.folder / word).is_file() else word for word in shlex.split(line)[1:]]
        return self.cli(*words, **self.environment)

    def of(self, start: str) -> list[Result]:
        found = [result for line, result in self.results if line.startswith(f"matcher {start}")]
        assert found, start
        return found


def blocks() -> list[str]:
    return re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)


def one_picture_each(source: Path, target: Path, folder: Path) -> None:
    """The first picture of every person: whom one cannot tell apart, one would take for one person with two of them."""
    with source.open(encoding="utf-8") as file:
        rows = list({row["subject_id"]: row for row in reversed(list(csv.DictReader(file)))}.values())
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[:300])
    for row in rows[:300]:
        place = folder / row["image"]
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(source.parent / row["image"], place)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, models_folder: Path, demo: Path) -> Walk:
    folder = tmp_path_factory.mktemp("models")
    raw = tiny_embedder()
    (folder / "own.onnx").write_bytes(raw)
    manifest = blocks()[0]
    manifest = re.sub(r"bytes = \d+", f"bytes = {len(raw)}", manifest)
    (folder / "own.toml").write_text(manifest.replace("0" * 64, hashlib.sha256(raw).hexdigest()))
    (folder / "pilot.toml").write_text(PILOT)
    one_picture_each(demo / "list.csv", folder / "people.csv", folder)
    one_picture_each(demo / "cohort.csv", folder / "staff.csv", folder)
    shutil.copyfile(demo / "list" / "W00lf_1.jpg", folder / "probe.jpg")
    for kind in ("detector", "embedder"):
        model = default("detector" if kind == "detector" else "embedder").id
        shutil.copytree(models_folder / model, folder / "models" / model)
    done = Walk(folder, Cli(folder / "home"), {"MATCHER_MODELS": str(folder / "models")})
    done.cli("init")
    for name, role, actor in (("boss", "admin", None), ("vera", "approver", "boss")):
        assert done.cli("user", "add", name, "--role", role, user=actor).code == 0
    for line in "".join(blocks()[1:]).splitlines():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            done.environment[name] = value
        elif line.startswith("matcher watchlist activate"):
            done.results.append((line, done.run(f"{line} {signing(done)}")))
        else:
            done.results.append((line, done.run(line)))
    return done


def signing(walk: Walk) -> str:
    """What an approver without a terminal adds after reading: the number of the consequence, the report's digest."""
    shown = walk.run("matcher watchlist activate missing --user vera")
    digest, text = re.findall(r"report ([0-9a-f]{64}): (.*)", shown.err)[0]
    return f"--type-number {re.findall(r'up to ([0-9]+) false alarm', text)[0]} --report {digest}"


def test_every_command_up_to_the_change_of_model_succeeds(walk: Walk) -> None:
    assert [(line, result.err) for line, result in walk.results[:-1] if result.code != 0] == []


def test_the_report_is_about_this_model_and_says_what_ran_it(walk: Walk) -> None:
    (shown,) = walk.of("report show")
    assert "own@" in shown.out
    assert "run by onnxruntime on the processor, 32 bits" in shown.out
    value = walk.run("matcher report show missing --format json").value
    assert value["binding"]["provider"] == "onnxruntime on the processor, 32 bits"
    assert re.search(r"\|p\d+\+r\d+\+[0-9a-f]{32}\|r2\|64$", value["binding"]["model"])
    assert "run by" in walk.run("matcher report show missing --format html").out


def test_the_models_that_are_used_are_marked(walk: Walk) -> None:
    value = walk.cli("model", "list", "--json", **walk.environment | {"MATCHER_EMBEDDER": "own"}).value
    assert {one["id"] for one in value["models"] if one["used"]} == {"own", default("detector").id}
    (own,) = [one for one in value["models"] if one["id"] == "own"]
    assert (own["input"]["size"], own["input"]["mean"], own["installed"]) == ([96, 96], [127.5] * 3, True)


def test_a_certificate_does_not_survive_another_model(walk: Walk) -> None:
    line, last = walk.results[-1]
    assert line.startswith("matcher submit")
    assert walk.environment["MATCHER_EMBEDDER"] == default("embedder").id
    assert last.code == 3
    assert "another model or preprocessing (embedder own@" in last.complaint
    assert "set MATCHER_EMBEDDER=own, or load everything anew (--replace)" in last.complaint
    (before,) = walk.of("submit")[:-1]
    assert before.code == 0


def test_neither_loads_nor_calibrations_cross_from_one_to_the_other(walk: Walk) -> None:
    added = walk.run("matcher watchlist load missing people.csv --user boss")
    assert (added.code, "set MATCHER_EMBEDDER=own" in added.complaint) == (3, True)


@pytest.fixture
def edited(walk: Walk) -> Iterator[Path]:
    page = walk.folder / "models" / "own" / "manifest.toml"
    before = page.read_bytes()
    yield page
    page.write_bytes(before)


@pytest.mark.parametrize("key", ["mean = 127.5", 'channels = "rgb"', "scale = 0.0078125", 'template = "arcface-112"'])
def test_an_edited_input_makes_another_identity(walk: Walk, edited: Path, key: str) -> None:
    other = {
        "mean = 127.5": "mean = 127.4",
        'channels = "rgb"': 'channels = "bgr"',
        "scale = 0.0078125": "scale = 0.0078126",
        'template = "arcface-112"': "template = [[32, 44], [63, 44], [48, 61], [35, 79], [60, 79]]",
    }[key]
    text = edited.read_text()
    assert key in text
    edited.write_text(text.replace(key, other))
    found = walk.cli(
        *("submit", "missing", walk.folder / "probe.jpg", "--case", "1", "--reason", "seen"),
        user="boss",
        **walk.environment | {"MATCHER_EMBEDDER": "own"},
    )
    assert found.code == 3
    assert "preprocessing p" in found.complaint
    assert "use the release and the manifest ([input]) that it was made with" in found.complaint


def test_a_cuda_that_is_not_there_is_refused(walk: Walk) -> None:
    words = ("submit", "missing", walk.folder / "probe.jpg", "--case", "1", "--reason", "seen")
    found = walk.cli(*words, user="boss", **walk.environment | {"MATCHER_PROVIDER": "onnxruntime-cuda"})
    assert (found.code, "onnxruntime-gpu" in found.complaint) == (2, True)


def test_the_log_holds_what_machines_were_compared_by(walk: Walk) -> None:
    assert walk.cli("audit", "verify", user="boss").code == 0
    assert "touchstone" in walk.cli("audit", "show", "--json", user="boss").out
