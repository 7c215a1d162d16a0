"""An embedder's published graph read as a chain: convolution, batch normalisation, PRelu; in the end one product.

1. Every node reads what the one before it made; another graph is refused (`rewrite.plain` has folded its constants).
2. A batch normalisation goes into the weights before it, or, where PRelu stands between, into the product behind it.
3. float64; element by element, or summed by `math.fsum`: the same bits on every processor, whatever its vectors.

`pre_activations` is the chain in floating point: what ranges are measured with and tests compare with.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matcher.errors import BadInput

if TYPE_CHECKING:
    from onnx import NodeProto

Reals = npt.NDArray[np.float64]
Factors = tuple[Reals, Reals]  # factor and shift of each channel


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A convolution with square kernel, the same on both axes, and the PRelu behind it.

    `weights` (outputs, inputs of a group, k, k), `bias` and `slopes` (outputs,); what lies outside counts as 0.
    """

    name: str
    weights: Reals
    bias: Reals
    slopes: Reals
    groups: int
    stride: int
    pad: int


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """x = (pixel - shift) * scale; the layers; then `weights` (d, channels x height x width) and `bias` (d,)."""

    side: int  # of the picture, in pixels
    shift: float
    scale: float
    layers: tuple[Layer, ...]
    weights: Reals
    bias: Reals


def read_chain(source: bytes) -> Chain:
    """The chain of a serialised graph without foldable constants. Raises BadInput naming the node that does not fit."""
    import onnx

    reader = _Reader(onnx.load_model_from_string(source))
    return reader.chain()


class _Reader:
    """Takes up one node after the other."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self._graph = model.graph
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self._shift, self._scale = 0.0, 1.0
        self._layers: list[Layer] = []
        self._between: Factors | None = None  # a normalisation behind the last PRelu
        self._open = False  # the last convolution has no PRelu yet
        self._product: tuple[Reals, Reals] | None = None

    def chain(self) -> Chain:
        last = self._graph.input[0].name
        for node in self._graph.node:
            if not node.input or node.input[0] != last or node.domain or node.op_type not in _TAKEN:
                raise _unfit(node)
            try:
                _TAKEN[node.op_type](self, node)
            except (KeyError, IndexError, ValueError):  # a weight that is no constant, or of another shape
                raise _unfit(node) from None
            last = node.output[0]
        if self._product is None or self._open or last != self._graph.output[0].name:
            raise BadInput("the model does not end in one product: it cannot be run in 8 bits")
        return Chain(_side(self._graph), self._shift, self._scale, tuple(self._layers), *self._product)

    def _subtract(self, node: "NodeProto") -> None:
        self._before_layers(node)
        self._shift = self._one(node) / self._scale + self._shift

    def _multiply(self, node: "NodeProto") -> None:
        self._before_layers(node)
        self._scale *= self._one(node)

    def _convolve(self, node: "NodeProto") -> None:
        given = _attributes(node)
        weights = self._reals(node.input[1])
        stride, pad = _same(given.get("strides", [1, 1])), _same(given.get("pads", [0] * 4))
        _same(given.get("dilations", [1])), _same(weights.shape[2:])
        if self._open or self._between or self._product or max(given.get("dilations", [1])) != 1:
            raise _unfit(node)
        bias = self._reals(node.input[2]) if len(node.input) > 2 else np.zeros(len(weights))
        self._layers.append(Layer(node.output[0], weights, bias, np.zeros(0), int(given.get("group", 1)), stride, pad))
        self._open = True

    def _normalise(self, node: "NodeProto") -> None:
        gain, shift, mean, variance = (self._reals(name) for name in node.input[1:])
        # epsilon is float32 in the file; its default is written out here
        factor = gain / np.sqrt(variance + _attributes(node).get("epsilon", float(np.float32(1e-5))))
        shift = shift - mean * factor
        if self._product is not None:
            weights, bias = self._product
            self._product = weights * factor[:, np.newaxis], bias * factor + shift
        elif self._open:
            layer = self._layers[-1]
            self._layers[-1] = replace(
                layer, weights=layer.weights * factor[:, None, None, None], bias=layer.bias * factor + shift
            )
        elif self._layers and self._between is None:
            self._between = factor, shift
        else:
            raise _unfit(node)

    def _activate(self, node: "NodeProto") -> None:
        slopes = self._reals(node.input[1])
        if not self._open or slopes.shape != (len(self._layers[-1].weights), 1, 1):
            raise _unfit(node)
        self._layers[-1] = replace(self._layers[-1], slopes=slopes.reshape(-1))
        self._open = False

    def _flatten(self, node: "NodeProto") -> None:
        if _attributes(node).get("axis", 1) != 1:
            raise _unfit(node)

    def _pass(self, node: "NodeProto") -> None:
        """Dropout does nothing when a model is run."""

    def _multiply_out(self, node: "NodeProto") -> None:
        given = _attributes(node)
        weights, bias = self._reals(node.input[1]), self._reals(node.input[2])
        plain = given.get("alpha", 1.0) == 1.0 and given.get("beta", 1.0) == 1.0 and not given.get("transA", 0)
        if self._open or self._product is not None or not plain:
            raise _unfit(node)
        weights = weights if given.get("transB", 0) else weights.T
        if self._between is not None:
            places = weights.shape[1] // len(self._between[0])
            factor, shift = (np.repeat(values, places) for values in self._between)
            bias = bias + [math.fsum(row) for row in (weights * shift).tolist()]
            weights = weights * factor
        self._product = weights, bias

    def _before_layers(self, node: "NodeProto") -> None:
        if self._layers:
            raise _unfit(node)

    def _one(self, node: "NodeProto") -> float:
        return float(self._reals(node.input[1]).item())

    def _reals(self, name: str) -> Reals:
        return np.asarray(self._constants[name], np.float64)


_TAKEN = {
    "Sub": _Reader._subtract,
    "Mul": _Reader._multiply,
    "Conv": _Reader._convolve,
    "BatchNormalization": _Reader._normalise,
    "PRelu": _Reader._activate,
    "Dropout": _Reader._pass,
    "Flatten": _Reader._flatten,
    "Gemm": _Reader._multiply_out,
}


def pre_activations(chain: Chain, pixels: Reals) -> Iterator[Reals]:
    """What each layer gives before its PRelu, (channels, height, width); at last the embedding (d,).

    `pixels` (3, height, width), 0..255.
    """
    x = (pixels - chain.shift) * chain.scale
    for layer in chain.layers:
        x = _convolved(layer, x)
        yield x
        x = np.where(x < 0, layer.slopes[:, None, None] * x, x)
    yield chain.weights @ x.reshape(-1) + chain.bias


def _convolved(layer: Layer, x: Reals) -> Reals:
    side, step = layer.weights.shape[-1], layer.stride
    padded = np.pad(x, ((0, 0), (layer.pad, layer.pad), (layer.pad, layer.pad)))
    height, width = ((size - side) // step + 1 for size in padded.shape[1:])
    total = np.zeros((len(layer.weights), height, width))
    for row, column in np.ndindex(side, side):
        part = padded[:, row : row + step * height : step, column : column + step * width : step]
        weights = layer.weights[:, :, row, column]
        if weights.shape[1] == 1:  # each channel by itself
            total += weights[:, :, np.newaxis] * part
        else:
            total += (weights @ part.reshape(len(part), -1)).reshape(total.shape)
    return total + layer.bias[:, None, None]


def _side(graph: Any) -> int:
    dims = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]
    if len(dims) != 4 or dims[1] != 3 or dims[2] != dims[3]:
        raise BadInput("the model does not take square pictures of three colours: it cannot be run in 8 bits")
    return int(dims[2])


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _same(values: Any) -> int:
    if len(set(values)) != 1:
        raise ValueError(values)
    return int(values[0])


def _unfit(node: "NodeProto") -> BadInput:
    return BadInput(f"{node.op_type} {node.output[0]} does not fit: this model cannot be run in 8 bits")
