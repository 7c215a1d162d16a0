"""Running the embedder with OpenVINO; the only file that imports it.

1. Each face goes through alone, on one thread, as with onnxruntime; several faces run side by side, one on each stream.
2. The precision is asked for and read back: OpenVINO's own default is bfloat16 where the processor has it: templates
   would then depend on the machine.
"""

import threading
from typing import Any

from matcher.domain.model_input import EmbedderInput
from matcher.domain.provider import Provider
from matcher.domain.template import Floats
from matcher.errors import BadInput, UsageError
from matcher.vision.feeding import SFACE, embedded_one_by_one
from matcher.vision.pixels import Pixels

_PRECISION = {Provider.OPENVINO: "f32", Provider.OPENVINO_BF16: "bf16"}


class OpenVinoEmbedder:
    """An embedding model in memory; `embed` may be called from several threads at once."""

    def __init__(self, weights: bytes, dim: int, provider: Provider, threads: int, fed: EmbedderInput = SFACE) -> None:
        try:
            import openvino
        except ImportError:
            raise UsageError(
                f"provider {provider} needs OpenVINO: pip install 'watchlist-matcher[openvino]', or leave it out"
            ) from None
        self._model: Any = _compiled(openvino, weights, (_PRECISION[provider], threads), fed)
        self._fed = fed
        self._own = threading.local()
        self._dim = dim
        if tuple(self._model.output(0).shape) != (1, dim):
            raise BadInput(f"the embedder gives {self._model.output(0).shape}, its manifest says {dim}")
        if (used := str(self._model.get_property("INFERENCE_PRECISION_HINT").to_string())) != _PRECISION[provider]:
            raise UsageError(f"provider {provider} computes in {used} on this processor: use provider openvino")

    def embed(self, aligned: Pixels) -> Floats:
        """As `session.Embedder.embed`."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._model.create_infer_request()
        return embedded_one_by_one(aligned, self._dim, lambda face: request.infer({0: face})[0], self._fed)


def _compiled(openvino: Any, weights: bytes, how: tuple[str, int], fed: EmbedderInput) -> Any:
    precision, threads = how
    core = openvino.Core()
    properties = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,  # as many as threads: each stream has one
        "ENABLE_CPU_PINNING": False,
    }
    try:
        model = core.read_model(weights)
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise BadInput("the embedder must have one input and one output")
        model.reshape(list(fed.shape))
        return core.compile_model(model, "CPU", properties)
    except RuntimeError as error:
        raise BadInput(f"the embedder cannot be loaded: {str(error).splitlines()[0]}") from None
