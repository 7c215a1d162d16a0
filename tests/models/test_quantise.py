"""8-bit graphs: read as a chain, near the published graph, the same bytes from the same table."""

import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from matcher.errors import BadInput
from matcher.models.catalogue import default
from matcher.models.chain import pre_activations, read_chain
from matcher.models.quantise import quantise
from matcher.models.quantise_openvino import quantise_for_openvino
from matcher.models.ranges import RANGES, Ranges, _three_digits, measure, ranges_of
from matcher.models.verify import verify

SIDE = 12
LAYERS = ("first", "each", "point")
Make = Callable[[bytes, dict[str, np.ndarray]], bytes]
both = pytest.mark.parametrize("make", [quantise, quantise_for_openvino])


def published(seed: int = 0, slopes: tuple[float, float] = (-0.6, 1.3)) -> onnx.ModelProto:
    """A small face network as published ones are built: three convolutions, PRelu behind each, one product."""
    random = np.random.default_rng(seed)
    tensors = {"shift": np.array([127.5]), "scale": np.array([0.0078125])}
    nodes = [
        helper.make_node("Sub", ["data", "shift"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "scale"], ["scaled"]),
    ]
    last = "scaled"
    for name, shape, groups, stride in (
        ("first", (8, 3, 3, 3), 1, 1),
        ("each", (8, 1, 3, 3), 8, 2),
        ("point", (16, 8, 1, 1), 1, 1),
    ):
        tensors[f"{name}/w"] = random.normal(size=shape)
        tensors[f"{name}/slopes"] = random.uniform(*slopes, (shape[0], 1, 1))
        pad = shape[-1] // 2
        nodes += [
            helper.make_node("Conv", [last, f"{name}/w"], [name], group=groups, strides=[stride] * 2, pads=[pad] * 4),
            *normalisation(name, shape[0], random, tensors),
            helper.make_node("PRelu", [f"{name}/bn", f"{name}/slopes"], [f"{name}/active"]),
        ]
        last = f"{name}/active"
    nodes += normalisation(last, 16, random, tensors)
    tensors |= {"fc/w": random.normal(size=(10, 16 * 36)), "fc/b": random.normal(size=10)}
    nodes += [
        helper.make_node("Dropout", [f"{last}/bn"], ["kept"]),
        helper.make_node("Flatten", ["kept"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc/w", "fc/b"], ["product"], transB=1),
        *normalisation("product", 10, random, tensors),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("product/bn", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def normalisation(
    name: str, channels: int, random: np.random.Generator, tensors: dict[str, np.ndarray]
) -> list[onnx.NodeProto]:
    names = [f"{name}/{part}" for part in ("gain", "shift", "mean", "variance")]
    for one in names:
        tensors[one] = random.uniform(0.5, 2, channels)
    return [helper.make_node("BatchNormalization", [name, *names], [f"{name}/bn"], epsilon=0.001)]


def pictures(count: int, seed: int = 1) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, SIDE // 4, SIDE // 4), dtype=np.uint8)
    return coarse.repeat(4, axis=2).repeat(4, axis=3)


def table(model: onnx.ModelProto, faces: np.ndarray | None = None) -> dict[str, np.ndarray]:
    found = measure(read_chain(model.SerializeToString()), pictures(40, 2) if faces is None else faces)
    return {name: np.array(values) for name, values in found.items()}


def run(graph: bytes, faces: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"data": face[np.newaxis].astype(np.float32)})[0] for face in faces])


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@given(st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_a_chain_is_the_graph_that_it_was_read_from(seed: int) -> None:
    model = published(seed)
    face = pictures(1, seed)[0]
    expected = run(model.SerializeToString(), face[np.newaxis])
    *layers, embedding = pre_activations(read_chain(model.SerializeToString()), face.astype(np.float64))
    assert [values.shape for values in layers] == [(8, 12, 12), (8, 6, 6), (16, 6, 6)]
    assert np.allclose(embedding, expected[0], rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@given(st.integers(0, 999), st.sampled_from([(-0.9, 1.3), (1.01, 1.5), (-1.4, -1.01), (0.0, 0.0)]))
@settings(max_examples=12, deadline=None)
def test_eight_bits_are_near_whatever_the_slopes(seed: int, slopes: tuple[float, float]) -> None:
    model = published(seed, slopes)
    faces = pictures(10, seed)
    expected = run(model.SerializeToString(), faces)
    # A network of 8 channels averages little out; a wrong sign, slope or shift gives less than 0.9.
    for make in (quantise, quantise_for_openvino):
        assert cosines(run(make(model.SerializeToString(), table(model, faces)), faces), expected).min() > 0.97


def test_the_graph_holds_operators_of_the_standard_and_pixels_are_exact() -> None:
    model = published()
    graph = onnx.load_model_from_string(quantise(model.SerializeToString(), table(model)))
    onnx.checker.check_model(graph, full_check=True)
    assert {(one.domain, one.version) for one in graph.opset_import} == {("", 13)}
    assert [node.op_type for node in graph.graph.node].count("QLinearConv") == 2 * len(LAYERS)
    every = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16)
    session = ReferenceEvaluator(
        helper.make_model(
            helper.make_graph(
                graph.graph.node[:1],
                "pixels",
                [helper.make_tensor_value_info("data", TensorProto.FLOAT, None)],
                [helper.make_tensor_value_info("pixels", TensorProto.UINT8, None)],
                graph.graph.initializer,
            ),
            opset_imports=[helper.make_opsetid("", 13)],
        )
    )
    assert np.array_equal(session.run(None, {"data": every})[0].reshape(-1), np.arange(256))


def test_several_faces_at_once_are_the_same_bits_as_each_alone() -> None:
    model = published()
    graph, faces = quantise(model.SerializeToString(), table(model)), pictures(5)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(None, {"data": faces.astype(np.float32)})[0], run(graph, faces))


@both
def test_the_same_bytes_twice_and_others_from_another_table(make: Make) -> None:
    model = published()
    source, ranges = model.SerializeToString(), table(model)
    assert make(source, ranges) == make(source, ranges)
    assert make(source, ranges) != make(source, ranges | {"each": 2 * ranges["each"]})


@both
def test_a_channel_that_never_moved_is_no_division_by_zero(make: Make) -> None:
    model = published()
    ranges = table(model)
    ranges["each"][3] = 0
    assert np.isfinite(run(make(model.SerializeToString(), ranges), pictures(3))).all()


def test_openvino_sees_every_convolution_and_the_product_between_conversions() -> None:
    """What is not between two conversions is run in floating point: slowly, and without a word."""
    model = published()
    graph = onnx.load_model_from_string(quantise_for_openvino(model.SerializeToString(), table(model))).graph
    made_by = {node.output[0]: node.op_type for node in graph.node}
    readers = {taken: node.op_type for node in graph.node for taken in node.input}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert [node.output[0] for node in convolutions] == [*LAYERS, "product"]
    for node in convolutions:
        assert [made_by[name] for name in node.input[:2]] == ["DequantizeLinear"] * 2
    for name in LAYERS:
        assert (readers[name], readers[f"{name}/active"]) == ("PRelu", "QuantizeLinear")


@pytest.mark.parametrize("shift", [0.0, 127.5, 128.0, 255.0])
def test_pixels_are_exact_for_openvino_too(shift: float) -> None:
    model = published()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([shift], np.float32), "shift"))
    graph = onnx.load_model_from_string(quantise_for_openvino(model.SerializeToString(), table(model)))
    head = helper.make_graph(
        graph.graph.node[:2],
        "pixels",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, None)],
        graph.graph.initializer,
    )
    session = ReferenceEvaluator(helper.make_model(head, opset_imports=[helper.make_opsetid("", 13)]))
    every = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16)
    assert np.array_equal(session.run(None, {"data": every})[0].reshape(-1), np.arange(256))


def without_a_layer(ranges: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values for name, values in ranges.items() if name != "each"}


@pytest.mark.parametrize(
    "changed",
    [
        without_a_layer,
        lambda ranges: dict(reversed(ranges.items())),
        lambda ranges: ranges | {"each": ranges["each"][:-1]},
        lambda ranges: ranges | {"each": 0 * ranges["each"]},
    ],
)
def test_a_table_of_another_model_is_refused(
    changed: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
) -> None:
    model = published()
    for make in (quantise, quantise_for_openvino):
        with pytest.raises(BadInput, match="table of ranges"):
            make(model.SerializeToString(), changed(table(model)))


def dilated(model: onnx.ModelProto) -> None:
    model.graph.node[2].attribute.append(helper.make_attribute("dilations", [2, 2]))


def read_twice(model: onnx.ModelProto) -> None:
    model.graph.node[5].input[0] = "scaled"


def without_activation(model: onnx.ModelProto) -> None:
    del model.graph.node[4]
    model.graph.node[4].input[0] = "first/bn"


def another_operator(model: onnx.ModelProto) -> None:
    model.graph.node[4].op_type = "Relu"


def without_product(model: onnx.ModelProto) -> None:
    del model.graph.node[-2:]
    model.graph.output[0].name = "flat"


def uneven(model: onnx.ModelProto) -> None:
    model.graph.node[2].attribute[1].ints[0] = 2


@pytest.mark.parametrize("spoil", [dilated, read_twice, without_activation, another_operator, without_product, uneven])
def test_what_is_no_chain_is_refused(spoil: Callable[[onnx.ModelProto], None]) -> None:
    model = published()
    spoil(model)
    with pytest.raises(BadInput, match="cannot be run in 8 bits"):
        read_chain(model.SerializeToString())


@given(st.floats(1e-6, 1e6))
def test_magnitudes_are_of_three_digits_and_never_smaller(value: float) -> None:
    rounded = _three_digits(value)
    assert value <= rounded <= value * 1.01
    assert len(Decimal(repr(rounded)).normalize().as_tuple().digits) <= 3


def test_measured_are_the_largest_before_and_behind_the_slope() -> None:
    chain = read_chain(published(slopes=(1.5, 1.5)).SerializeToString())
    faces = pictures(6)
    first = [next(iter(pre_activations(chain, face.astype(np.float64)))) for face in faces]
    expected = np.max([np.where(values < 0, -1.5 * values, values).max(axis=(1, 2)) for values in first], axis=0)
    found = np.array(measure(chain, faces)["first"])
    assert ((found >= expected) & (found <= 1.01 * expected)).all()


def test_a_table_reads_as_it_was_written_and_belongs_to_one_model(tmp_path: Path) -> None:
    manifest = default("embedder").model_copy(update={"id": "mine"})
    ranges = Ranges(
        id="mine", source_sha256=manifest.sha256, pictures="made up", faces=3, largest={"a": (1.5, 2), "b": (0.001,)}
    )
    page = tmp_path / "mine" / RANGES
    page.parent.mkdir()
    with pytest.raises(BadInput, match=r"model mine has no ranges\.json: it cannot be run in 8 bits"):
        ranges_of(manifest, tmp_path)
    page.write_bytes(ranges.encode())
    assert ranges_of(manifest, tmp_path) == ranges
    assert ranges_of(manifest, tmp_path).encode() == ranges.encode()
    with pytest.raises(BadInput, match="other weights"):
        ranges_of(manifest.model_copy(update={"sha256": "0" * 64}), tmp_path)
    page.write_bytes(ranges.encode().replace(b"1.5", b"-1.5"))
    with pytest.raises(BadInput, match="not a table"):
        ranges_of(manifest, tmp_path)


DIGESTS = {
    quantise: "03023be3556519b54b58e320bab066f1010893be513984f18579ed8b0e51967c",
    quantise_for_openvino: "901c4cea0c7a530bd180b5562da4847704f9d6782347453eb9e927af15c3a6c7",
}


def test_the_default_graphs_are_these_bytes_on_every_processor(models_folder: Path) -> None:
    """Another digest means another version of the graph: templates of both must never be compared."""
    model = verify(default("embedder"), models_folder)
    published, ranges = model.published.read_bytes(), ranges_of(model.manifest, models_folder).arrays()
    for make, digest in DIGESTS.items():
        assert hashlib.sha256(make(published, ranges)).hexdigest() == digest
