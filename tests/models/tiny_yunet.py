"""A detector with the outputs of a YuNet and next to nothing before them."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
FEATURES = 6


def tiny_yunet(seed: int = 0) -> onnx.ModelProto:
    """Features by one convolution and two poolings; heads of two convolutions each."""
    random = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}

    def convolution(x: str, y: str, shape: tuple[int, ...], **attributes: object) -> onnx.NodeProto:
        weights[f"{y}.weight"] = (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        weights[f"{y}.bias"] = random.normal(size=shape[0]).astype(np.float32)
        return helper.make_node("Conv", [x, f"{y}.weight", f"{y}.bias"], [y], **attributes)

    def head(kind: str, stride: int) -> Iterator[onnx.NodeProto]:
        width, name = WIDTHS[kind], f"{kind}_{stride}"
        weights[f"{name}.shape"] = np.array([1, -1, width], np.int64)
        flat = f"{name}.flat" if width == 1 else name
        yield convolution(f"features_{stride}", f"{name}.first", (width, FEATURES, 1, 1))
        yield convolution(f"{name}.first", f"{name}.second", (width, 1, 3, 3), pads=[1, 1, 1, 1], group=width)
        yield helper.make_node("Transpose", [f"{name}.second"], [f"{name}.turned"], perm=[0, 2, 3, 1])
        yield helper.make_node("Reshape", [f"{name}.turned", f"{name}.shape"], [flat])
        if width == 1:
            yield helper.make_node("Sigmoid", [flat], [name])

    nodes = [
        helper.make_node("Mul", ["input", "scale"], ["scaled"]),
        convolution("scaled", "features_8", (FEATURES, 3, 8, 8), strides=[8, 8]),
    ]
    weights["scale"] = np.float32(1 / 128)
    for stride in (16, 32):
        pooled = [f"features_{stride // 2}"], [f"features_{stride}"]
        nodes.append(helper.make_node("MaxPool", *pooled, kernel_shape=[2, 2], strides=[2, 2]))
    outputs = []
    for kind, width in WIDTHS.items():
        for stride in (8, 16, 32):
            nodes += head(kind, stride)
            shape = [1, (640 // stride) ** 2, width]
            outputs.append(helper.make_tensor_value_info(f"{kind}_{stride}", TensorProto.FLOAT, shape))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])],
        outputs,
        initializer=[numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
