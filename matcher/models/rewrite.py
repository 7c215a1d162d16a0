"""Rewriting an embedder's published graph into the one that is run; the weights stay the published ones.

What it does, in this order, and why:

1. External data is refused: a file beside the model would be read without a digest.
2. Graph inputs that nothing needs to feed go: the Zoo's int8bq files list 29 unused weights as inputs, and a weight
   that is also an input cannot be folded by the runtime.
3. What is computed from constants alone (weights stored as 8-bit blocks) is computed once, here: the runtime would do
   it at every call, with results whose last bits depend on the batch size.
4. PRelu, half the time of the whole graph, is spelled out (`activation.py`).
5. The first dimension of input and output is made free, so that several faces go through at once.

The same source bytes give the same result bytes (fixed order, deterministic serialisation, no clock, no names of ours
that depend on a run). `check_equal` holds both graphs to 1e-5 by the reference evaluator of `onnx`, on five pictures.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from matcher.errors import BadInput, IntegrityError
from matcher.models.activation import spell_out_prelu

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

    from matcher.domain.template import Floats

REWRITE_VERSION = "2"
TEST_PICTURES = 5
TOLERANCE = 1e-5  # of the largest component of the source graph's output


def rewrite(source: bytes) -> bytes:
    """The graph that is run, as serialised ONNX. Raises BadInput for what is not an ONNX model of one input."""
    model = _plain(source)
    graph = model.graph
    _replace_nodes(graph, spell_out_prelu(graph))
    _free_batch(graph)
    return bytes(model.SerializeToString(deterministic=True))


def plain(source: bytes) -> bytes:
    """The published graph after steps 1 to 3 alone, for programs that do not load it otherwise."""
    return bytes(_plain(source).SerializeToString(deterministic=True))


def check_equal(source: bytes, result: bytes, shape: tuple[int, ...] = ()) -> float:
    """The largest difference of both graphs on the test pictures, relative to the largest component of the output.

    `shape` is that of one picture as the graph takes it; needed where the graph leaves its sides open.

    Raises IntegrityError above 1e-5.
    """
    import numpy as np

    difference = 0.0
    for expected, actual in zip(_evaluate(source, shape), _evaluate(result, shape), strict=True):
        difference = max(difference, float(np.abs(expected - actual).max() / np.abs(expected).max()))
        if not difference <= TOLERANCE:
            raise IntegrityError(
                f"the rewritten graph differs from the published one by {difference:g}: it is not used"
            )
    return difference


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def _plain(source: bytes) -> "ModelProto":
    model = _parse(source)
    _drop_unfed_inputs(model.graph)
    if len(model.graph.input) != 1 or len(model.graph.output) != 1:
        raise BadInput("the model must have one input and one output")
    _fold_constants(model)
    return model


def _parse(source: bytes) -> "ModelProto":
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model_from_string(source)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise BadInput(f"not an ONNX model: {str(error).splitlines()[0]}") from None
    for tensor in _tensors(model.graph):
        if onnx.external_data_helper.uses_external_data(tensor):
            raise BadInput("the model keeps weights in another file: only self-contained ONNX files are taken")
    return model


def _tensors(graph: "GraphProto") -> Iterator["TensorProto"]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from (part for sparse in attribute.sparse_tensors for part in (sparse.values, sparse.indices))
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner) if inner.ByteSize() else ()


def _drop_unfed_inputs(graph: "GraphProto") -> None:
    known = {tensor.name for tensor in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    kept = [value for value in graph.input if value.name in used and value.name not in known]
    del graph.input[:]
    graph.input.extend(kept)


def _fold_constants(model: "ModelProto") -> None:
    from onnx import TypeProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    graph = model.graph
    constant = {tensor.name for tensor in graph.initializer}
    folded, live = [], []
    for node in graph.node:
        if all(name in constant for name in node.input) and not any(item.g.ByteSize() for item in node.attribute):
            folded.append(node)
            constant.update(node.output)
        else:
            live.append(node)
    needed = {name for node in live for name in node.input} | {value.name for value in graph.output}
    names = [name for node in folded for name in node.output if name in needed]
    if names:
        outputs = [helper.make_value_info(name, TypeProto()) for name in names]
        part = helper.make_graph(folded, "constants", [], outputs, initializer=graph.initializer)
        whole = helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
        values = ReferenceEvaluator(whole).run(None, {})
        for name, value in zip(names, values, strict=True):
            graph.initializer.append(numpy_helper.from_array(value, name))
    _replace_nodes(graph, live)


def _replace_nodes(graph: "GraphProto", nodes: "list[NodeProto]") -> None:
    used = {name for node in nodes for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)


def _free_batch(graph: "GraphProto") -> None:
    for value in (graph.input[0], graph.output[0]):
        if not value.type.tensor_type.shape.dim:
            raise BadInput("the model's input and output must have a shape, the first side of which counts pictures")
        first = value.type.tensor_type.shape.dim[0]
        first.Clear()
        first.dim_param = "n"


def _evaluate(raw: bytes, shape: tuple[int, ...]) -> "Iterator[Floats]":
    """What a graph makes of each test picture."""
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(raw)
    known = {tensor.name for tensor in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    fed = [value for value in model.graph.input if value.name not in known]
    evaluator = ReferenceEvaluator(model)
    shapes = {value.name: _sides(value, shape if value.name in used else ()) for value in fed}
    for number in range(TEST_PICTURES):
        feeds = {
            name: _test_picture(number, sides) if name in used else np.zeros(sides, np.float32)
            for name, sides in shapes.items()
        }
        try:
            (output,) = evaluator.run(None, feeds)
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadInput(f"the model cannot be evaluated: {str(error).splitlines()[0]}") from None
        yield np.asarray(output, np.float32)


def _sides(value: "ValueInfoProto", picture: tuple[int, ...]) -> list[int]:
    """The sizes of a fed value: the graph's own, for sides that it leaves open those of a picture, else 1."""
    dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    filling = picture if len(picture) == len(dims) else (1,) * len(dims)
    return [own if own > 0 else other for own, other in zip(dims, filling, strict=True)]


def _test_picture(number: int, shape: list[int]) -> "Floats":
    """Noise; grey; white; a ramp; coarse patches: what drives channels to either side of zero.

    Not black: no face is, and there the rounding of the published graph itself is near the tolerance (7e-6).
    """
    import numpy as np

    random, size = np.random.default_rng(1), int(np.prod(shape))
    if number == 0:
        return random.integers(0, 256, shape).astype(np.float32)
    if number in (1, 2):
        return np.full(shape, 127.5 * number, np.float32)
    if number == 3:
        return np.linspace(0, 255, size, dtype=np.float32).reshape(shape)
    patches = random.integers(0, 256, -(-size // 16)).astype(np.float32)
    return np.repeat(patches, 16)[:size].reshape(shape)
