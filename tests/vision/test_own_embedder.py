"""The pipeline with an embedder of another size, order and range of colours: what it is fed, what stays the same."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from matcher.domain.face import Face, FacePlace, Picture
from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_input import ARCFACE, EmbedderInput
from matcher.domain.policy import Quality
from matcher.errors import BadInput
from matcher.kernels import normalise
from matcher.models.catalogue import default, parse_manifest
from matcher.models.rewrite import rewrite, sha256
from matcher.models.verify import verify
from matcher.vision.align import STANDARD, align, crop_of
from matcher.vision.decode import decode
from matcher.vision.feeding import prepared
from matcher.vision.files import read_picture_file
from matcher.vision.pipeline import FacePipeline, open_pipeline
from matcher.vision.session import Embedder
from matcher.vision.touchstone import NAMES, shipped_faces
from tests.models.tiny_embedder import manifest_of, plain, tiny_embedder

WIDE = "template = [[30, 30], [60, 30], [45, 48], [33, 65], [58, 65]]\n"


def own(folder: Path, extra: str = "", layout: str = "NCHW") -> InstalledModel:
    raw = tiny_embedder(layout=layout)
    used = folder / "own.onnx"
    used.write_bytes(rewrite(raw))
    manifest = parse_manifest(manifest_of(raw, extra=extra), "own.toml")
    return InstalledModel(manifest, used, used, sha256(used.read_bytes()), "r2")


def with_own(models_folder: Path, folder: Path, extra: str = "", layout: str = "NCHW") -> FacePipeline:
    return open_pipeline(verify(default("detector"), models_folder), own(folder, extra, layout), 1)


@pytest.fixture(scope="module")
def picture(demo: Path) -> Picture:
    found = read_picture_file(demo / "list" / NAMES[1])
    assert isinstance(found, Picture)
    return found


@pytest.mark.parametrize(
    ("extra", "layout"), [("", "NCHW"), ('channels = "bgr"\n', "NCHW"), (WIDE, "NCHW"), ('layout = "NHWC"\n', "NHWC")]
)
def test_a_template_is_what_onnx_makes_of_the_face_as_the_manifest_says(
    models_folder: Path, tmp_path: Path, picture: Picture, extra: str, layout: str
) -> None:
    """The same steps written out here: colours and order by hand, the published graph by `onnx` itself."""
    pipeline = with_own(models_folder, tmp_path, extra, layout)
    (face,) = pipeline.faces(picture, Quality())
    assert isinstance(face, Face)
    pixels = decode(picture)
    assert isinstance(pixels, np.ndarray)
    crop = align(pixels, face.place, crop_of(own(tmp_path, extra, layout).manifest.fed))
    assert crop.shape == (96, 96, 3)
    colours = crop if "bgr" in extra else crop[..., ::-1]
    fed = (colours.astype(np.float64) - 127.5) / 128
    batch = fed[np.newaxis] if layout == "NHWC" else fed.transpose(2, 0, 1)[np.newaxis]
    expected = normalise(plain(tiny_embedder(layout=layout), batch.astype(np.float32)))[0]
    assert np.abs(face.template - expected).max() < 1e-5


def test_landmarks_come_to_lie_where_the_manifest_says() -> None:
    fed = EmbedderInput.model_validate(
        {"size": [120, 90], "template": [[30, 40], [60, 40], [45, 58], [33, 75], [58, 75]]}
    )
    landmarks = [(2.0 * x + 37, 2.0 * y + 21) for x, y in fed.points]
    pixels = np.zeros((320, 320, 3), np.uint8)
    for x, y in landmarks:
        cv2.circle(pixels, (round(x), round(y)), 5, (255, 255, 255), -1)
    first, second, third, fourth, fifth = landmarks
    crop = align(pixels, FacePlace((0, 0, 320, 320), (first, second, third, fourth, fifth)), crop_of(fed))
    assert crop.shape == (120, 90, 3)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    away = [min(np.hypot(columns - x, rows - y)) for x, y in fed.points]
    assert max(away) < 0.8
    nearest = [
        min(np.hypot(column - x, row - y) for x, y in fed.points) for row, column in zip(rows, columns, strict=True)
    ]
    assert max(nearest) < 3.5  # nothing white anywhere else


def test_the_named_template_grows_with_a_square_input(picture: Picture, pipeline: FacePipeline) -> None:
    (face,) = pipeline.faces(picture, Quality())
    pixels = decode(picture)
    assert isinstance(face, Face)
    assert isinstance(pixels, np.ndarray)
    twice = align(pixels, face.place, crop_of(EmbedderInput(size=(224, 224))))
    halved = cv2.resize(twice, (112, 112), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(halved - align(pixels, face.place)).mean() < 3


def test_channels_means_and_scales_go_together() -> None:
    crop = np.zeros((1, 16, 16, 3), np.uint8)
    crop[..., 0], crop[..., 1], crop[..., 2] = 10, 20, 30  # blue, green, red
    fed = prepared(crop, EmbedderInput(size=(16, 16), mean=(1, 2, 3), scale=(2, 4, 8)))
    assert [fed[0, at, 0, 0] for at in range(3)] == [(30 - 1) * 2, (20 - 2) * 4, (10 - 3) * 8]
    turned = prepared(crop, EmbedderInput(size=(16, 16), channels="bgr", mean=(1, 2, 3), scale=2, layout="NHWC"))  # type: ignore[arg-type]
    assert turned[0, 0, 0].tolist() == [(10 - 1) * 2, (20 - 2) * 2, (30 - 3) * 2]
    assert (fed.dtype, turned.dtype) == (np.float32, np.float32)


def test_sface_is_fed_as_before() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3)).astype(np.uint8)
    expected = crop[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    assert np.array_equal(prepared(crop, EmbedderInput()), expected)


def test_quality_is_measured_on_the_same_crop_whatever_the_embedder_sees(
    models_folder: Path, tmp_path: Path, pipeline: FacePipeline, picture: Picture
) -> None:
    (ours,) = with_own(models_folder, tmp_path, WIDE).faces(picture, Quality())
    (sface,) = pipeline.faces(picture, Quality())
    assert isinstance(ours, Face)
    assert isinstance(sface, Face)
    same = [name for name in ours.quality.__slots__ if getattr(ours.quality, name) == getattr(sface.quality, name)]
    assert set(ours.quality.__slots__) - set(same) == {"feature_norm"}


def test_the_standard_crop_is_made_once() -> None:
    assert crop_of(EmbedderInput()) is STANDARD
    assert crop_of(EmbedderInput(template=ARCFACE)) is STANDARD
    assert crop_of(EmbedderInput(size=(113, 113))) is not STANDARD


def test_the_identity_holds_the_digest_of_the_input(
    models_folder: Path, tmp_path: Path, pipeline: FacePipeline
) -> None:
    found = with_own(models_folder, tmp_path).identity
    digest = own(tmp_path).manifest.fed.digest()[:32]
    assert found.preprocessing == f"{pipeline.identity.preprocessing}+{digest}"
    assert found.dim == 64


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"size": (112, 112)}, r"takes .*96, 96\], its manifest says \[1, 3, 112, 112\]"), ({"layout": "NHWC"}, "takes")],
)
def test_loading_checks_the_shape_too(changed: dict[str, object], words: str) -> None:
    fed = EmbedderInput.model_validate({"size": 96, **changed})
    with pytest.raises(BadInput, match=words):
        Embedder(rewrite(tiny_embedder()), 64, fed)


def test_open_sides_are_filled_and_another_number_of_numbers_is_refused() -> None:
    fed = EmbedderInput(size=(96, 96))
    opened = Embedder(rewrite(tiny_embedder(side="any")), 64, fed)
    assert opened.embed(np.zeros((2, 96, 96, 3), np.uint8)).shape == (2, 64)
    with pytest.raises(BadInput, match="manifest says 65"):
        Embedder(rewrite(tiny_embedder()), 65, fed)


def test_the_touchstone_is_made_of_the_four_shipped_faces(pipeline: FacePipeline, models_folder: Path) -> None:
    rows = np.frombuffer(pipeline.touchstone, "<f4").reshape(4, 128)
    alone = [pipeline.faces(face, Quality.loosest())[0] for face in shipped_faces()]
    assert all(isinstance(face, Face) for face in alone)
    assert np.array_equal(rows, np.array([face.template for face in alone if isinstance(face, Face)]))
    models = [verify(default(kind), models_folder) for kind in ("detector", "embedder")]
    assert open_pipeline(*models, 3).touchstone == pipeline.touchstone


def test_the_faces_of_the_touchstone_are_those_that_every_list_was_compared_by() -> None:
    digest = hashlib.sha256(b"".join(face.data for face in shipped_faces())).hexdigest()
    assert digest == "4c28ed257a3e08bf5eaa2588da3f722e8308f78c1a463200e26060b224cfee61"


class Nothing:
    """Gives a direction to no face, as a graph does that is fed with far too small numbers."""

    def embed(self, aligned: np.ndarray) -> np.ndarray:
        return np.zeros((len(aligned), 64), np.float32)


def test_a_model_that_makes_nothing_of_the_shipped_faces_is_refused(models_folder: Path, tmp_path: Path) -> None:
    whole = with_own(models_folder, tmp_path)
    empty = FacePipeline(whole._detector, Nothing(), whole.identity, 1)
    with pytest.raises(
        BadInput, match=r"none of the 4 shipped faces.*no template.*yunet-2023mar-int8bq or own is wrong"
    ):
        _ = empty.touchstone
