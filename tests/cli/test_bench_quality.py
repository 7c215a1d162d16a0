"""`matcher bench quality` end to end, on a few demo people."""

import csv
from pathlib import Path

import pytest

from matcher.bench.quality import operating_point, quality_report, read_samples
from matcher.domain.policy import Quality
from matcher.errors import BadInput
from matcher.store.manifest_files import read_manifest
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline
from matcher.vision.quality import LIMITS
from tests.cli.runner import Cli
from tests.services.world import vectors

LARGEST = Quality(several_faces="largest")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> Path:
    """Twelve demo people with two pictures each, and one whose only picture is none."""
    folder = tmp_path_factory.mktemp("cohort")
    with (demo / "cohort.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[::40][:12]
    with (folder / "cohort.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("subject_id", "image", "skin_tone"))
        for row in rows:
            for number in (0, 1):
                name = f"{row['subject_id']}_{number}.jpg"
                (folder / name).write_bytes((demo / "cohort" / name).read_bytes())
                writer.writerow((row["subject_id"], name, row["skin_tone"]))
        (folder / "none.jpg").write_bytes(b"no picture")
        writer.writerow(("nobody", "none.jpg", "darker"))
    return folder / "cohort.csv"


def test_bench_quality(tmp_path: Path, cohort: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[quality]\nseveral_faces = "largest"\nmin_contrast = 128.0\n')
    asked = ("bench", "quality", cohort, "--policy", policy, "--threshold", "0.4")
    result = Cli(tmp_path / "none")(*asked, "--json")
    assert result.code == 0, result.err
    value = result.value
    assert (value["people"], value["pictures"], value["templates"], value["mated"]) == (13, 25, 24, 12)
    assert value["threshold"] == 0.4
    everybody = next(one for one in value["failures"] if one["key"] == {})
    assert (everybody["fta"]["k"], everybody["fte"]["k"], everybody["fte"]["n"]) == (1, 1, 13)
    limits = {one["limit"]: one for one in value["limits"]}
    assert set(limits) == {limit.name for limit in LIMITS}
    contrast = limits["min_contrast"]["policy"]
    assert (contrast["rejected"]["k"], contrast["rejected"]["n"], contrast["fnmr"]["rate"]) == (12, 12, None)
    assert limits["min_pitch_ratio"]["policy"] is None
    assert {next(iter(one["key"])) for one in contrast["groups"]} == {"skin_tone"}
    assert sum(one["rejected"]["n"] for one in contrast["groups"]) == 12
    assert "min_contrast" in Cli(tmp_path / "none")(*asked).out


def test_the_order_of_the_manifest_does_not_matter(pipeline: FacePipeline, cohort: Path) -> None:
    rows = read_manifest(cohort, "cohort")
    first, second = (
        quality_report(read_samples(order, read_picture_file, pipeline, LARGEST, lambda *_: None), LARGEST, 0.05, None)
        for order in (rows, rows[::-1])
    )
    assert first == second


def test_nothing_usable_is_bad_input(pipeline: FacePipeline, cohort: Path) -> None:
    rows = [row for row in read_manifest(cohort, "cohort") if row.subject_id == "nobody"]
    with pytest.raises(BadInput, match="no usable picture"):
        read_samples(rows, read_picture_file, pipeline, Quality(), lambda *_: None)


def test_the_threshold_is_the_lowest_that_keeps_the_fmr() -> None:
    probes = vectors(200, seed=5)
    threshold, rate = operating_point(probes, 0.01, None)
    assert rate.k is not None
    assert rate.k / rate.n <= 0.01
    _, lower = operating_point(probes, 0.01, threshold - 100)
    assert lower.k is not None
    assert lower.k / lower.n > 0.01
    with pytest.raises(BadInput, match="one person"):
        operating_point(probes[:1], 0.01, None)
