"""Rewriting a model's published graph into the one that is run; the weights stay the published ones.

What it does, in this order, and why:

1. External data is refused: a file beside the model would be read without a digest.
2. Graph inputs that nothing needs to feed go: the Zoo's int8bq files list 29 unused weights as inputs, and a weight
   that is also an input cannot be folded by the runtime.
3. What is computed from constants alone (weights stored as 8-bit blocks) is computed once, here: the runtime would do
   it at every call, with results whose last bits depend on the batch size.
4. Of an embedder, PRelu, half the time of the whole graph, is spelled out (`activation.py`), and the first dimension
   of input and output is made free, so that several faces go through at once.
5. Of a detector, the heads are joined, and height and width are made free (`heads.py`).

The same source bytes give the same result bytes (fixed order, deterministic serialisation, no clock, no names of ours
that depend on a run). `check_equal` holds both graphs to 1e-5 by the reference evaluator of `onnx`, on five pictures.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from matcher.domain.model_manifest import Kind
from matcher.errors import BadInput, IntegrityError
from matcher.models.activation import spell_out_prelu
from matcher.models.heads import MAPS, join_heads, published_outputs

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

    from matcher.domain.template import Floats

# What an installation holds is made anew when its number changes; each is part of the identity of templates.
REWRITE_VERSIONS: dict[Kind, str] = {"embedder": "2", "detector": "1"}
SOUGHT = (96, 64)  # height and width of a detector's test pictures: a few places for faces at the coarsest stride
TEST_PICTURES = 5
TOLERANCE = 1e-5  # of the largest component of the source graph's output


def rewrite(source: bytes, kind: Kind = "embedder") -> bytes:
    """The graph that is run, as serialised ONNX. Raises BadInput for what is not an ONNX model of that kind."""
    model = _plain(source)
    graph = model.graph
    if kind == "detector":
        _replace_nodes(graph, join_heads(graph))
    else:
        if len(graph.output) != 1:
            raise BadInput("the model must have one output")
        _replace_nodes(graph, spell_out_prelu(graph))
        _free_batch(graph)
    return bytes(model.SerializeToString(deterministic=True))


def plain(source: bytes) -> bytes:
    """The published graph after steps 1 to 3 alone, for programs that do not load it otherwise."""
    return bytes(_plain(source).SerializeToString(deterministic=True))


def check_equal(source: bytes, result: bytes, kind: Kind = "embedder", picture: tuple[int, ...] = ()) -> float:
    """The largest difference of both graphs on the test pictures, relative to the largest component of an output.

    `picture` are the last sides of what is fed, where the graph's own do not count or are left open.

    Raises IntegrityError above 1e-5.
    """
    import numpy as np

    difference = 0.0
    picture = SOUGHT if kind == "detector" else picture
    for expected, actual in zip(_evaluate(source, picture), _evaluate(result, picture), strict=True):
        if expected.keys() != actual.keys() or any(expected[name].shape != actual[name].shape for name in expected):
            raise IntegrityError("the rewritten graph has other outputs than the published one: it is not used")
        for name, values in expected.items():
            found = float(np.abs(values - actual[name]).max() / np.abs(values).max())
            if not found <= TOLERANCE:
                raise IntegrityError(f"the rewritten graph differs from the published one by {found:g}: it is not used")
            difference = max(difference, found)
    return difference


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def _plain(source: bytes) -> "ModelProto":
    model = _parse(source)
    _drop_unfed_inputs(model.graph)
    if len(model.graph.input) != 1:
        raise BadInput("the model must have one input")
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


def _evaluate(raw: bytes, picture: tuple[int, ...]) -> "Iterator[dict[str, Floats]]":
    """What a graph makes of each test picture, whose shape ends in `picture`: the published outputs by name."""
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(raw)
    known = {tensor.name for tensor in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    fed = [value for value in model.graph.input if value.name not in known]
    evaluator = ReferenceEvaluator(model)
    shapes = {value.name: _sides(value, picture if value.name in used else ()) for value in fed}
    for number in range(TEST_PICTURES):
        feeds = {
            name: _test_picture(number, sides) if name in used else np.zeros(sides, np.float32)
            for name, sides in shapes.items()
        }
        try:
            outputs = [np.asarray(values, np.float32) for values in evaluator.run(None, feeds)]
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadInput(f"the model cannot be evaluated: {str(error).splitlines()[0]}") from None
        names = [value.name for value in model.graph.output]
        yield published_outputs(outputs) if names == MAPS else dict(zip(names, outputs, strict=True))


def _sides(value: "ValueInfoProto", picture: tuple[int, ...]) -> list[int]:
    """The sizes of a fed value, ending in those of a picture; 1 for others that the graph leaves open."""
    dims = [max(1, dim.dim_value) for dim in value.type.tensor_type.shape.dim]
    return [*dims[: len(dims) - len(picture)], *picture]


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
