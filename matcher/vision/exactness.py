"""A question to a runtime: whether its sums of 8-bit products are exact on this processor.

Older instructions (AVX2 and AVX-512 without VNNI) add pairs of such products in 16 bits and quietly stop at 32,767:
255 x 127 twice is 64,770. Templates would then depend on the processor (of SFace's raw embedding one component became
1.52 instead of 1.08). The processor is not asked what it is but what it computes: all pairs of this model are the
largest there can be, both ways. OpenVINO is asked in its own words, about the convolution alone.
"""

from typing import Any

import numpy as np

WIDTH = 64
PIXELS = 8
LARGEST, WEIGHT, ZERO = 255, 127, 128
_SIGNS = np.where(np.arange(WIDTH) % 2, -1, 1)
_SUM = WIDTH * (LARGEST - ZERO) * WEIGHT
_ANSWER = 100  # what the scale makes of a sum


def question() -> bytes:
    """A serialised ONNX model: a 1 x 1 convolution and a product, every second output negative."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.repeat(_SIGNS[:, np.newaxis] * WEIGHT, WIDTH, axis=1).astype(np.int8)
    constants = {
        "one": np.float32(1),
        "zero": np.uint8(ZERO),
        "scale": np.full(WIDTH, _ANSWER / _SUM, np.float32),
        "zeros": np.zeros(WIDTH, np.int8),
        "kernels": weights[:, :, np.newaxis, np.newaxis],
        "columns": np.ascontiguousarray(weights.T),
    }
    convolution = ["x", "one", "zero", "kernels", "scale", "zeros", "one", "zero"]
    nodes = [
        helper.make_node("QLinearConv", convolution, ["picture"], kernel_shape=[1, 1]),
        helper.make_node("MatMulInteger", ["row", "columns", "zero"], ["sums"]),
    ]
    graph = helper.make_graph(
        nodes,
        "exactness",
        [
            helper.make_tensor_value_info("x", TensorProto.UINT8, [1, WIDTH, PIXELS, PIXELS]),
            helper.make_tensor_value_info("row", TensorProto.UINT8, [1, WIDTH]),
        ],
        [
            helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, WIDTH, PIXELS, PIXELS]),
            helper.make_tensor_value_info("sums", TensorProto.INT32, [1, WIDTH]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def question_in_conversions() -> bytes:
    """The convolution as `models/quantise_openvino.py` writes them: floating point between conversions to bytes."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.repeat(_SIGNS[:, np.newaxis] * WEIGHT, WIDTH, axis=1).astype(np.int8)
    constants = {
        "one": np.float32(1),
        "zero": np.int8(0),
        "shift": np.float32(ZERO),
        "scale": np.full(WIDTH, _ANSWER / _SUM, np.float32),
        "zeros": np.zeros(WIDTH, np.int8),
        "kernels": weights[:, :, np.newaxis, np.newaxis],
    }
    nodes = [
        helper.make_node("Sub", ["x", "shift"], ["shifted"]),
        helper.make_node("QuantizeLinear", ["shifted", "one", "zero"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "one", "zero"], ["read"]),
        helper.make_node("DequantizeLinear", ["kernels", "scale", "zeros"], ["weights"], axis=0),
        helper.make_node("Conv", ["read", "weights"], ["sums"], kernel_shape=[1, 1]),
        helper.make_node("QuantizeLinear", ["sums", "one", "zero"], ["stored"]),
        helper.make_node("DequantizeLinear", ["stored", "one", "zero"], ["picture"]),
    ]
    shape = [1, WIDTH, PIXELS, PIXELS]
    graph = helper.make_graph(
        nodes,
        "exactness",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def inputs() -> dict[str, Any]:
    """What the question is asked about."""
    return {
        "x": np.full((1, WIDTH, PIXELS, PIXELS), LARGEST, np.uint8),
        "row": np.full((1, WIDTH), LARGEST, np.uint8),
    }


def right(picture: Any, sums: Any) -> bool:
    """Whether these are the exact answers."""
    each = (ZERO + _SIGNS * _ANSWER)[np.newaxis, :, np.newaxis, np.newaxis]
    return bool((picture == each).all() and (sums == _SIGNS * _SUM).all())


def right_in_conversions(picture: Any) -> bool:
    """Whether this is the exact answer to the question in conversions."""
    return bool((picture == (_SIGNS * _ANSWER)[np.newaxis, :, np.newaxis, np.newaxis]).all())
