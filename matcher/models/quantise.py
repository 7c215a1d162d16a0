"""An embedder in 8-bit integers: what `onnxruntime-int8` runs, made of the published weights and a table of ranges.

1. A value of channel c is stored as an integer n, 0..255, and stands for (n - 128) * step[c]. The steps come from a
   table of the largest magnitudes seen (`ranges.py`), are put into weights and biases, and so every tensor of the graph
   has scale 1: each channel has its own step at the price of one.
2. Weights are -127..127 with a step for each output channel. Sums are exact in 32 bits.
3. PRelu(x) with slope s is the larger of x and s x where s <= 1, and both are 8-bit: a 1 x 1 convolution of each
   channel by itself, and `Max`. Where s > 1 the channel is stored with the other sign, for which the same holds.
4. Pixels are exact; what lies outside a picture counts as pixel 128.
5. The last product is summed exactly and becomes float32 at the end.

The same bytes and table give the same result bytes on every processor (`chain.py`, and element by element here). What
the runtime makes of them is a matter of integers and single roundings, so templates do not depend on the processor
either, if 8-bit sums are exact in it: `vision/session.py` makes sure.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from matcher.errors import BadInput
from matcher.models.chain import Chain, Layer, Reals, read_chain
from matcher.models.rewrite import plain

QUANTISE_VERSION: Final = "1"  # part of the identity of templates: another graph is another version
ZERO = 128
MOST = 127
LARGEST_BIAS = 2.0**30  # half of int32: the sum of products must find room beside it
LEAST_SHARE = 1e-3  # of a layer's largest magnitude: a channel that never moved still has a step


def quantise(published: bytes, largest: Mapping[str, Reals]) -> bytes:
    """The graph, as serialised ONNX (opset 13, operators of the standard alone).

    `largest` holds for each convolution, by the name of its output, the largest magnitude of each channel. Raises
    BadInput for a model that is no chain (`chain.py`) or a table that is not of it.
    """
    chain = chain_of(published, largest)
    graph = _Graph(chain)
    for layer in chain.layers:
        graph.add_layer(layer, steps_of(layer, largest[layer.name]))
    graph.add_product()
    return graph.encode()


def chain_of(published: bytes, largest: Mapping[str, Reals]) -> Chain:
    """The chain of a published model. Raises BadInput where the table is not of it."""
    chain = read_chain(plain(published))
    if list(largest) != [layer.name for layer in chain.layers]:
        raise BadInput("the table of ranges names other layers than the model has")
    return chain


def steps_of(layer: Layer, largest: Reals) -> Reals:
    """Rule 1: the step of each channel. Raises BadInput for a table of another model."""
    if largest.shape != layer.bias.shape or not largest.max() > 0:
        raise BadInput(f"the table of ranges has no magnitudes for the channels of {layer.name}")
    steps: Reals = np.maximum(largest, largest.max() * LEAST_SHARE) / MOST
    return steps


class _Graph:
    """The graph as far as it has grown."""

    def __init__(self, chain: Chain) -> None:
        from onnx import helper

        self._chain = chain
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []
        self._zero = zero_pixel(chain)
        for name, value in (("one", np.float32(1)), ("none", np.uint8(0)), ("pixel_zero", np.uint8(self._zero))):
            self._constant(name, value)
        self._constant("zero", np.uint8(ZERO))
        self._nodes.append(helper.make_node("QuantizeLinear", ["data", "one", "none"], ["pixels"]))
        self._last, self._last_zero = "pixels", "pixel_zero"
        self._last_steps: Reals = np.full(chain.layers[0].weights.shape[1], chain.scale)

    def add_layer(self, layer: Layer, steps: Reals) -> None:
        """Rule 3: two convolutions and the larger of both."""
        from onnx import helper

        sign = np.where(layer.slopes > 1, -1.0, 1.0)
        by_input = self._last_steps if layer.groups == 1 else self._last_steps[:, np.newaxis]
        weights = layer.weights * (by_input[..., np.newaxis, np.newaxis])
        bias = layer.bias if self._last != "pixels" else layer.bias + rest_of_shift(self._chain)
        out = sign / steps
        self._convolve(layer, layer.name, weights * out[:, None, None, None], bias * out)
        self._last, self._last_zero = layer.name, "zero"
        each = Layer(layer.name, layer.slopes.reshape(-1, 1, 1, 1), bias, layer.slopes, len(bias), 1, 0)
        self._convolve(each, f"{layer.name}/sloped", each.weights, np.zeros(len(bias)))
        self._last = f"{layer.name}/larger"
        self._nodes.append(helper.make_node("Max", [layer.name, f"{layer.name}/sloped"], [self._last]))
        self._last_steps = steps * sign

    def add_product(self) -> None:
        """Rule 5."""
        from onnx import TensorProto, helper

        places = self._chain.weights.shape[1] // len(self._last_steps)
        weights = self._chain.weights * np.repeat(self._last_steps, places)
        steps, whole = whole_weights(weights, np.zeros(len(weights)))
        self._constant("product/weights", np.ascontiguousarray(whole.T))
        self._constant("product/steps", steps)
        self._constant("product/bias", self._chain.bias.astype(np.float32))
        self._nodes += [
            helper.make_node("Flatten", [self._last], ["flat"]),
            helper.make_node("MatMulInteger", ["flat", "product/weights", "zero"], ["sums"]),
            helper.make_node("Cast", ["sums"], ["reals"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["reals", "product/steps"], ["scaled"]),
            helper.make_node("Add", ["scaled", "product/bias"], ["embedding"]),
        ]

    def encode(self) -> bytes:
        """The whole as a checked model."""
        import onnx
        from onnx import TensorProto, helper

        side, dim = self._chain.side, len(self._chain.bias)
        taken = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, side, side])
        given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim])
        graph = helper.make_graph(self._nodes, "int8", [taken], [given], self._tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _convolve(self, layer: Layer, name: str, weights: Reals, bias: Reals) -> None:
        from onnx import helper

        steps, whole = whole_weights(weights, bias)
        self._constant(f"{name}/weights", whole)
        self._constant(f"{name}/steps", steps)
        self._constant(f"{name}/zeros", np.zeros(len(whole), np.int8))
        self._constant(f"{name}/bias", np.rint(bias / steps).astype(np.int32))
        parts = [f"{name}/{part}" for part in ("weights", "steps", "zeros")]
        self._nodes.append(
            helper.make_node(
                "QLinearConv",
                [self._last, "one", self._last_zero, *parts, "one", "zero", f"{name}/bias"],
                [name],
                group=layer.groups,
                strides=[layer.stride] * 2,
                pads=[layer.pad] * 4,
                kernel_shape=list(whole.shape[2:]),
            )
        )

    def _constant(self, name: str, value: Any) -> None:
        from onnx import numpy_helper

        self._tensors.append(numpy_helper.from_array(np.asarray(value), name))


def zero_pixel(chain: Chain) -> int:
    """The pixel that stands for 0 in a grid of whole pixels. Raises BadInput where there is none."""
    zero = round(chain.shift)
    if not 0 <= zero <= 255:
        raise BadInput(f"the model takes {chain.shift:g} from its pixels: it cannot be run in 8 bits")
    return zero


def rest_of_shift(chain: Chain) -> Reals:
    """What a shift that is no whole pixel leaves to the first layer's bias."""
    weights = chain.layers[0].weights
    sums: Reals = np.array([math.fsum(row) for row in weights.reshape(len(weights), -1).tolist()])
    return (zero_pixel(chain) - chain.shift) * chain.scale * sums


def whole_weights(weights: Reals, bias: Reals) -> tuple[Any, Any]:
    """Rule 2: float32 steps (outputs,) and int8 weights of the same shape; a bias of so many steps is within int32."""
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    steps = np.maximum(largest / MOST, np.abs(bias) / LARGEST_BIAS)
    steps = np.maximum(steps, np.finfo(np.float32).tiny).astype(np.float32)
    of_row = steps.astype(np.float64).reshape(-1, *[1] * (weights.ndim - 1))
    return steps, np.rint(weights / of_row).clip(-MOST, MOST).astype(np.int8)
