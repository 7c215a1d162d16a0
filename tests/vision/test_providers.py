"""The embedder by other providers: refused where absent; equal to onnxruntime's within rounding where present."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider
from matcher.errors import BadInput, UsageError
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline, open_pipeline
from matcher.vision.provider import open_embedder


def opened(models_folder: Path, provider: Provider, threads: int) -> FacePipeline:
    detector, embedder = (verify(default(kind), models_folder) for kind in ("detector", "embedder"))
    return open_pipeline(detector, embedder, threads, provider)


def templates(pipeline: FacePipeline, pictures: list[Picture]) -> np.ndarray:
    faces = [result for _, result in pipeline.references(pictures, Quality())]
    assert all(isinstance(face, Face) for face in faces)
    return np.array([face.template for face in faces if isinstance(face, Face)])


@pytest.fixture(scope="module")
def pictures(demo: Path) -> list[Picture]:
    read = [read_picture_file(path) for path in sorted((demo / "list").glob("*.jpg"))[:8]]
    return [picture for picture in read if isinstance(picture, Picture)]


@pytest.mark.parametrize("provider", [Provider.OPENVINO, Provider.OPENVINO_BF16])
def test_a_provider_that_is_not_installed_is_refused_with_what_to_do(
    models_folder: Path, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "openvino":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=rf"{provider} needs OpenVINO: pip install 'watchlist-matcher\[openvino\]'"):
        opened(models_folder, provider, 1)


def test_openvino_differs_by_rounding_alone_and_not_with_threads(
    pipeline: FacePipeline, models_folder: Path, pictures: list[Picture]
) -> None:
    pytest.importorskip("openvino")
    one, two = (opened(models_folder, Provider.OPENVINO, threads) for threads in (1, 3))
    assert one.identity.rewrite == "r2+openvino"
    assert one.identity != pipeline.identity
    ours = templates(one, pictures)
    assert np.array_equal(ours, templates(two, pictures))
    assert np.array_equal(ours[::-1], templates(two, pictures[::-1]))
    assert np.abs(ours - templates(pipeline, pictures)).max() < 1e-5


def test_what_openvino_cannot_load_is_bad_input() -> None:
    pytest.importorskip("openvino")
    with pytest.raises(BadInput, match="embedder cannot be loaded"):
        open_embedder(b"junk", 128, Provider.OPENVINO, 1)
