from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from matcher.errors import BadInput, IntegrityError
from matcher.models.rewrite import check_equal, rewrite

FLOATS = TensorProto.FLOAT


def graph_like_the_published_one(seed: int = 0) -> onnx.ModelProto:
    """Weights in 8-bit blocks, listed as inputs; an input nothing uses; one PRelu; a batch of one."""
    random = np.random.default_rng(seed)
    tensors = [
        numpy_helper.from_array(random.integers(-99, 99, (4, 12), dtype=np.int8), "packed"),
        numpy_helper.from_array(np.float32(0.03), "scale"),
        numpy_helper.from_array(np.array([4, 3, 2, 2], np.int64), "shape"),
        numpy_helper.from_array(random.normal(size=(4, 1, 1)).astype(np.float32), "slope"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["packed", "scale"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["weights"]),
        helper.make_node("Conv", ["data", "weights"], ["conv"]),
        helper.make_node("PRelu", ["conv", "slope"], ["active"]),
        helper.make_node("Flatten", ["active"], ["fc1"]),
    ]
    inputs = [
        helper.make_tensor_value_info("data", FLOATS, [1, 3, 4, 4]),
        helper.make_tensor_value_info("scale", FLOATS, []),
        helper.make_tensor_value_info("left over", FLOATS, [7]),
    ]
    graph = helper.make_graph(
        nodes, "tiny", inputs, [helper.make_tensor_value_info("fc1", FLOATS, [1, 36])], initializer=tensors
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_what_is_left_is_the_plain_graph() -> None:
    result = onnx.load_model_from_string(rewrite(graph_like_the_published_one().SerializeToString()))
    onnx.checker.check_model(result, full_check=True)
    assert [value.name for value in result.graph.input] == ["data"]
    assert [node.op_type for node in result.graph.node] == ["Conv", "Relu", "Sub", "Mul", "Add", "Flatten"]
    assert sorted(tensor.name for tensor in result.graph.initializer) == ["slope", "weights"]
    assert result.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"


def test_it_gives_the_same_bytes_twice_and_is_stable_when_applied_again() -> None:
    source = graph_like_the_published_one().SerializeToString()
    result = rewrite(source)
    assert rewrite(source) == result
    assert rewrite(result) == result


@given(
    x=arrays.arrays(np.float32, (2, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    slope=arrays.arrays(np.float32, (3,), elements=st.floats(-4, 4, width=32)),
)
def test_spelling_out_prelu_changes_no_bit(x: np.ndarray, slope: np.ndarray) -> None:
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["x", "slope"], ["y"])],
        "prelu",
        [helper.make_tensor_value_info("x", FLOATS, [2, 3])],
        [helper.make_tensor_value_info("y", FLOATS, [2, 3])],
        initializer=[numpy_helper.from_array(slope, "slope")],
    )
    source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    result = onnx.load_model_from_string(rewrite(source.SerializeToString()))
    (before,), (after,) = (ReferenceEvaluator(model).run(None, {"x": x}) for model in (source, result))
    assert np.array_equal(before, after)  # +0.0 and -0.0 count as equal


def convolutions(slopes: np.ndarray, groups: int, last: str, seed: int = 0) -> onnx.ModelProto:
    """Convolution, PRelu, then a grouped convolution or batch normalisation of four channels."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    tensors = {"first": normal(4, 3, 3, 3), "slope": slopes.astype(np.float32).reshape(-1, 1, 1)}
    nodes = [helper.make_node("Conv", ["data", "first"], ["conv"], pads=[1, 1, 1, 1])]
    nodes.append(helper.make_node("PRelu", ["conv", "slope"], ["active"]))
    if last == "Conv":
        tensors["second"] = normal(8, 4 // groups, 3, 3)
        nodes.append(helper.make_node("Conv", ["active", "second"], ["out"], group=groups))
    else:
        tensors |= {"gamma": normal(4), "beta": normal(4), "mean": normal(4), "variance": abs(normal(4)) + 1}
        nodes.append(helper.make_node(last, ["active", "gamma", "beta", "mean", "variance"], ["out"]))
    shape = [1, 8, 4, 4] if last == "Conv" else [1, 4, 6, 6]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("data", FLOATS, [1, 3, 6, 6])],
        [helper.make_tensor_value_info("out", FLOATS, shape)],
        initializer=[numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def kinds(raw: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(raw).graph.node]


@given(
    slopes=arrays.arrays(np.float32, (4,), elements=st.floats(-4, 4, width=32)),
    groups=st.sampled_from([1, 2, 4]),
    last=st.sampled_from(["Conv", "BatchNormalization"]),
)
def test_between_convolutions_the_factor_goes_into_the_next_weights(slopes: np.ndarray, groups: int, last: str) -> None:
    source = convolutions(slopes, groups, last).SerializeToString()
    result = rewrite(source)
    near_one = (abs(1 - slopes.astype(float)) < 0.001).any()
    spelled = ["Relu", "Sub", "Mul", "Add"] if near_one else ["Relu", "Conv", "Add"]
    assert kinds(result) == ["Conv", *spelled, last]
    assert check_equal(source, result) <= 1e-5
    assert rewrite(result) == result


def shared_weights(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Conv", ["data", "second"], ["more"], group=4))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "first"))


def second_reader(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["active"], ["more"]))


def read_as_weights(model: onnx.ModelProto) -> None:
    model.graph.node[2].input[:] = ["conv", "active"]


def one_slope_for_all(model: onnx.ModelProto) -> None:
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full((1, 1, 1), 0.25, np.float32), "slope"))


@pytest.mark.parametrize("change", [shared_weights, second_reader, read_as_weights, one_slope_for_all])
def test_a_factor_that_would_reach_others_is_not_moved(change: Callable[[onnx.ModelProto], None]) -> None:
    model = convolutions(np.full(4, 0.25), 4, "Conv")
    change(model)
    assert "Sub" in kinds(rewrite(model.SerializeToString()))


def test_equal_graphs_pass_and_another_graph_does_not() -> None:
    source = graph_like_the_published_one().SerializeToString()
    assert check_equal(source, rewrite(source)) <= 1e-5
    with pytest.raises(IntegrityError, match="differs"):
        check_equal(source, rewrite(graph_like_the_published_one(seed=1).SerializeToString()))


def test_weights_in_another_file_are_refused() -> None:
    model = graph_like_the_published_one()
    packed = model.graph.initializer[0]
    packed.data_location = TensorProto.EXTERNAL
    packed.ClearField("raw_data")
    packed.external_data.add(key="location", value="/etc/hostname")
    with pytest.raises(BadInput, match=r"another file|not an ONNX model"):
        rewrite(model.SerializeToString())


def test_weights_of_a_constant_node_in_another_file_are_refused() -> None:
    model = graph_like_the_published_one()
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "far")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="far.bin")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["far"], value=tensor))
    with pytest.raises(BadInput, match=r"another file|not an ONNX model"):
        rewrite(model.SerializeToString())


def test_two_inputs_are_refused() -> None:
    model = graph_like_the_published_one()
    model.graph.input.append(helper.make_tensor_value_info("mask", FLOATS, [1, 36]))
    model.graph.node[-1].output[0] = "flat out"
    model.graph.node.append(helper.make_node("Add", ["flat out", "mask"], ["fc1"]))
    with pytest.raises(BadInput, match="one input"):
        rewrite(model.SerializeToString())


@pytest.mark.parametrize("junk", [b"", b"not a model", b"\x00" * 100])
def test_what_is_not_onnx_is_refused(junk: bytes) -> None:
    with pytest.raises(BadInput, match="not an ONNX model"):
        rewrite(junk)
