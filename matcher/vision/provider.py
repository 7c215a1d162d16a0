"""The embedder by the provider that was asked for."""

from typing import Protocol

from matcher.domain.model_input import EmbedderInput
from matcher.domain.provider import Provider
from matcher.domain.template import Floats
from matcher.vision.feeding import SFACE
from matcher.vision.openvino_session import OpenVinoEmbedder
from matcher.vision.pixels import Pixels
from matcher.vision.session import Embedder


class Embedding(Protocol):
    """What turns aligned faces into raw embeddings, from several threads at once."""

    def embed(self, aligned: Pixels) -> Floats:
        """Raw embeddings float32 (n, d) of aligned faces uint8 (n, height, width, 3), blue green red."""


def open_embedder(weights: bytes, dim: int, provider: Provider, threads: int, fed: EmbedderInput = SFACE) -> Embedding:
    """Raises BadInput for a model that cannot be run, UsageError for a provider that is not there."""
    if provider in (Provider.ONNXRUNTIME, Provider.ONNXRUNTIME_INT8, Provider.CUDA):
        return Embedder(weights, dim, fed, provider)
    return OpenVinoEmbedder(weights, dim, provider, threads, fed)
