"""A real ONNX embedder, small enough to be built by a test: fixed random convolutions, pooling, and a last matrix."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, DIM, CHANNELS = 96, 64, 24


def tiny_embedder(seed: int = 0, side: int | str = SIDE, dim: int = DIM, layout: str = "NCHW") -> bytes:
    """Takes faces of `side` x `side` px (a name leaves the sides open), gives `dim` numbers."""
    random = np.random.default_rng(seed)
    picture: list[int | str] = [1, 3, side, side] if layout == "NCHW" else [1, side, side, 3]
    tensors = {
        "first": random.normal(0, 0.2, (CHANNELS, 3, 5, 5)),
        "second": random.normal(0, 0.1, (CHANNELS, CHANNELS, 3, 3)),
        "last": random.normal(0, 0.1, (CHANNELS * 36, dim)),
    }
    taken = "data" if layout == "NCHW" else "turned"
    turning = [helper.make_node("Transpose", ["data"], ["turned"], perm=[0, 3, 1, 2])]
    nodes = [
        *(turning if layout == "NHWC" else []),
        helper.make_node("Conv", [taken, "first"], ["one"], strides=[4, 4], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("Conv", ["two", "second"], ["three"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("AveragePool", ["three"], ["four"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["four"], ["five"]),
        helper.make_node("MatMul", ["five", "last"], ["template"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, picture)],
        [helper.make_tensor_value_info("template", TensorProto.FLOAT, [1, dim])],
        initializer=[numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


def manifest_of(raw: bytes, model_id: str = "own", extra: str = "", dim: int = DIM, size: int = SIDE) -> str:
    """A manifest for such a file, `<id>.onnx`, red green blue from -1 to 1."""
    return (
        f'id = "{model_id}"\nkind = "embedder"\nfile = "{model_id}.onnx"\nbytes = {len(raw)}\n'
        f'sha256 = "{hashlib.sha256(raw).hexdigest()}"\nlicence = "Apache-2.0"\nsource = "this test"\ndim = {dim}\n'
        f"\n[input]\nsize = {size}\nmean = 127.5\nscale = 0.0078125\n{extra}"
    )


def lay(folder: Path, raw: bytes, **said: str) -> Path:
    """Manifest and file in a folder; returns the manifest."""
    page = manifest_of(raw, **said)
    (folder / f"{said.get('model_id', 'own')}.onnx").write_bytes(raw)
    path = folder / f"{said.get('model_id', 'own')}.toml"
    path.write_text(page)
    return path


def plain(raw: bytes, faces: np.ndarray) -> np.ndarray:
    """What `onnx`'s own evaluator makes of prepared faces."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(raw))
    return np.concatenate([evaluator.run(None, {"data": face[np.newaxis]})[0] for face in faces])
