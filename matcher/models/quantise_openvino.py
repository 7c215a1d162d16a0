"""An embedder in 8-bit integers as OpenVINO reads it: what `openvino-int8` runs, of the same weights and table.

1. Steps, weights and pixels are those of `quantise.py` (rules 1, 2 and 4). The graph is written in floating point with
   a conversion to bytes and back (QuantizeLinear, DequantizeLinear) around what is to be computed in bytes; OpenVINO
   finds that, and computes a convolution, its bias, PRelu and the next conversion in one go.
2. So PRelu takes the sum before it is rounded (`quantise.py` rounds twice), and no channel changes its sign.
3. The last product is a convolution as large as the picture that it reads, for which OpenVINO takes less time.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from matcher.errors import BadInput
from matcher.models.chain import Chain, Layer, Reals
from matcher.models.quantise import chain_of, rest_of_shift, steps_of, whole_weights, zero_pixel

OPENVINO_GRAPH_VERSION: Final = "1"  # part of the identity of templates: another graph is another version


def quantise_for_openvino(published: bytes, largest: Mapping[str, Reals]) -> bytes:
    """The graph, as serialised ONNX (opset 13) of one face; arguments and errors are those of `quantise`."""
    chain = chain_of(published, largest)
    graph = _Graph(chain)
    for layer in chain.layers:
        graph.add_layer(layer, steps_of(layer, largest[layer.name]))
    graph.add_product()
    return graph.encode()


class _Graph:
    """The graph as far as it has grown."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []
        self._constant("one", np.float32(1))
        self._constant("zero", np.int8(0))
        self._constant("pixel_zero", np.uint8(zero_pixel(chain)))
        self._constant("shift", np.float32(zero_pixel(chain)))
        self._node("Sub", ["data", "shift"], "shifted")
        self._last = self._through_bytes("shifted", "pixels", "pixel_zero")
        self._steps: Reals = np.full(chain.layers[0].weights.shape[1], chain.scale)

    def add_layer(self, layer: Layer, steps: Reals) -> None:
        """A convolution, its PRelu, and the conversion to steps of its own."""
        first = layer is self._chain.layers[0]
        bias = layer.bias + rest_of_shift(self._chain) if first else layer.bias
        by_input = self._steps if layer.groups == 1 else self._steps[:, np.newaxis]
        weights = layer.weights * by_input[..., np.newaxis, np.newaxis] / steps[:, None, None, None]
        given = {"group": layer.groups, "strides": [layer.stride] * 2, "pads": [layer.pad] * 4}
        self._convolve(layer.name, weights, bias / steps, given)
        self._constant(f"{layer.name}/slopes", layer.slopes.astype(np.float32).reshape(-1, 1, 1))
        self._node("PRelu", [layer.name, f"{layer.name}/slopes"], f"{layer.name}/active")
        self._last = self._through_bytes(f"{layer.name}/active", f"{layer.name}/stored")
        self._steps = steps

    def add_product(self) -> None:
        """Rule 3."""
        dim, channels = len(self._chain.bias), len(self._steps)
        side = math.isqrt(self._chain.weights.shape[1] // channels)
        if channels * side * side != self._chain.weights.shape[1]:
            raise BadInput("the model's last product does not read a square picture: it cannot be run in 8 bits")
        weights = self._chain.weights.reshape(dim, channels, side, side) * self._steps[:, np.newaxis, np.newaxis]
        self._convolve("product", weights, self._chain.bias, {})
        self._node("Flatten", ["product"], "embedding")

    def encode(self) -> bytes:
        """The whole as a checked model."""
        import onnx
        from onnx import TensorProto, helper

        side, dim = self._chain.side, len(self._chain.bias)
        taken = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, side, side])
        given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, dim])
        graph = helper.make_graph(self._nodes, "int8-openvino", [taken], [given], self._tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _convolve(self, name: str, weights: Reals, bias: Reals, given: dict[str, Any]) -> None:
        steps, whole = whole_weights(weights, bias)
        self._constant(f"{name}/whole", whole)
        self._constant(f"{name}/steps", steps)
        self._constant(f"{name}/zeros", np.zeros(len(whole), np.int8))
        self._constant(f"{name}/bias", bias.astype(np.float32))
        parts = [f"{name}/{part}" for part in ("whole", "steps", "zeros")]
        self._node("DequantizeLinear", parts, f"{name}/weights", axis=0)
        taken = [self._last, f"{name}/weights", f"{name}/bias"]
        self._node("Conv", taken, name, kernel_shape=list(whole.shape[2:]), **given)

    def _through_bytes(self, name: str, stored: str, zero: str = "zero") -> str:
        self._node("QuantizeLinear", [name, "one", zero], stored)
        self._node("DequantizeLinear", [stored, "one", zero], f"{stored}/read")
        return f"{stored}/read"

    def _node(self, kind: str, taken: list[str], given: str, **attributes: Any) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, taken, [given], **attributes))

    def _constant(self, name: str, value: Any) -> None:
        from onnx import numpy_helper

        self._tensors.append(numpy_helper.from_array(np.asarray(value), name))
