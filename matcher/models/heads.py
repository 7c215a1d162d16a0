"""Joining the heads of a YuNet: of twelve published outputs come three maps, one for each stride.

For each of the strides 8, 16 and 32 YuNet publishes `cls` and `obj` (1, n, 1), `bbox` (1, n, 4) and `kps` (1, n, 10)
(Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector"; the outputs' names end in the stride). Each comes
from the features of its stride by a 1 x 1 convolution and a 3 x 3 one of every channel alone, then is transposed,
flattened and, of the first two, put through a sigmoid.

1. The four become one, with their weights behind one another: 16 channels in the order above. What the runtime does
   with one and four channels is slower than what it does with sixteen (256 px: 1.53 to 1.33 ms for the whole graph).
2. Transposing, flattening and the sigmoid go: a reader of the map needs them for the few places with a face
   (256 px: 1.68 to 1.53 ms).
3. Height and width of input and output are made free.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matcher.errors import BadInput

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

    from matcher.domain.template import Floats

STRIDES = (8, 16, 32)
MAPS = [f"map_{stride}" for stride in STRIDES]
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
_Head = tuple["NodeProto", "NodeProto"]
_Known = dict[str, "Floats"]


def join_heads(graph: "GraphProto") -> "list[NodeProto]":
    """The nodes with joined heads; weights, input and outputs are changed in place. Raises BadInput for another net."""
    from onnx import TensorProto, helper, numpy_helper

    names = sorted(value.name for value in graph.output)
    if names != sorted(f"{kind}_{stride}" for stride in STRIDES for kind in WIDTHS):
        raise BadInput(f"the detector is not a YuNet: its outputs are {', '.join(names)}")
    maker = {name: node for node in graph.node for name in node.output}
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    joined: list[NodeProto] = []
    for stride in STRIDES:
        heads = [_head(maker, known, kind, stride) for kind in WIDTHS]
        nodes, weights = _join(known, heads, stride)
        joined += nodes
        graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in weights.items())
    channels = sum(WIDTHS.values())
    del graph.output[:]
    for stride, name in zip(STRIDES, MAPS, strict=True):
        shape: list[int | str | None] = [1, channels, f"height/{stride}", f"width/{stride}"]
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    for side, name in zip(graph.input[0].type.tensor_type.shape.dim[2:], ("height", "width"), strict=True):
        side.dim_param = name
    return _needed([*graph.node, *joined], MAPS)


def published_outputs(maps: "Sequence[Floats]") -> "dict[str, Floats]":
    """The twelve outputs by name, from the three maps (1, 16, h, w)."""
    import numpy as np

    outputs = {}
    for stride, features in zip(STRIDES, maps, strict=True):
        rows = features.reshape(sum(WIDTHS.values()), -1).T[np.newaxis]
        ends = np.cumsum(list(WIDTHS.values()))
        for kind, part in zip(WIDTHS, np.split(rows, ends[:-1], axis=2), strict=True):
            values = 1 / (1 + np.exp(-part)) if kind in ("cls", "obj") else part
            outputs[f"{kind}_{stride}"] = np.asarray(values, np.float32)
    return outputs


def _head(maker: "dict[str, NodeProto]", known: _Known, kind: str, stride: int) -> _Head:
    """The two convolutions of one output; their strides and padding are left to `check_equal`."""
    output, width = f"{kind}_{stride}", WIDTHS[kind]
    second = maker.get(output)
    while second is not None and second.op_type in ("Sigmoid", "Reshape", "Transpose"):
        second = maker.get(second.input[0])
    first = maker.get(second.input[0]) if second is not None and second.input else None
    wide, narrow = _kernel(first, known), _kernel(second, known)
    if first is None or second is None or wide[:1] + wide[2:] != (width, 1, 1) or narrow != (width, 1, 3, 3):
        raise BadInput(f"the detector is not a YuNet: {output} does not come of the two convolutions that it has there")
    return first, second


def _kernel(node: "NodeProto | None", known: _Known) -> tuple[int, ...]:
    """The shape of a convolution's weights; nothing for another node, or one whose weights or bias are not stored."""
    if node is None or node.op_type != "Conv" or len(node.input) != 3 or not known.keys() >= {*node.input[1:]}:
        return ()
    return known[node.input[1]].shape


def _join(known: _Known, heads: "list[_Head]", stride: int) -> "tuple[_Head, _Known]":
    """One convolution for the first ones of all heads, one for the second ones, and their weights."""
    import numpy as np
    from onnx import helper

    if len({first.input[0] for first, _ in heads}) != 1:
        raise BadInput(f"the detector is not a YuNet: the outputs of stride {stride} come of different features")
    names = [[f"joint_{stride}_{step}.{what}" for what in ("weight", "bias")] for step in (1, 2)]
    weights = {
        names[step][at]: np.concatenate([known[head[step].input[at + 1]] for head in heads])
        for step in (0, 1)
        for at in (0, 1)
    }
    between, channels = f"joint_{stride}", sum(WIDTHS.values())
    first = helper.make_node("Conv", [heads[0][0].input[0], *names[0]], [between], kernel_shape=[1, 1])
    second = helper.make_node(
        "Conv", [between, *names[1]], [f"map_{stride}"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=channels
    )
    return (first, second), weights


def _needed(nodes: "list[NodeProto]", outputs: list[str]) -> "list[NodeProto]":
    """The nodes that the outputs come from, in order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]
