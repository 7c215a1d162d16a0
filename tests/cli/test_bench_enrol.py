"""Pictures to templates, timed beside OpenCV: the parts, and the command end to end on demo people."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from matcher.bench.enrol import Setting, Taken, Templates, _peer, pictures_of
from matcher.bench.machine import processor_seconds
from matcher.bench.peers.opencv import OpenCvPipeline
from matcher.domain.face import Face
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider, provider_from
from matcher.errors import BadInput
from matcher.models.catalogue import default
from matcher.models.rewrite import plain
from matcher.models.verify import verify
from matcher.vision.pipeline import FacePipeline
from tests.cli.runner import Cli


@pytest.fixture
def few(tmp_path: Path, demo: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for at, path in enumerate(sorted((demo / "list").glob("*.jpg"))[:4]):
        (folder / ("below" if at % 2 else ".") / path.name).write_bytes(path.read_bytes())
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_bench_enrol(tmp_path: Path, few: Path, models_folder: Path) -> None:
    result = Cli(tmp_path / "none")("bench", "enrol", few, "--threads", "2", "--json")
    assert result.code == 0, result.err
    value = result.value
    assert (value["images"], value["templates"], value["threads"]) == (4, 4, 2)
    assert (value["provider"], value["rewrite"]) == ("onnxruntime", "r2")
    assert set(value["stages"]) == {"decode_ms", "detect_ms", "align_ms", "embed_ms"}
    assert all(taken > 0 for taken in value["stages"].values())
    for peer in value["peers"].values():
        assert peer["images_both"] == 4
        assert peer["median_cosine"] > 0.99
        assert peer["ratio"] == pytest.approx(value["images_per_second"] / peer["images_per_second"])
    assert set(value["peers"]) == {"opencv", "opencv_side_by_side"}
    assert value["machine"]["load"] >= 0
    assert "turn 5 of 5: opencv" in result.err
    assert "WARN" not in result.err


def test_a_folder_without_pictures_is_bad_input(tmp_path: Path, models_folder: Path) -> None:
    assert Cli(tmp_path / "none")("bench", "enrol", tmp_path).code == 8
    assert Cli(tmp_path / "none")("bench", "enrol", tmp_path / "nothing").code == 8


def test_pictures_are_spread_evenly(few: Path) -> None:
    names = [picture.name for picture in pictures_of(few, 9)]
    assert len(names) == 4
    assert [picture.name for picture in pictures_of(few, 2)] == [names[0], names[-1]]


def test_a_ratio_is_told_only_for_the_same_faces() -> None:
    one, other = np.eye(2, 4, dtype=np.float32)
    taken = {"matcher": Taken([1.0], [2.0]), "opencv": Taken([3.0], [4.0])}
    alike = _peer("opencv", taken, {"matcher": [one, None], "opencv": [2 * one, one]}, 2)
    assert (alike["ratio"], alike["ratio_reason"], alike["images_both"]) == (3.0, None, 1)
    assert alike["processor_ms_per_image"] == 2000
    nothing: Templates = [None, None]
    for answers in ([other, None], nothing):
        unlike = _peer("opencv", taken, {"matcher": [one, one], "opencv": answers}, 2)
        assert unlike["ratio"] is None
        assert unlike["ratio_reason"]


def test_both_ways_of_opencv_agree_with_ours(few: Path, pipeline: FacePipeline, models_folder: Path) -> None:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    pictures = pictures_of(few, 4)
    opencv = OpenCvPipeline(detector.published.read_bytes(), plain(embedder.published.read_bytes()), 2)
    after, beside = opencv.one_after_the_other(pictures), opencv.side_by_side(pictures)
    opencv.close()
    ours = [result for _, result in pipeline.references(pictures, Quality())]
    for face, one, two in zip(ours, after, beside, strict=True):
        assert isinstance(face, Face)
        assert one is not None
        assert two is not None
        assert np.allclose(one, two, atol=1e-5)
        assert float(face.template @ one) / float(np.linalg.norm(one)) > 0.99


def test_a_provider_that_nobody_knows_is_bad_input(tmp_path: Path, few: Path) -> None:
    with pytest.raises(BadInput, match="known are onnxruntime, onnxruntime-int8, "):
        provider_from("cuda")
    assert Cli(tmp_path / "none")("bench", "enrol", few, MATCHER_PROVIDER="cuda").code == 8


def test_a_setting_names_what_runs(models_folder: Path) -> None:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    setting = Setting(detector, embedder, Provider.OPENVINO_BF16, 2)
    assert setting.provider.marked(setting.embedder.rewrite) == "r2+openvino-bf16"


def test_what_decoding_processes_work_is_counted() -> None:
    busy = "import time\nwhile time.process_time() < 0.5: pass\nprint('worked', flush=True)\ninput()"
    before = processor_seconds()
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"worked\n"
        assert 0.45 < processor_seconds() - before < 5
        child.communicate(b"\n")
    assert processor_seconds() - before < 0.45
