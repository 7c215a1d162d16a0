"""Running the embedder with OpenVINO; the only file that imports it.

1. Each face goes through alone, on one thread, as with onnxruntime; several faces run side by side, one on each stream.
2. The precision is asked for and read back: OpenVINO's own default is bfloat16 where the processor has it: templates
   would then depend on the machine. In 8 bits that of every convolution is read back, and the sums have to be exact
   (`exactness.py`).
3. Of the ways that it has to run a convolution in 8 bits, OpenVINO takes the slowest for these (brgconv: 6.7 ms a face
   instead of 4.6, with the same bits), because PRelu is fused. An order of preference can be given for each node, in
   an attribute that a graph in OpenVINO's own form may carry: read from a graph of one such node it can be set on
   others. A way that a processor lacks is passed over, so it decides on nothing but the time.
"""

import threading
from functools import partial
from typing import Any

import numpy as np

from matcher.domain.model_input import EmbedderInput
from matcher.domain.provider import Provider
from matcher.domain.template import Floats
from matcher.errors import BadInput, UsageError
from matcher.vision import exactness
from matcher.vision.feeding import SFACE, embedded_one_by_one
from matcher.vision.pixels import Pixels

# Of 8-bit graphs it is the precision of what is not in 8 bits.
_PRECISION = {Provider.OPENVINO: "f32", Provider.OPENVINO_BF16: "bf16", Provider.OPENVINO_INT8: "f32"}
_BYTES = frozenset({"i8", "u8"})
_CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution"})
_PREFERRED = """<net name="preferred" version="11"><layers>
<layer id="0" name="in" type="Parameter" version="opset1"><data shape="1" element_type="f32"/><rt_info>
<attribute name="primitives_priority" version="0" value="cpu:jit_avx512_1x1,cpu:jit_avx512_dw,cpu:jit_avx512"/>
</rt_info><output><port id="0" precision="FP32"><dim>1</dim></port></output></layer>
<layer id="1" name="out" type="Result" version="opset1"><input><port id="0" precision="FP32"><dim>1</dim></port></input>
</layer></layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"""


class OpenVinoEmbedder:
    """An embedding model in memory; `embed` may be called from several threads at once."""

    def __init__(self, weights: bytes, dim: int, provider: Provider, threads: int, fed: EmbedderInput = SFACE) -> None:
        try:
            import openvino
        except ImportError:
            raise UsageError(
                f"provider {provider} needs OpenVINO: pip install 'watchlist-matcher[openvino]', or leave it out"
            ) from None
        if provider is Provider.OPENVINO_INT8 and not sums_exactly(openvino):
            raise UsageError("the sums of 8-bit products are not exact on this processor: use provider openvino")
        self._model: Any = _compiled(openvino, weights, (provider, threads), list(fed.shape))
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
        # Shared: the face is not copied in, and the row, which the next face overwrites, is copied out by the caller.
        run = partial(request.infer, share_inputs=True, share_outputs=True)
        return embedded_one_by_one(aligned, self._dim, lambda face: run({0: face})[0], self._fed)


def sums_exactly(openvino: Any) -> bool:
    """Whether OpenVINO answers the question of `exactness.py` rightly on this processor."""
    asked = exactness.inputs()["x"].astype("float32")
    model = _compiled(openvino, exactness.question_in_conversions(), (Provider.OPENVINO_INT8, 1), list(asked.shape))
    return exactness.right_in_conversions(model({0: asked})[0])


def _compiled(openvino: Any, weights: bytes, how: tuple[Provider, int], shape: list[int]) -> Any:
    provider, threads = how
    core = openvino.Core()
    properties = {
        "INFERENCE_PRECISION_HINT": _PRECISION[provider],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,  # as many as threads: each stream has one
        "ENABLE_CPU_PINNING": False,
    }
    try:
        model = core.read_model(weights)
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise BadInput("the embedder must have one input and one output")
        model.reshape(shape)
        if provider is Provider.OPENVINO_INT8:
            _prefer(openvino, core, model)
        compiled = core.compile_model(model, "CPU", properties)
    except RuntimeError as error:
        raise BadInput(f"the embedder cannot be loaded: {str(error).splitlines()[0]}") from None
    if provider is Provider.OPENVINO_INT8:
        _require_bytes(compiled)
    return compiled


def _prefer(openvino: Any, core: Any, model: Any) -> None:
    """Rule 3."""
    carrier = core.read_model(_PREFERRED.encode(), openvino.Tensor(np.zeros(0, np.uint8)))
    ((key, order),) = carrier.get_parameters()[0].get_rt_info().items()
    for node in model.get_ops():
        if node.get_type_name() in _CONVOLUTIONS:
            node.set_rt_info(order, key)


def _require_bytes(compiled: Any) -> None:
    """Raises UsageError unless every convolution takes bytes."""
    told = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    used = {_word(info, "runtimePrecision") for info in told if _word(info, "layerType") in _CONVOLUTIONS}
    if not used or not used <= _BYTES:
        raise UsageError(
            f"provider {Provider.OPENVINO_INT8} computes convolutions in {', '.join(sorted(used - _BYTES))} on this "
            "processor: use provider openvino"
        )


def _word(info: Any, name: str) -> str:
    return str(info[name].astype(str))
