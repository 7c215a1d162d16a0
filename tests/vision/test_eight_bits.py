"""The 8-bit providers: near the 32-bit templates, the same bits however it runs, refused where sums are not exact."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from matcher.domain.face import Face, Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider
from matcher.errors import BadInput, UsageError
from matcher.models.catalogue import default
from matcher.models.int8 import for_provider
from matcher.models.verify import verify
from matcher.vision import exactness, openvino_session, session
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline, open_pipeline
from matcher.vision.provider import open_embedder

EIGHT, OPENVINO = Provider.ONNXRUNTIME_INT8, Provider.OPENVINO_INT8


@pytest.fixture(scope="module")
def models(models_folder: Path) -> tuple[InstalledModel, InstalledModel]:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    return detector, for_provider(embedder, EIGHT)


@pytest.fixture(scope="module")
def pictures(demo: Path) -> list[Picture]:
    read = [read_picture_file(path) for path in sorted((demo / "probes").glob("*.jpg"))[:24]]
    return [picture for picture in read if isinstance(picture, Picture)]


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What the runtime answered before is not remembered, before and after."""
    session.sums_exactly.cache_clear()
    yield
    session.sums_exactly.cache_clear()


def templates(pipeline: FacePipeline, pictures: list[Picture]) -> np.ndarray:
    faces = [result for _, result in pipeline.references(pictures, Quality())]
    assert all(isinstance(face, Face) for face in faces)
    return np.array([face.template for face in faces if isinstance(face, Face)])


def test_near_the_default_templates_and_never_compared_with_them(
    pipeline: FacePipeline, models: tuple[InstalledModel, InstalledModel], pictures: list[Picture]
) -> None:
    eight = open_pipeline(*models, 1, EIGHT)
    assert re.fullmatch(r"q1-[0-9a-f]{8}\+onnxruntime-int8", eight.identity.rewrite)
    assert eight.identity != pipeline.identity
    cosines = (templates(eight, pictures) * templates(pipeline, pictures)).sum(axis=1)
    assert np.median(cosines) > 0.995
    assert cosines.min() > 0.98


def test_the_same_bits_with_more_threads_in_another_order_and_the_slower_way(
    models: tuple[InstalledModel, InstalledModel],
    pictures: list[Picture],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = templates(open_pipeline(*models, 1, EIGHT), pictures)
    assert np.array_equal(ours, templates(open_pipeline(*models, 3, EIGHT), pictures))
    assert np.array_equal(ours[::-1], templates(open_pipeline(*models, 2, EIGHT), pictures[::-1]))
    asked: list[bool] = []
    monkeypatch.setattr(session, "sums_exactly", lambda precise: asked.append(precise) or precise)
    assert np.array_equal(ours, templates(open_pipeline(*models, 1, EIGHT), pictures))
    assert asked == [False, True]


def test_where_sums_are_exact_neither_way_it_is_refused(
    models: tuple[InstalledModel, InstalledModel], monkeypatch: pytest.MonkeyPatch, forgotten: None
) -> None:
    monkeypatch.setattr(exactness, "right", lambda picture, sums: False)
    with pytest.raises(UsageError, match="not exact on this processor: use provider onnxruntime"):
        open_pipeline(*models, 1, EIGHT)


def test_this_processor_is_asked_and_an_old_one_would_be_found_out(forgotten: None) -> None:
    assert session.sums_exactly(True)
    weights = np.where(np.arange(exactness.WIDTH) % 2, -127, 127).astype(np.int64)
    pairs = np.clip(2 * exactness.LARGEST * weights, -32768, 32767)  # what AVX2 makes of two products
    stopped = pairs * exactness.WIDTH // 2 - exactness.ZERO * exactness.WIDTH * weights
    exact = (exactness.LARGEST - exactness.ZERO) * exactness.WIDTH * weights

    def answer(sums: np.ndarray) -> np.ndarray:
        each = exactness.ZERO + np.rint(sums * (100 / np.abs(exact).max()))
        return np.broadcast_to(each[np.newaxis, :, np.newaxis, np.newaxis], (1, exactness.WIDTH, 8, 8))

    assert exactness.right(answer(exact), exact[np.newaxis])
    assert not exactness.right(answer(stopped), exact[np.newaxis])
    assert not exactness.right(answer(exact), stopped[np.newaxis])


def test_a_graph_runs_with_its_own_provider_alone(
    models: tuple[InstalledModel, InstalledModel], models_folder: Path
) -> None:
    detector, eight = models
    with pytest.raises(BadInput, match=r"graph q1-[0-9a-f]{8} of .* is not what provider onnxruntime runs"):
        open_pipeline(detector, eight, 1, Provider.ONNXRUNTIME)
    with pytest.raises(BadInput, match=r"graph q1-[0-9a-f]{8} of .* is not what provider openvino-int8 runs"):
        open_pipeline(detector, eight, 1, OPENVINO)
    with pytest.raises(BadInput, match=r"graph r2 of .* is not what provider onnxruntime-int8 runs"):
        open_pipeline(detector, verify(default("embedder"), models_folder), 1, EIGHT)
    with pytest.raises(BadInput, match="embedder cannot be loaded"):
        open_embedder(b"junk", 128, EIGHT, 1)


def test_the_question_in_conversions_has_one_right_answer() -> None:
    asked = exactness.inputs()["x"].astype(np.float32)
    (picture,) = session.open_session(exactness.question_in_conversions(), "question", precise=True).run(
        None, {"x": asked}
    )
    assert exactness.right_in_conversions(picture)
    picture[0, 3, 2, 1] += 1
    assert not exactness.right_in_conversions(picture)


@pytest.fixture(scope="module")
def with_openvino(models_folder: Path) -> tuple[InstalledModel, InstalledModel]:
    pytest.importorskip("openvino")
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    return detector, for_provider(embedder, OPENVINO)


def test_openvino_in_eight_bits_is_near_too_and_depends_on_neither_threads_nor_the_way_it_prefers(
    pipeline: FacePipeline,
    with_openvino: tuple[InstalledModel, InstalledModel],
    pictures: list[Picture],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = open_pipeline(*with_openvino, 1, OPENVINO)
    assert re.fullmatch(r"v1-[0-9a-f]{8}\+openvino-int8", one.identity.rewrite)
    ours = templates(one, pictures)
    cosines = (ours * templates(pipeline, pictures)).sum(axis=1)
    assert np.median(cosines) > 0.995
    assert cosines.min() > 0.98
    assert np.array_equal(ours[::-1], templates(open_pipeline(*with_openvino, 3, OPENVINO), pictures[::-1]))
    monkeypatch.setattr(openvino_session, "_prefer", lambda *_: None)
    assert np.array_equal(ours, templates(open_pipeline(*with_openvino, 1, OPENVINO), pictures))


def test_openvino_is_refused_where_it_is_not_exact_or_not_in_eight_bits(
    with_openvino: tuple[InstalledModel, InstalledModel], models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verify(default("embedder"), models_folder).used.read_bytes()
    with pytest.raises(UsageError, match="openvino-int8 computes convolutions in f32 on this processor"):
        open_embedder(whole, 128, OPENVINO, 1)
    monkeypatch.setattr(exactness, "right_in_conversions", lambda picture: False)
    with pytest.raises(UsageError, match="not exact on this processor: use provider openvino"):
        open_pipeline(*with_openvino, 1, OPENVINO)


def test_openvino_on_an_old_processor_would_be_found_out() -> None:
    """OpenVINO held to AVX2, where its sums stop at 32,767: asked in a process of its own."""
    pytest.importorskip("openvino")
    asked = "import openvino; from matcher.vision.openvino_session import sums_exactly; print(sums_exactly(openvino))"
    found = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["False"]
