"""The embedder by other providers: refused where absent; equal to onnxruntime's within rounding where present."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.provider import Provider, provider_of, provider_words
from matcher.errors import BadInput, UsageError
from matcher.models.catalogue import default
from matcher.models.verify import verify
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline, open_pipeline
from matcher.vision.provider import open_embedder
from matcher.vision.session import CUDA, execution, onnxruntime, open_session, session_options
from tests.models.tiny_embedder import tiny_embedder


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


@pytest.mark.parametrize("provider", [Provider.OPENVINO, Provider.OPENVINO_BF16, Provider.OPENVINO_INT8])
def test_a_provider_that_is_not_installed_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "openvino":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=rf"{provider} needs OpenVINO: pip install 'watchlist-matcher\[openvino\]'"):
        open_embedder(tiny_embedder(), 128, provider, 1)


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


def without_cuda() -> bool:
    return CUDA not in onnxruntime.get_available_providers()


@pytest.mark.skipif(not without_cuda(), reason="this build of onnxruntime has CUDA")
def test_cuda_that_is_not_there_is_refused_with_what_to_do(models_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"onnxruntime-cuda needs a build of onnxruntime with CUDA.*onnxruntime-gpu"):
        opened(models_folder, Provider.CUDA, 1)


@pytest.mark.skipif(not without_cuda(), reason="this build of onnxruntime has CUDA")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_card_that_does_not_start_is_refused_and_the_processor_does_not_stand_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The build's word is not enough: here it says CUDA, and only the processor starts, as without a driver."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])
    with pytest.raises(UsageError, match=r"does not run the whole embedder.*in silence"):
        open_session(tiny_embedder(), "embedder", Provider.CUDA)


@pytest.mark.skipif(not without_cuda(), reason="this build of onnxruntime has CUDA")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_what_runs_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the runtime's own check it starts on the processor and says nothing: then ours is left."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])
    monkeypatch.setattr("matcher.vision.session.session_options", lambda _: session_options(Provider.ONNXRUNTIME))
    with pytest.raises(UsageError, match="the runtime would use CPUExecutionProvider"):
        open_session(tiny_embedder(), "embedder", Provider.CUDA)


def test_cuda_computes_in_32_bits_by_fixed_algorithms_and_leaves_nothing_to_the_processor() -> None:
    ((name, chosen),) = execution(Provider.CUDA)
    assert (name, chosen["use_tf32"], chosen["cudnn_conv_algo_search"]) == (CUDA, "0", "DEFAULT")
    options = session_options(Provider.CUDA)
    assert options.use_deterministic_compute
    assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
    assert not session_options(Provider.ONNXRUNTIME).use_deterministic_compute
    assert execution(Provider.ONNXRUNTIME) == ["CPUExecutionProvider"]


@pytest.mark.skipif(without_cuda(), reason="no card: not run where this was written")
def test_cuda_differs_by_rounding_alone(pipeline: FacePipeline, models_folder: Path, pictures: list[Picture]) -> None:
    found = opened(models_folder, Provider.CUDA, 2)
    assert found.identity.rewrite == "r2+onnxruntime-cuda"
    ours = templates(found, pictures)
    assert np.array_equal(ours, templates(found, pictures))
    assert np.abs(ours - templates(pipeline, pictures)).max() < 1e-4


@pytest.mark.parametrize("provider", list(Provider))
def test_an_identity_tells_its_provider_and_says_it_in_words(provider: Provider) -> None:
    marked = provider.marked("r2")
    assert provider_of(marked) == provider.value
    assert provider_words(marked) == provider.words
    assert len({one.words for one in Provider}) == len(Provider)


def test_what_was_never_seen_and_what_is_not_known_are_said_as_they_are() -> None:
    assert "made elsewhere" in provider_words("unseen")
    assert provider_words("r9+of-another-release") == "of-another-release"
