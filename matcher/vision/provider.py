"""The embedder by the provider that was asked for."""

from typing import Protocol

from matcher.domain.provider import Provider
from matcher.domain.template import Floats
from matcher.vision.openvino_session import OpenVinoEmbedder
from matcher.vision.pixels import Pixels
from matcher.vision.session import Embedder, open_eight_bit


class Embedding(Protocol):
    """What turns aligned faces into raw embeddings, from several threads at once."""

    def embed(self, aligned: Pixels) -> Floats:
        """Raw embeddings float32 (n, d) of aligned faces uint8 (n, 112, 112, 3), blue green red."""


def open_embedder(weights: bytes, dim: int, provider: Provider, threads: int) -> Embedding:
    """Raises BadInput for a model that cannot be run, UsageError for a provider that is not there."""
    if provider is Provider.ONNXRUNTIME:
        return Embedder(weights, dim)
    if provider is Provider.ONNXRUNTIME_INT8:
        return open_eight_bit(weights, dim)
    return OpenVinoEmbedder(weights, dim, provider, threads)
