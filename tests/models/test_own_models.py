"""An embedder that does not ship with this program: its manifest beside its graph, and what installing it refuses."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from matcher.errors import BadInput, IntegrityError
from matcher.models.catalogue import MANIFEST, adopted, chosen, default, manifests, parse_manifest
from matcher.models.install import install
from matcher.models.record import installed
from matcher.models.verify import verify
from tests.models.tiny_embedder import lay, manifest_of, tiny_embedder


def quiet(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def taken(folder: Path, raw: bytes, **said: object) -> Path:
    """Installs such a model; returns the models folder."""
    page = lay(folder, raw, **said)  # type: ignore[arg-type]
    models = folder / "models"
    manifest, kept = adopted(page, models)
    install(manifest, models, page.with_suffix(".onnx"), quiet, kept)
    return models


def test_manifest_and_file_are_kept_and_the_model_is_known_by_its_id(tmp_path: Path) -> None:
    models = taken(tmp_path, tiny_embedder())
    assert (models / "own" / MANIFEST).read_bytes() == (tmp_path / "own.toml").read_bytes()
    assert verify(manifests(models)["own"], models).used.parent == models / "own"
    assert chosen("embedder", "own", models).dim == 64
    assert chosen("embedder", None, models) == default("embedder")
    again, page = adopted(tmp_path / "own.toml", models)
    assert (again, page) == (manifests(models)["own"], None)


def test_a_model_that_is_not_known_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no embedder mine: known are sface-2021dec, "):
        chosen("embedder", "mine", tmp_path)
    with pytest.raises(BadInput, match="there is no detector sface-2021dec: known are yunet"):
        chosen("detector", "sface-2021dec", tmp_path)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("side", [96, "any"])
def test_fixed_and_open_sides_in_both_layouts(tmp_path: Path, layout: str, side: int | str) -> None:
    models = taken(tmp_path, tiny_embedder(side=side, layout=layout), extra=f'layout = "{layout}"\n')
    assert installed(manifests(models)["own"], models) is not None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"size": 112}, r"model own takes n x 3 x 96 x 96, its manifest says n x 3 x 112 x 112 \(NCHW\)"),
        ({"extra": 'layout = "NHWC"\n'}, r"its manifest says n x 96 x 96 x 3 \(NHWC\)"),
        ({"dim": 128}, "model own gives 64 numbers, its manifest says dim = 128"),
    ],
)
def test_a_manifest_that_does_not_fit_its_graph_is_refused(tmp_path: Path, said: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        taken(tmp_path, tiny_embedder(), **said)
    assert not (tmp_path / "models").exists()


def altered(kind: str) -> bytes:
    model = onnx.load_model_from_string(tiny_embedder())
    graph = model.graph
    if kind == "half precision":
        graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
        graph.node.insert(0, helper.make_node("Cast", ["data"], ["wide"], to=TensorProto.FLOAT))
        graph.node[1].input[0] = "wide"
    elif kind == "flat":
        del graph.input[0].type.tensor_type.shape.dim[2:]
    elif kind == "shapeless":
        del graph.output[0].type.tensor_type.shape.dim[:]
    elif kind == "two outputs":
        graph.output.append(helper.make_tensor_value_info("two", TensorProto.FLOAT, [1, 24, 24, 24]))
    else:  # sides that do not fit each other
        graph.initializer[2].CopyFrom(numpy_helper.from_array(np.zeros((7, 64), np.float32), "last"))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("half precision", "takes FLOAT16: only models of 32-bit numbers"),
        ("flat", "takes n x 3, its manifest says n x 3 x 96 x 96"),
        ("shapeless", "must have a shape"),
        ("two outputs", "one output"),
        ("broken inside", "cannot be evaluated"),
    ],
)
def test_a_graph_that_cannot_be_run_is_refused(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        taken(tmp_path, altered(kind))
    assert not (tmp_path / "models").exists()


def test_another_file_than_the_manifest_names_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    page = lay(tmp_path, tiny_embedder())
    (tmp_path / "own.onnx").write_bytes(tiny_embedder(seed=1))
    manifest, kept = adopted(page, tmp_path / "models")
    with pytest.raises(IntegrityError, match=r"is not own\.onnx with sha256"):
        install(manifest, tmp_path / "models", tmp_path / "own.onnx", quiet, kept)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Apache-2.0", ""), "key licence: "),
        (("Apache-2.0", " "), "key licence: "),
        (("dim = 64", "dim = 4097"), "key dim: "),
        (("dim = 64", 'dim = 64\ndecoder = "yunet"'), "key decoder: embedders have none"),
        (("mean = 127.5", "means = 127.5"), "key input.means: "),
        (("size = 96", "size = 9"), r"key input.size: must be px, or \[height, width\]"),
        (("size = 96", "size = [96, 64]"), "key input.template: arcface-112 is for square inputs"),
        (("own.onnx", "manifest.toml"), "key file: manifest.toml is taken by this program"),
        (("own.onnx", "own.rewrite-2.onnx"), "key file: own.rewrite-2.onnx is taken by this program"),
        (('"embedder"', '"detector"'), "key dim: detectors have none"),
        (("[input]", "[input"), "is not TOML"),
    ],
)
def test_a_defect_is_one_line_with_file_and_key(change: tuple[str, str], words: str) -> None:
    text = manifest_of(b"graph")
    assert change[0] in text
    with pytest.raises(BadInput, match=words) as refusal:
        parse_manifest(text.replace(*change), "own.toml")
    assert str(refusal.value).startswith("own.toml")
    assert "\n" not in str(refusal.value)


def test_a_detector_names_its_decoder_and_no_other_is_taken() -> None:
    text = (
        'id = "mine"\nkind = "detector"\nfile = "mine.onnx"\nbytes = 1\nlicence = "MIT"\nsource = "me"\n'
        f'sha256 = "{"0" * 64}"\ndecoder = "yunet"\n'
    )
    assert parse_manifest(text, "mine.toml").decoder == "yunet"
    with pytest.raises(BadInput, match="key decoder: input should be 'yunet'"):
        parse_manifest(text.replace('"yunet"', '"haar"'), "mine.toml")


def test_an_id_belongs_to_one_manifest(tmp_path: Path) -> None:
    models = taken(tmp_path, tiny_embedder())
    with pytest.raises(BadInput, match="taken by another manifest"):
        adopted(lay(tmp_path, tiny_embedder(seed=1)), models)
    with pytest.raises(BadInput, match="taken by another manifest"):
        adopted(lay(tmp_path, tiny_embedder(), model_id="sface-2021dec"), models)


def test_what_is_no_manifest_is_bad_input(tmp_path: Path) -> None:
    for name, raw in (
        ("absent", None),
        ("binary", b"\xff\xfe"),
        ("long", b"#" * 70_000),
        ("deep", b"a=" + b"[" * 9999),
    ):
        if raw is not None:
            (tmp_path / name).write_bytes(raw)
        with pytest.raises(BadInput, match=name):
            adopted(tmp_path / name, tmp_path)
