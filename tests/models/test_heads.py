"""Joined heads: the same answers, and refusals of what is not a YuNet."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from matcher.errors import BadInput, IntegrityError
from matcher.models.heads import MAPS, published_outputs
from matcher.models.rewrite import check_equal, rewrite
from tests.models.tiny_yunet import tiny_yunet


@given(seed=st.integers(0, 1000), height=st.integers(1, 3), width=st.integers(1, 3))
def test_the_maps_hold_what_was_published(seed: int, height: int, width: int) -> None:
    source = tiny_yunet(seed).SerializeToString()
    result = rewrite(source, "detector")
    x = np.random.default_rng(seed).uniform(0, 255, (1, 3, 32 * height, 32 * width)).astype(np.float32)
    before, after = (ReferenceEvaluator(onnx.load_model_from_string(raw)) for raw in (source, result))
    expected = dict(zip(before.output_names, before.run(None, {"input": x}), strict=True))
    actual = published_outputs(after.run(None, {"input": x}))
    assert after.output_names == MAPS
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(actual[name], values, rtol=0, atol=1e-5 * abs(values).max())


def test_eight_convolutions_become_two_and_nothing_follows_them() -> None:
    source = tiny_yunet().SerializeToString()
    result = rewrite(source, "detector")
    model = onnx.load_model_from_string(result)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Mul", "Conv", "MaxPool", "MaxPool", *["Conv"] * 6]
    assert rewrite(source, "detector") == result
    assert check_equal(source, result, "detector") <= 1e-5


def other_padding(model: onnx.ModelProto) -> None:
    """Read as if it were that of a YuNet, the graph would give other numbers at the edges."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "pads":
                attribute.CopyFrom(helper.make_attribute("pads", [0, 0, 2, 2]))


def other_weights(model: onnx.ModelProto) -> None:
    """As if the joined weights were wrong in one place."""
    model.graph.initializer[-3].CopyFrom(tiny_yunet(1).graph.initializer[-3])


@pytest.mark.parametrize("change", [other_padding, other_weights])
def test_a_difference_that_is_computed_is_found(change: Callable[[onnx.ModelProto], None]) -> None:
    model = tiny_yunet()
    result = rewrite(model.SerializeToString(), "detector")
    change(model)
    with pytest.raises(IntegrityError, match="differs"):
        check_equal(model.SerializeToString(), result, "detector")


def node_that_makes(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    (found,) = [node for node in model.graph.node if name in node.output]
    return found


def lacking_an_output(model: onnx.ModelProto) -> None:
    del model.graph.output[3]


def a_head_of_other_features(model: onnx.ModelProto) -> None:
    node_that_makes(model, "obj_16.first").input[0] = "features_8"


def a_head_that_is_cut(model: onnx.ModelProto) -> None:
    node_that_makes(model, "kps_8.second").op_type = "Relu"
    del node_that_makes(model, "kps_8.second").input[1:], node_that_makes(model, "kps_8.second").attribute[:]


def a_head_without_bias(model: onnx.ModelProto) -> None:
    del node_that_makes(model, "cls_32.first").input[2:]


def a_head_of_another_width(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == "bbox_8.first.weight":
            values = np.zeros((4, 6, 3, 3), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


@pytest.mark.parametrize(
    "change",
    [
        lacking_an_output,
        a_head_of_other_features,
        a_head_that_is_cut,
        a_head_without_bias,
        a_head_of_another_width,
    ],
)
def test_what_is_not_a_yunet_is_bad_input(change: Callable[[onnx.ModelProto], None]) -> None:
    model = tiny_yunet()
    change(model)
    with pytest.raises(BadInput, match="not a YuNet"):
        rewrite(model.SerializeToString(), "detector")
